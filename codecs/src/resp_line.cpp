#include "resp_line.hpp"

#include <limits>

namespace twister::detail {

RespNumber read_long_number(std::string_view input) noexcept {
  constexpr std::size_t max_digits = 19;  // of 2^63 - 1; 64 bits without a sign hold them
  using Status = RespNumber::Status;
  const bool negative = input.size() > 1 && input[1] == '-';
  const std::size_t first = negative ? 2 : 1;
  std::size_t at = first;
  std::uint64_t magnitude = 0;
  for (; at < input.size(); ++at) {
    const auto digit = static_cast<unsigned>(static_cast<unsigned char>(input[at])) - '0';
    if (digit > 9) break;
    if (at > first && (magnitude == 0 || at - first == max_digits)) {
      return {Status::malformed, 0, at};  // a leading zero, or too large
    }
    magnitude = magnitude * 10 + digit;
  }
  if (at == input.size()) return {};
  const std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
  const bool wrong = at == first || magnitude > largest + (negative ? 1 : 0) ||
                     (negative && magnitude == 0) || input[at] != '\r';
  if (wrong) return {Status::malformed, 0, at};
  if (at + 1 == input.size()) return {};
  if (input[at + 1] != '\n') return {Status::malformed, 0, at + 1};
  return {Status::complete, static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude),
          at + 2};
}

}  // namespace twister::detail
