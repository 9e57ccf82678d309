#include <exception>
#include <stdexcept>
#include <utility>

#include <twister/rpc/torpc_peer.hpp>

#include "torpc_answer.hpp"

namespace twister {

using nlohmann::json;

namespace {

constexpr std::uint64_t call_ids = (std::uint64_t{1} << 30) + 1;  // 0 to 2^30

bool is_taken(WriteStatus status) {
  return status == WriteStatus::queued || status == WriteStatus::paused;
}

RpcStatus unsent(WriteStatus status) {
  switch (status) {
    case WriteStatus::refused:
      return {RpcCode::invalid_argument, "the call cannot be sent: no array, too deep or too long"};
    case WriteStatus::dropped:
      return {RpcCode::resource_exhausted, "the peer is too slow"};
    default:
      return {RpcCode::unavailable, "no connection"};
  }
}

json arguments_of(json arguments) {
  return arguments.is_null() ? json::array() : std::move(arguments);
}

json pair_of(json first, json second) {
  json pair = json::array();
  pair.push_back(std::move(first));
  pair.push_back(std::move(second));
  return pair;
}

// Bytes that are no UTF-8 may come as strings, and dump() throws on those.
std::string text_of(const json& error) {
  if (error.is_string()) return error.get<std::string>();
  return error.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

json TorpcResult::value_or_throw() && {
  if (ok()) return std::move(value);
  throw RpcError(std::move(status));
}

std::shared_ptr<TorpcPeer> TorpcPeer::make(IOLoop& loop, const TorpcServices& services,
                                           const TorpcOptions& options) {
  return std::shared_ptr<TorpcPeer>(new TorpcPeer(loop, services, options));
}

TorpcPeer::TorpcPeer(IOLoop& loop, const TorpcServices& services, const TorpcOptions& options)
    : loop_(loop), services_(services), options_(options), calls_(loop, call_ids) {}

// ---- calling ----

std::function<void()> TorpcPeer::call(std::string_view method, json arguments, TorpcCallback done,
                                      const TorpcCallOptions& options) {
  if (!done) throw std::invalid_argument("TorpcPeer: a call without a callback");
  RpcStatus refused;
  if (!arguments.is_null() && !arguments.is_array()) {
    refused = unsent(WriteStatus::refused);
  } else if (!is_open() && !waits()) {
    refused = unsent(WriteStatus::closed);
  } else if (calls_.size() >= options_.max_calls_in_flight) {
    refused = {RpcCode::resource_exhausted,
               std::to_string(options_.max_calls_in_flight) + " calls are in flight"};
  }
  if (!refused.ok()) {
    calls_.fail_soon(std::move(done), std::move(refused));
    return [] {};
  }
  const std::uint64_t id =
      calls_.add(std::move(done), options.timeout.value_or(options_.call_timeout));
  transmit({TorpcType::request, static_cast<std::int32_t>(id),
            pair_of(method, arguments_of(std::move(arguments)))});
  return [weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) {
      self->calls_.end_soon(id, {RpcCode::cancelled, "cancelled by the caller"});
    }
  };
}

WriteStatus TorpcPeer::notice(std::string_view method, json arguments) {
  if (!arguments.is_null() && !arguments.is_array()) return WriteStatus::refused;
  return transmit({TorpcType::notice, static_cast<std::int32_t>(calls_.take_id()),
                   pair_of(method, arguments_of(std::move(arguments)))});
}

void TorpcPeer::register_name(std::string_view name, TorpcCallback done) {
  if (!done) throw std::invalid_argument("TorpcPeer: a call without a callback");
  if (!is_open()) return calls_.fail_soon(std::move(done), unsent(WriteStatus::closed));
  const std::uint64_t id = calls_.add(std::move(done), options_.call_timeout);
  const WriteStatus status =
      send_({TorpcType::register_name, static_cast<std::int32_t>(id), pair_of("register", name)});
  if (!is_taken(status)) calls_.end_soon(id, unsent(status));
}

WriteStatus TorpcPeer::transmit(TorpcMessage message) {
  WriteStatus status = WriteStatus::closed;
  if (waits()) {
    // Calls are counted by their table, but not what needs no answer.
    if (waiting_.size() < 2 * options_.max_calls_in_flight) {
      waiting_.push_back(std::move(message));
      wanted_();
      return WriteStatus::queued;
    }
    status = WriteStatus::dropped;
  } else if (send_) {
    status = send_(message);
  }
  if (!is_taken(status) && message.type == TorpcType::request) {
    calls_.end_soon(static_cast<std::uint64_t>(message.id), unsent(status));
  }
  return status;
}

// ---- the connection ----

void TorpcPeer::attach(Send send, Protocol* connection, MemoryBudget* budget) {
  send_ = std::move(send);
  connection_ = connection;
  budget_ = budget;
  started_ = false;
  ++epoch_;
  serving_ = 0;
  replies_ = 0;
}

void TorpcPeer::start_calls() {
  started_ = true;
  while (!waiting_.empty() && send_) {
    TorpcMessage message = std::move(waiting_.front());
    waiting_.pop_front();
    const bool is_call = message.type == TorpcType::request;
    if (is_call && !calls_.contains(static_cast<std::uint64_t>(message.id))) {
      continue;  // cancelled or too late
    }
    transmit(std::move(message));
  }
}

void TorpcPeer::detach(const RpcStatus& why) {
  send_ = nullptr;
  connection_ = nullptr;
  budget_ = nullptr;
  started_ = false;
  ++epoch_;
  serving_ = 0;
  replies_ = 0;
  idle_ = nullptr;
  std::exchange(parts_, {}).clear();  // calls that are served end first: they may have made some
  end_calls(why);
}

void TorpcPeer::end_calls(const RpcStatus& why) {
  waiting_.clear();
  calls_.end_all(why);
}

void TorpcPeer::end_calls_soon(const RpcStatus& why) {
  waiting_.clear();
  calls_.end_all_soon(why);
}

void TorpcPeer::receive(TorpcMessage& message) {
  if (message.type != TorpcType::response) return serve(message);
  TorpcCallback done;
  if (message.id < 0 || !calls_.take(static_cast<std::uint64_t>(message.id), done)) {
    ++counters_.unmatched_responses;
    return;
  }
  TorpcResult result;
  if (message.body[0].is_null()) {
    result.value = std::move(message.body[1]);
  } else {
    result.status = {RpcCode::unknown, text_of(message.body[0])};
  }
  done(std::move(result));
}

void TorpcPeer::receive_malformed(const TorpcPayload::Header& header, const CodecError& error) {
  if (error.code == CodecErrc::unknown_type) {
    ++counters_.unknown_types;
    return;
  }
  ++counters_.malformed;
  const auto type = static_cast<TorpcType>(header.type);
  if (type == TorpcType::request || type == TorpcType::register_name) {
    answer(header.id, "malformed request: " + error.message(), nullptr);
  } else if (type == TorpcType::response && header.id >= 0) {
    TorpcCallback done;
    if (calls_.take(static_cast<std::uint64_t>(header.id), done)) {
      done(TorpcResult(RpcStatus(RpcCode::data_loss, "the response is malformed")));
    }
  }
}

// ---- serving ----

void TorpcPeer::serve(TorpcMessage& request) {
  ++counters_.requests;
  if (request.type == TorpcType::register_name) {
    const auto& name = request.body[1].get_ref<const std::string&>();
    if (request.body[0] != "register") {
      answer(request.id, "names are registered by \"register\"", nullptr);
    } else if (!take_name_) {
      answer(request.id, "no names are registered here", nullptr);
    } else {
      answer(request.id, nullptr, take_name_(name));
    }
    return;
  }
  run(request, request.type == TorpcType::notice);
}

void TorpcPeer::run(TorpcMessage& request, bool is_notice) {
  const auto refuse = [&](std::string text) {
    if (!is_notice) answer(request.id, std::move(text), nullptr);
  };
  const auto& name = request.body[0].get_ref<const std::string&>();
  const TorpcServices::Method* const method = services_.find(name);
  if (method == nullptr) return refuse("there is no function " + name);
  if (idle_) return refuse("the server is shutting down");
  if (memory_budget().is_used_up()) return refuse("the memory budget is used up");
  if (method->later && replies_ >= options_.max_calls_in_flight) {
    return refuse(std::to_string(options_.max_calls_in_flight) + " calls are in flight");
  }
  const auto self = shared_from_this();  // whatever the handler does
  TorpcContext context(*this, name, is_notice);
  json& arguments = request.body[1];
  const auto answer = std::make_shared<detail::TorpcAnswer>(*this, name, request.id, is_notice);
  const TorpcReply reply(answer);
  const auto handle = [&] {
    try {
      if (method->later) return method->later(context, arguments, reply);
      reply(method->at_once(context, arguments));
    } catch (...) {
      reply.fail(std::current_exception());
    }
  };
  if (method->checks == nullptr) return handle();
  detail::start_free_call(*this, *method->checks, arguments, answer, handle);
}

void TorpcPeer::answer(std::int32_t id, json error, json result) {
  if (!send_) return;
  const WriteStatus status =
      send_({TorpcType::response, id, pair_of(std::move(error), std::move(result))});
  if (status == WriteStatus::refused) {
    send_({TorpcType::response, id, pair_of("the result cannot be sent", nullptr)});
  }
}

void TorpcPeer::answer_late(std::int32_t id, json error, json result, bool is_notice,
                            std::uint64_t epoch) {
  if (epoch != epoch_) return;
  --serving_;
  if (!is_notice) answer(id, std::move(error), std::move(result));
  if (serving_ == 0) tell_idle();
}

void TorpcPeer::drain(std::function<void()> idle) {
  idle_ = std::move(idle);
  if (serving_ == 0) tell_idle();
}

void TorpcPeer::tell_idle() {
  if (idle_) idle_();
}

}  // namespace twister
