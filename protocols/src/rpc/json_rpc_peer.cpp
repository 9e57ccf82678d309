// The calling half; the serving half is in json_rpc_serving.cpp.
#include <stdexcept>
#include <utility>

#include <twister/rpc/json_rpc_peer.hpp>

namespace twister {

using detail::JsonRpcWire;
using nlohmann::json;

namespace {

json notification(std::string_view method, json params) {
  json message = {{"jsonrpc", "2.0"}, {"method", method}};
  if (!params.is_null()) message["params"] = std::move(params);
  return message;
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

RpcStatus JsonRpcWire::check_params(const json& params) {
  if (params.is_null() || params.is_structured()) return {};
  return {RpcCode::invalid_argument, "params are neither an array nor an object"};
}

json JsonRpcWire::request(std::uint64_t id, std::string_view method, json params) {
  json request = notification(method, std::move(params));
  request["id"] = id;
  return request;
}

// ---- calling ----

std::shared_ptr<JsonRpcPeer> JsonRpcPeer::make(IOLoop& loop, const JsonRpcMethods& methods,
                                               const JsonRpcOptions& options) {
  return std::shared_ptr<JsonRpcPeer>(new JsonRpcPeer(loop, methods, options));
}

WriteStatus JsonRpcPeer::notify(std::string_view method, json params) {
  if (!JsonRpcWire::check_params(params).ok()) return WriteStatus::refused;
  return transmit(notification(method, std::move(params)), {}, true);
}

WriteStatus JsonRpcPeer::send(JsonRpcBatch batch) {
  json messages = json::array();
  std::vector<std::uint64_t> calls;
  bool has_notices = false;
  for (JsonRpcBatch::Item& item : batch.items_) {
    if (!item.done) {
      messages.push_back(notification(item.method, std::move(item.params)));
      has_notices = true;
    } else if (const auto id = begin_call(item.params, std::move(item.done), item.options)) {
      messages.push_back(JsonRpcWire::request(*id, item.method, std::move(item.params)));
      calls.push_back(*id);
    }
  }
  return messages.empty() ? WriteStatus::queued : transmit(std::move(messages), calls, has_notices);
}

void JsonRpcPeer::attach(Send send, Protocol* connection, MemoryBudget* budget) {
  DuplexPeer::attach(std::move(send), connection, budget);
  start_calls();
}

void JsonRpcPeer::detach(const RpcStatus& why) {
  names_ = nullptr;
  batches_.clear();
  DuplexPeer::detach(why);
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
