#include <utility>

#include <twister/rpc/json_rpc_error.hpp>

#include "base64.hpp"

namespace twister {

using nlohmann::json;

namespace {

constexpr std::int64_t first_server_code = -32000;
constexpr std::int64_t last_status = static_cast<std::int64_t>(RpcCode::unauthenticated);

std::string text_of(JsonRpcCode code) {
  switch (code) {
    case JsonRpcCode::parse_error:
      return "Parse error";
    case JsonRpcCode::invalid_request:
      return "Invalid Request";
    case JsonRpcCode::method_not_found:
      return "Method not found";
    case JsonRpcCode::invalid_params:
      return "Invalid params";
    case JsonRpcCode::internal_error:
      return "Internal error";
  }
  return "Error";
}

RpcCode code_of(std::int64_t code) {
  switch (static_cast<JsonRpcCode>(code)) {
    case JsonRpcCode::parse_error:
    case JsonRpcCode::invalid_request:
    case JsonRpcCode::invalid_params:
      return RpcCode::invalid_argument;
    case JsonRpcCode::method_not_found:
      return RpcCode::unimplemented;
    case JsonRpcCode::internal_error:
      return RpcCode::internal;
  }
  const std::int64_t status = first_server_code - code;
  return status >= 1 && status <= last_status ? static_cast<RpcCode>(status) : RpcCode::unknown;
}

std::int64_t code_of(RpcCode code) {
  switch (code) {
    case RpcCode::invalid_argument:
      return static_cast<std::int64_t>(JsonRpcCode::invalid_params);
    case RpcCode::unimplemented:
      return static_cast<std::int64_t>(JsonRpcCode::method_not_found);
    case RpcCode::internal:
      return static_cast<std::int64_t>(JsonRpcCode::internal_error);
    default:
      return first_server_code - static_cast<std::int64_t>(code);
  }
}

// JSON has no other strings than UTF-8, and an answer with one could not be sent at all.
std::string valid_text(const std::string& text) {
  const std::string printed = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  return json::parse(printed).get<std::string>();
}

// What the numbers of JSON-RPC have no room for; null when there is nothing.
json data_of(const RpcStatus& status) {
  if (status.details.empty() && !status.retryable) return nullptr;
  json data = {{"code", to_string(status.code)}};
  if (!status.details.empty()) data["details"] = detail::to_base64(status.details);
  if (status.retryable) data["retryable"] = true;
  return data;
}

// False when it is something else, which a handler has made.
bool read_data(const json& data, RpcStatus& status) {
  if (!data.is_object() || data.value("code", json()) != to_string(status.code)) return false;
  const json details = data.value("details", json(""));
  const json retryable = data.value("retryable", json(false));
  if (!details.is_string() || !retryable.is_boolean()) return false;
  auto bytes = detail::from_base64(details.get_ref<const std::string&>());
  if (!bytes) return false;
  status.details = std::move(*bytes);
  status.retryable = retryable.get<bool>();
  return true;
}

}  // namespace

JsonRpcError::JsonRpcError(JsonRpcCode code, json data)
    : JsonRpcError(static_cast<std::int64_t>(code), text_of(code), std::move(data)) {}

JsonRpcError::JsonRpcError(std::int64_t code, std::string text, json data)
    : code_(code),
      text_(std::move(text)),
      data_(std::move(data)),
      what_(std::to_string(code) + ": " + text_) {}

JsonRpcError to_json_rpc_error(const RpcStatus& status) {
  return {code_of(status.code),
          status.text.empty() ? to_string(status.code) : valid_text(status.text), data_of(status)};
}

RpcStatus to_rpc_status(const JsonRpcError& error) {
  // Beyond 32 bits there is no code of ours.
  const bool narrow = error.code() >= -40000 && error.code() <= 0;
  RpcStatus status(narrow ? code_of(error.code()) : RpcCode::unknown, error.text());
  if (!error.data().is_null() && !read_data(error.data(), status)) {
    status.details = error.data().dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return status;
}

}  // namespace twister
