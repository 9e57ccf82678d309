#include "twister/rpc/status.hpp"

#include <array>

namespace twister {

namespace {

constexpr std::array<std::string_view, 17> names = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

}  // namespace

std::string to_string(RpcCode code) {
  const auto number = static_cast<std::size_t>(code);
  if (number < names.size()) return std::string(names[number]);
  return "CODE_" + std::to_string(number);
}

std::optional<RpcCode> rpc_code_of(std::string_view name) noexcept {
  for (std::size_t number = 0; number < names.size(); ++number) {
    if (names[number] == name) return static_cast<RpcCode>(number);
  }
  return std::nullopt;
}

std::string RpcStatus::message() const {
  return text.empty() ? to_string(code) : to_string(code) + ": " + text;
}

}  // namespace twister
