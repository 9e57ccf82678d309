// hex_digit.hpp - hexadecimal digits, as names and inline commands have them.
#pragma once

namespace twister::detail {

// The value of a digit, in either case, or -1.
constexpr int hex_digit(char byte) noexcept {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

}  // namespace twister::detail
