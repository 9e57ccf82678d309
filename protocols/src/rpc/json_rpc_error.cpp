#include <utility>

#include <twister/rpc/json_rpc_error.hpp>

namespace twister {

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

}  // namespace

JsonRpcError::JsonRpcError(JsonRpcCode code, nlohmann::json data)
    : JsonRpcError(static_cast<std::int64_t>(code), text_of(code), std::move(data)) {}

JsonRpcError::JsonRpcError(std::int64_t code, std::string text, nlohmann::json data)
    : code_(code),
      text_(std::move(text)),
      data_(std::move(data)),
      what_(std::to_string(code) + ": " + text_) {}

JsonRpcError to_json_rpc_error(const RpcStatus& status) {
  nlohmann::json data;
  if (!status.details.empty()) data = status.details;
  return {code_of(status.code), status.text.empty() ? to_string(status.code) : status.text,
          std::move(data)};
}

RpcStatus to_rpc_status(const JsonRpcError& error) {
  // Beyond 32 bits there is no code of ours.
  const bool narrow = error.code() >= -40000 && error.code() <= 0;
  return {narrow ? code_of(error.code()) : RpcCode::unknown, error.text()};
}

}  // namespace twister
