// twister/rpc/json_rpc_error.hpp - what a JSON-RPC call is answered with when it fails.
//
//   throw JsonRpcError(17, "no such room", {{"room", name}});      // from a handler, to its caller
//   throw JsonRpcError(JsonRpcCode::invalid_params, "room is empty");
#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include <nlohmann/json.hpp>

#include <twister/rpc/status.hpp>

namespace twister {

// The codes that the specification reserves. -32000 to -32099 are for servers; twister answers with
// -32000 less the number of an RpcCode where the cause is one.
enum class JsonRpcCode : std::int32_t {
  parse_error = -32700,      // no JSON
  invalid_request = -32600,  // JSON, but no request; also one over a limit
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
};

// The `error` of a response. Thrown by a handler it goes to the caller as it is, unlike any other
// exception.
class JsonRpcError : public std::exception {
 public:
  // With the specification's text for the code. `data` is left out when it is null.
  explicit JsonRpcError(JsonRpcCode code, nlohmann::json data = nullptr);
  JsonRpcError(std::int64_t code, std::string text, nlohmann::json data = nullptr);

  std::int64_t code() const noexcept { return code_; }
  const std::string& text() const noexcept { return text_; }
  const nlohmann::json& data() const noexcept { return data_; }
  // "-32601: Method not found"
  const char* what() const noexcept override { return what_.c_str(); }

  friend bool operator==(const JsonRpcError& error, JsonRpcCode code) noexcept {
    return error.code_ == static_cast<std::int64_t>(code);
  }

 private:
  std::int64_t code_;
  std::string text_;
  nlohmann::json data_;
  std::string what_;
};

// The one as the other. INVALID_ARGUMENT, UNIMPLEMENTED and INTERNAL are reserved codes; others are
// in the server's range. What is in neither is UNKNOWN, with the error's text.
//
// A status with details, or one that is retryable, has these as data, which is read back:
//   {"code": "NOT_FOUND", "details": "aGk=", "retryable": true}
// details in base 64, and either left out when it is not there. Other data are the details, as JSON text.
// A text that is not UTF-8 has U+FFFD where it is not.
JsonRpcError to_json_rpc_error(const RpcStatus& status);
RpcStatus to_rpc_status(const JsonRpcError& error);

}  // namespace twister
