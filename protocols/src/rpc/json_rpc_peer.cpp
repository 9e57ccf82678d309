// The calling half; the serving half is in json_rpc_serving.cpp.
#include <stdexcept>
#include <utility>

#include <twister/rpc/json_rpc_peer.hpp>

#include "json_rpc_answer.hpp"

namespace twister {

using nlohmann::json;

namespace {

// The largest integer that every peer's JSON holds exactly, and one more.
constexpr std::uint64_t call_ids = std::uint64_t{1} << 53;

bool is_taken(WriteStatus status) {
  return status == WriteStatus::queued || status == WriteStatus::paused;
}

RpcStatus unsent(WriteStatus status) {
  switch (status) {
    case WriteStatus::refused:
      return {RpcCode::invalid_argument, "the call cannot be sent: not JSON, too deep or too long"};
    case WriteStatus::dropped:
      return {RpcCode::resource_exhausted, "the peer is too slow"};
    default:
      return {RpcCode::unavailable, "no connection"};
  }
}

// An error as a response has it, or nothing for what is none.
std::optional<JsonRpcError> read_error(json& error) {
  if (!error.is_object()) return std::nullopt;
  const auto code = error.find("code");
  const auto message = error.find("message");
  if (code == error.end() || !code->is_number_integer() || message == error.end() ||
      !message->is_string()) {
    return std::nullopt;
  }
  const auto data = error.find("data");
  return JsonRpcError(code->get<std::int64_t>(), message->get<std::string>(),
                      data == error.end() ? json() : std::move(*data));
}

// What a response says. Exactly one of the two is in it.
JsonRpcResult read_response(json& response) {
  const auto result = response.find("result");
  const auto error = response.find("error");
  if ((result == response.end()) != (error == response.end())) {
    if (error == response.end()) {
      JsonRpcResult succeeded;
      succeeded.value = std::move(*result);
      return succeeded;
    }
    if (auto read = read_error(*error)) {
      JsonRpcResult failed(to_rpc_status(*read));
      failed.error = std::move(read);
      return failed;
    }
  }
  return JsonRpcResult(RpcStatus(RpcCode::data_loss, "the response is malformed"));
}

}  // namespace

json JsonRpcResult::value_or_throw() && {
  if (ok()) return std::move(value);
  if (error) throw *error;
  throw RpcError(std::move(status));
}

void JsonRpcBatch::call(std::string_view method, json params, JsonRpcCallback done,
                        const JsonRpcCallOptions& options) {
  if (!done) throw std::invalid_argument("JsonRpcBatch: a call without a callback");
  items_.push_back({std::string(method), std::move(params), std::move(done), options});
}

void JsonRpcBatch::notify(std::string_view method, json params) {
  items_.push_back({std::string(method), std::move(params), {}, {}});
}

std::shared_ptr<JsonRpcPeer> JsonRpcPeer::make(IOLoop& loop, const JsonRpcMethods& methods,
                                               const JsonRpcOptions& options) {
  return std::shared_ptr<JsonRpcPeer>(new JsonRpcPeer(loop, methods, options));
}

JsonRpcPeer::JsonRpcPeer(IOLoop& loop, const JsonRpcMethods& methods, const JsonRpcOptions& options)
    : loop_(loop), methods_(methods), options_(options), calls_(loop, call_ids, 1) {}

json JsonRpcPeer::request(std::string_view method, json& params) const {
  json request = {{"jsonrpc", "2.0"}, {"method", method}};
  if (!params.is_null()) request["params"] = std::move(params);
  return request;
}

// Gives the request its id, or ends the call.
std::optional<std::uint64_t> JsonRpcPeer::begin_call(json& request, const JsonRpcCallback& done,
                                                     const JsonRpcCallOptions& options) {
  const auto params = request.find("params");
  if (params != request.end() && !params->is_structured()) {
    calls_.fail_soon(done,
                     {RpcCode::invalid_argument, "params are neither an array nor an object"});
    return std::nullopt;
  }
  if (!is_open() && !wanted_) {
    calls_.fail_soon(done, unsent(WriteStatus::closed));
    return std::nullopt;
  }
  if (calls_.size() >= options_.max_calls_in_flight) {
    calls_.fail_soon(done, {RpcCode::resource_exhausted,
                            std::to_string(options_.max_calls_in_flight) + " calls are in flight"});
    return std::nullopt;
  }
  const std::uint64_t id = calls_.add(done, options.timeout.value_or(options_.call_timeout));
  request["id"] = id;
  return id;
}

std::function<void()> JsonRpcPeer::call(std::string_view method, json params, JsonRpcCallback done,
                                        const JsonRpcCallOptions& options) {
  if (!done) throw std::invalid_argument("JsonRpcPeer: a call without a callback");
  json message = request(method, params);
  const auto id = begin_call(message, done, options);
  if (!id) return [] {};
  transmit({std::move(message), {*id}, false});
  return [weak = weak_from_this(), id = *id] {
    if (const auto self = weak.lock()) {
      self->calls_.end_soon(id, {RpcCode::cancelled, "cancelled by the caller"});
    }
  };
}

WriteStatus JsonRpcPeer::notify(std::string_view method, json params) {
  if (!params.is_null() && !params.is_structured()) return WriteStatus::refused;
  return transmit({request(method, params), {}, true});
}

WriteStatus JsonRpcPeer::send(JsonRpcBatch batch) {
  Waiting message{json::array(), {}, false};
  for (JsonRpcBatch::Item& item : batch.items_) {
    json one = request(item.method, item.params);
    if (item.done) {
      const auto id = begin_call(one, item.done, item.options);
      if (!id) continue;
      message.calls.push_back(*id);
    } else {
      message.notifies = true;
    }
    message.message.push_back(std::move(one));
  }
  return message.message.empty() ? WriteStatus::queued : transmit(std::move(message));
}

WriteStatus JsonRpcPeer::transmit(Waiting message) {
  WriteStatus status = WriteStatus::closed;
  if (send_) {
    status = send_(message.message);
  } else if (wanted_) {
    // Calls are counted by their table, but not what needs no answer.
    if (waiting_.size() >= 2 * options_.max_calls_in_flight) {
      status = WriteStatus::dropped;
    } else {
      waiting_.push_back(std::move(message));
      wanted_();
      return WriteStatus::queued;
    }
  }
  if (!is_taken(status)) end_unsent(message.calls, status);
  return status;
}

void JsonRpcPeer::end_unsent(const std::vector<std::uint64_t>& calls, WriteStatus status) {
  for (const std::uint64_t id : calls) calls_.end_soon(id, unsent(status));
}

void JsonRpcPeer::attach(Send send, Protocol* connection, MemoryBudget* budget) {
  send_ = std::move(send);
  connection_ = connection;
  budget_ = budget;
  ++epoch_;
  serving_ = 0;
  replies_ = 0;
  while (!waiting_.empty() && send_) {
    const Waiting message = std::move(waiting_.front());
    waiting_.pop_front();
    bool is_wanted = message.notifies;
    for (const std::uint64_t id : message.calls) is_wanted = is_wanted || calls_.contains(id);
    if (!is_wanted) continue;  // cancelled or too late
    const WriteStatus status = send_(message.message);
    if (!is_taken(status)) end_unsent(message.calls, status);
  }
}

void JsonRpcPeer::detach(const RpcStatus& why) {
  send_ = nullptr;
  connection_ = nullptr;
  budget_ = nullptr;
  names_ = nullptr;
  ++epoch_;
  serving_ = 0;
  replies_ = 0;
  idle_ = nullptr;
  std::exchange(parts_, {}).clear();  // calls that are served end first: they may have made some
  calls_.end_all(why);                // none of them waits: attach() has sent them all
}

void JsonRpcPeer::end_calls(const RpcStatus& why) {
  waiting_.clear();
  calls_.end_all(why);
}

void JsonRpcPeer::end_calls_soon(const RpcStatus& why) {
  waiting_.clear();
  calls_.end_all_soon(why);
}

void JsonRpcPeer::take_response(json& response) {
  const auto id = response.find("id");
  JsonRpcCallback done;
  if (id == response.end() || !id->is_number_unsigned() ||
      !calls_.take(id->get<std::uint64_t>(), done)) {
    ++counters_.unmatched_responses;
    return;
  }
  done(read_response(response));
}

}  // namespace twister
