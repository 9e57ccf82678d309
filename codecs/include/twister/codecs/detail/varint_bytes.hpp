// twister/codecs/detail/varint_bytes.hpp - numbers in base 128, the lowest seven bits first.
#pragma once

#include <cstddef>
#include <cstdint>

namespace twister::detail {

inline constexpr std::size_t max_varint_bytes = 10;

// Writes up to max_varint_bytes and returns how many.
inline std::size_t store_varint(std::byte* to, std::uint64_t value) noexcept {
  std::size_t width = 0;
  for (; value >= 0x80; value >>= 7) {
    to[width++] = static_cast<std::byte>(value | 0x80);
  }
  to[width++] = static_cast<std::byte>(value);
  return width;
}

}  // namespace twister::detail
