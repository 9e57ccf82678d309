// twister/rpc/status.hpp - how a call ended.
//
//   if (rooms.count(name) == 0) return RpcStatus(RpcCode::not_found, "no room of that name");
//   if (status == RpcCode::deadline_exceeded) ...
//
// On connections, as opposed to calls, errors are std::error_codes: see twister/error.hpp.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace twister {

// gRPC's codes, with its numbers: people, proxies and dashboards know them.
enum class RpcCode : std::uint16_t {
  ok = 0,
  cancelled = 1,         // by the caller, or with the connection that it came on
  unknown = 2,           // a code that this version does not have
  invalid_argument = 3,  // the request makes no sense, whatever the state of things
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,    // the caller is known, and may not
  resource_exhausted = 8,   // a limit: calls in flight, sizes, memory
  failed_precondition = 9,  // not in this state; trying again will not help
  aborted = 10,             // a conflict; trying the whole transaction again may help
  out_of_range = 11,
  unimplemented = 12,  // there is no such method
  internal = 13,       // a bug on the other side
  unavailable = 14,    // not reached, or going away; trying again may help
  data_loss = 15,
  unauthenticated = 16,  // it is not known who calls
};

// "NOT_FOUND"; "CODE_99" for one that there is not.
std::string to_string(RpcCode code);
// The code of that name, as to_string() gives it.
std::optional<RpcCode> rpc_code_of(std::string_view name) noexcept;

// A code, and for other codes than ok a text for people and details for machines. Converts from a code,
// and is compared with one.
//
// Not an aggregate, because g++ 12 destroys some of those twice in coroutines.
struct RpcStatus {
  RpcStatus() = default;
  RpcStatus(RpcCode status_code,
            std::string status_text = {})  // NOLINT(google-explicit-constructor)
      : code(status_code), text(std::move(status_text)) {}

  bool ok() const noexcept { return code == RpcCode::ok; }
  // "NOT_FOUND: no room of that name"
  std::string message() const;

  friend bool operator==(const RpcStatus& status, RpcCode other) noexcept {
    return status.code == other;
  }
  friend bool operator==(const RpcStatus&, const RpcStatus&) = default;

  RpcCode code = RpcCode::ok;
  // Trying the same again, later or elsewhere, may succeed.
  bool retryable = false;
  std::string text{};
  // In a form that the two sides have agreed upon; a serialised message, for instance.
  std::string details{};
};

// How a handler that cannot return a status, or does not want to, ends its call with one; and what the
// awaitable form of a call throws.
class RpcError : public std::exception {
 public:
  explicit RpcError(RpcStatus status) : status_(std::move(status)), what_(status_.message()) {}
  RpcError(RpcCode code, std::string text) : RpcError(RpcStatus(code, std::move(text))) {}

  const RpcStatus& status() const noexcept { return status_; }
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  RpcStatus status_;
  std::string what_;
};

}  // namespace twister
