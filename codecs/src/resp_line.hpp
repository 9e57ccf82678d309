// resp_line.hpp - what begins a line in RESP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twister::detail {

struct RespNumber {
  enum class Status : std::uint8_t { complete, incomplete, malformed };
  Status status = Status::incomplete;
  std::int64_t value = 0;
  std::size_t bytes =
      0;  // complete: of the line with its type and end; malformed: where that shows
};

// read_number() of any length.
RespNumber read_long_number(std::string_view input) noexcept;

// Reads "TNNN\r\n" at the front of `input`, whose first byte, the type, is not looked at. The verdict
// depends on the bytes up to where it shows, so a cut makes no difference.
inline RespNumber read_number(std::string_view input) noexcept {
  // One digit or two, nearly always.
  if (input.size() >= 5) [[likely]] {
    const auto first = static_cast<unsigned>(input[1]) - '0';
    if (first <= 9 && input[2] == '\r' && input[3] == '\n') {
      return {RespNumber::Status::complete, first, 4};
    }
    const auto second = static_cast<unsigned>(input[2]) - '0';
    if (first - 1 <= 8 && second <= 9 && input[3] == '\r' && input[4] == '\n') {
      return {RespNumber::Status::complete, first * 10 + second, 5};
    }
  }
  return read_long_number(input);
}

// Whether `end` of a text is its CRLF, as far as it has arrived; else which byte of it is not.
inline std::size_t matching_end(std::string_view end) noexcept {
  if (end.empty() || end[0] != '\r') return 0;
  return end.size() > 1 && end[1] == '\n' ? 2 : 1;
}

}  // namespace twister::detail
