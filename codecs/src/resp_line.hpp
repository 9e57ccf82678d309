// resp_line.hpp - what begins a line in RESP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace twister::detail {

struct RespNumber {
  enum class Status : std::uint8_t { complete, incomplete, malformed };
  Status status = Status::incomplete;
  std::int64_t value = 0;
  std::size_t bytes =
      0;  // complete: of the line with its type and end; malformed: where that shows
};

// Reads "TNNN\r\n" at the front of `input`, whose first byte, the type, is not looked at. The verdict
// depends on the bytes up to where it shows, so a cut makes no difference.
inline RespNumber read_number(std::string_view input) noexcept {
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

// Whether `end` of a text is its CRLF, as far as it has arrived; else which byte of it is not.
inline std::size_t matching_end(std::string_view end) noexcept {
  if (end.empty() || end[0] != '\r') return 0;
  return end.size() > 1 && end[1] == '\n' ? 2 : 1;
}

}  // namespace twister::detail
