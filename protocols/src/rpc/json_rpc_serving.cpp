// The serving half of JsonRpcPeer.
#include <exception>
#include <string>
#include <utility>

#include <twister/rpc/json_rpc_peer.hpp>

#include "json_rpc_answer.hpp"

namespace twister {

using detail::error_response;
using detail::result_response;
using nlohmann::json;

namespace {

bool is_id(const json& id) {
  return id.is_string() || id.is_number() || id.is_null();
}

// What cannot be told from a response must not be answered: two peers would go on for ever.
bool is_response(const json& message) {
  return message.is_object() && !message.contains("method") &&
         (message.contains("result") || message.contains("error"));
}

// Its id comes back only if it is one.
json id_to_answer(const json& request) {
  if (!request.is_object()) return nullptr;
  const auto id = request.find("id");
  return id != request.end() && is_id(*id) ? *id : json();
}

bool is_request(const json& request) {
  if (!request.is_object()) return false;
  const auto version = request.find("jsonrpc");
  const auto method = request.find("method");
  const auto params = request.find("params");
  const auto id = request.find("id");
  return version != request.end() && *version == "2.0" && method != request.end() &&
         method->is_string() && (params == request.end() || params->is_structured()) &&
         (id == request.end() || is_id(*id));
}

JsonRpcError over_limit(const std::string& what) {
  return {static_cast<std::int64_t>(JsonRpcCode::invalid_request), "Invalid Request: " + what};
}

}  // namespace

void JsonRpcPeer::receive(json& message) {
  if (message.is_array()) {
    serve_batch(message);
  } else if (is_response(message)) {
    take_response(message);
  } else {
    serve(message, nullptr);
  }
}

void JsonRpcPeer::receive_malformed(const CodecError& error) {
  ++counters_.invalid;
  if (!send_) return;
  const bool is_limit = error.error_code() == Condition::limit;
  if (is_limit) ++counters_.refused;
  send_response(error_response(
      is_limit ? over_limit(error.message()) : JsonRpcError(JsonRpcCode::parse_error), nullptr));
}

void JsonRpcPeer::serve_batch(json& items) {
  if (items.empty()) {
    ++counters_.invalid;
    send_response(error_response(JsonRpcError(JsonRpcCode::invalid_request), nullptr));
    return;
  }
  if (items.size() > options_.max_batch_items) {
    ++counters_.refused;
    send_response(
        error_response(over_limit(std::to_string(items.size()) + " items exceed max_batch_items " +
                                  std::to_string(options_.max_batch_items)),
                       nullptr));
    return;
  }
  const auto batch = std::make_shared<ServedBatch>();
  const std::uint64_t epoch = epoch_;
  for (json& item : items) {
    if (is_response(item)) {
      take_response(item);
    } else {
      serve(item, batch);
    }
    if (epoch != epoch_) return;  // the connection is gone
  }
  finish(*batch);
}

void JsonRpcPeer::serve(json& request, const std::shared_ptr<ServedBatch>& batch) {
  if (!is_request(request)) {
    ++counters_.invalid;
    answer(error_response(JsonRpcError(JsonRpcCode::invalid_request), id_to_answer(request)),
           batch.get());
    return;
  }
  ++counters_.requests;
  const auto found = request.find("id");
  const bool is_notification = found == request.end();
  run(request, is_notification ? json() : std::move(*found), is_notification, batch);
}

void JsonRpcPeer::run(json& request, json id, bool is_notification,
                      const std::shared_ptr<ServedBatch>& batch) {
  const auto refuse = [&](const JsonRpcError& error) {
    if (!is_notification) answer(error_response(error, std::move(id)), batch.get());
  };
  const auto& name = request["method"].get_ref<const std::string&>();
  const JsonRpcMethods::Method* const method = methods_.find(name);
  if (method == nullptr) return refuse(JsonRpcError(JsonRpcCode::method_not_found));
  if (idle_) {
    return refuse(to_json_rpc_error({RpcCode::unavailable, "the server is shutting down"}));
  }
  if (memory_budget().is_used_up()) {
    ++counters_.refused;
    RpcStatus status(RpcCode::resource_exhausted, "the memory budget is used up");
    status.retryable = true;
    return refuse(to_json_rpc_error(status));
  }
  if (method->later && replies_ >= options_.max_calls_in_flight) {
    ++counters_.refused;
    return refuse(
        to_json_rpc_error({RpcCode::resource_exhausted,
                           std::to_string(options_.max_calls_in_flight) + " calls are in flight"}));
  }
  const auto self = shared_from_this();  // whatever the handler does
  JsonRpcContext context(*this, name, is_notification);
  const auto given = request.find("params");
  json none;
  json& params = given == request.end() ? none : *given;
  if (batch) ++batch->pending;
  const auto answer =
      std::make_shared<detail::JsonRpcAnswer>(*this, name, std::move(id), is_notification, batch);
  const JsonRpcReply reply(answer);
  const auto handle = [&] {
    try {
      if (method->later) return method->later(context, params, reply);
      reply(method->at_once(context, params));
    } catch (...) {
      reply.fail(std::current_exception());
    }
  };
  if (method->checks == nullptr) return handle();
  detail::start_free_call(*this, *method->checks, params, answer, handle);
}

void JsonRpcPeer::answer(json response, ServedBatch* batch) {
  if (batch != nullptr) {
    batch->responses.push_back(std::move(response));
  } else {
    send_response(response);
  }
}

// `response` is null for a notification.
void JsonRpcPeer::answer_late(json response, const std::shared_ptr<ServedBatch>& batch,
                              std::uint64_t epoch) {
  if (epoch != epoch_) return;
  --serving_;
  if (!response.is_null()) answer(std::move(response), batch.get());
  if (batch) finish(*batch);
  if (serving_ == 0) tell_idle();
}

// One of what the batch waits for has come about.
void JsonRpcPeer::finish(ServedBatch& batch) {
  if (--batch.pending > 0 || batch.responses.empty() || !send_) return;
  if (send_(batch.responses) != WriteStatus::refused) return;
  // Too long, or one of them has no JSON: the callers are told one by one, still in one message.
  for (json& response : batch.responses) {
    if (!response.contains("error")) {
      response = error_response(
          JsonRpcError(JsonRpcCode::internal_error, "the results cannot be sent together"),
          std::move(response["id"]));
    }
  }
  send_response(batch.responses);
}

void JsonRpcPeer::send_response(const json& response) {
  if (!send_ || send_(response) != WriteStatus::refused) return;
  const JsonRpcError error(JsonRpcCode::internal_error, "the result cannot be sent");
  const json id = response.is_object() ? response["id"] : json();
  if (send_(error_response(error, id)) != WriteStatus::refused) return;
  send_(error_response(error, nullptr));  // even its id is too long
}

void JsonRpcPeer::drain(std::function<void()> idle) {
  idle_ = std::move(idle);
  if (serving_ == 0) tell_idle();
}

void JsonRpcPeer::tell_idle() {
  if (idle_) idle_();
}

}  // namespace twister
