// The serving half of JsonRpcPeer.
#include <memory>
#include <string>
#include <utility>

#include <twister/memory_budget.hpp>
#include <twister/rpc/json_rpc_peer.hpp>

namespace twister {

using detail::DuplexFailure;
using detail::JsonRpcWire;
using nlohmann::json;

namespace {

// In memory, roughly.
std::size_t size_of(const json& value) {
  std::size_t size = sizeof(json);
  if (value.is_string()) {
    size += value.get_ref<const std::string&>().size();
  } else if (value.is_array()) {
    for (const json& item : value) size += size_of(item);
  } else if (value.is_object()) {
    constexpr std::size_t node = 80;  // of a map, with a short key in it
    for (const auto& [key, item] : value.items()) size += node + key.size() + size_of(item);
  }
  return size;
}

}  // namespace

// A batch of the peer's, and what it is answered with.
struct detail::JsonRpcServedBatch {
  explicit JsonRpcServedBatch(MemoryBudget& counted_in) : budget(counted_in) {}
  ~JsonRpcServedBatch() { budget.change(kept_bytes, 0); }
  JsonRpcServedBatch(const JsonRpcServedBatch&) = delete;
  JsonRpcServedBatch& operator=(const JsonRpcServedBatch&) = delete;

  void add(json response) {
    const std::size_t bytes = size_of(response);
    budget.change(0, bytes);
    kept_bytes += bytes;
    responses.push_back(std::move(response));
  }

  MemoryBudget& budget;
  std::size_t kept_bytes = 0;
  json responses = json::array();
  std::size_t pending = 1;  // calls that are not answered yet, and one for the loop over the items
};

namespace {

json response_to(json id, const char* member, json value) {
  json response = {{"jsonrpc", "2.0"}};
  response[member] = std::move(value);
  response["id"] = std::move(id);
  return response;
}

json json_of(const JsonRpcError& error) {
  json made = {{"code", error.code()}, {"message", error.text()}};
  if (!error.data().is_null()) made["data"] = error.data();
  return made;
}

json error_response(const JsonRpcError& error, json id) {
  return response_to(std::move(id), "error", json_of(error));
}

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

DuplexFailure JsonRpcWire::failure(const RpcStatus& status) {
  return {status, json_of(to_json_rpc_error(status))};
}

DuplexFailure JsonRpcWire::failure(const JsonRpcError& error, const std::string& /*method*/) {
  return {to_rpc_status(error), json_of(error)};
}

DuplexFailure JsonRpcWire::internal_error(const std::string& reference, const std::string& method) {
  return failure(JsonRpcError(JsonRpcCode::internal_error, {{"reference", reference}}), method);
}

RpcStatus JsonRpcWire::unknown_method(const std::string& /*method*/) {
  return to_rpc_status(JsonRpcError(JsonRpcCode::method_not_found));
}

void JsonRpcPeer::receive(json& message) {
  if (message.is_array()) {
    serve_batch(message);
  } else if (is_response(message)) {
    take_response(message);
  } else {
    take_request(message, nullptr);
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
  if (memory_budget().is_used_up()) {
    ++counters_.refused;
    RpcStatus status(RpcCode::resource_exhausted, "the memory budget is used up");
    status.retryable = true;
    send_response(response_to(nullptr, "error", JsonRpcWire::failure(status).error));
    return;
  }
  const auto batch = std::make_shared<Batch>(memory_budget());
  batches_.insert(batch);
  const std::uint64_t epoch = epoch_;
  for (json& item : items) {
    if (is_response(item)) {
      take_response(item);
    } else {
      take_request(item, batch);
    }
    // The connection is lost, or ends: nobody will see the other answers.
    if (epoch != epoch_ || (connection() != nullptr && !connection()->is_open())) return;
  }
  finish(batch);
}

void JsonRpcPeer::take_request(json& request, const std::shared_ptr<Batch>& batch) {
  if (!is_request(request)) {
    ++counters_.invalid;
    respond(error_response(JsonRpcError(JsonRpcCode::invalid_request), id_to_answer(request)),
            batch.get());
    return;
  }
  ++counters_.requests;
  if (batch) ++batch->pending;
  const auto id = request.find("id");
  const auto params = request.find("params");
  const bool is_notice = id == request.end();
  json none;
  serve(request["method"].get_ref<const std::string&>(), params == request.end() ? none : *params,
        {is_notice ? json() : std::move(*id), is_notice, batch});
}

void JsonRpcPeer::answer(const Ticket& ticket, json error, json result) {
  const std::shared_ptr<Batch> batch = ticket.batch.lock();
  if (!ticket.is_notice) {
    respond(error.is_null() ? response_to(ticket.id, "result", std::move(result))
                            : response_to(ticket.id, "error", std::move(error)),
            batch.get());
  }
  if (batch) finish(batch);
}

void JsonRpcPeer::respond(json response, Batch* batch) {
  if (batch != nullptr) {
    batch->add(std::move(response));
  } else {
    send_response(response);
  }
}

// One of what the batch waits for has come about.
void JsonRpcPeer::finish(const std::shared_ptr<Batch>& batch) {
  if (--batch->pending > 0) return;
  batches_.erase(batch);
  if (batch->responses.empty() || !send_) return;
  if (send_(batch->responses) != WriteStatus::refused) return;
  // Too long, or one of them has no JSON: the callers are told one by one, still in one message.
  for (json& response : batch->responses) {
    if (!response.contains("error")) {
      response = error_response(
          JsonRpcError(JsonRpcCode::internal_error, "the results cannot be sent together"),
          std::move(response["id"]));
    }
  }
  send_response(batch->responses);
}

void JsonRpcPeer::send_response(const json& response) {
  if (!send_ || send_(response) != WriteStatus::refused) return;
  const JsonRpcError error(JsonRpcCode::internal_error, "the result cannot be sent");
  const json id = response.is_object() ? response["id"] : json();
  if (send_(error_response(error, id)) != WriteStatus::refused) return;
  send_(error_response(error, nullptr));  // even its id is too long
}

}  // namespace twister
