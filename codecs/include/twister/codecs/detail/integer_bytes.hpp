// twister/codecs/detail/integer_bytes.hpp - unsigned numbers of any width, in either order of bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/byte_order.hpp"

namespace twister::detail {

// The first `width` bytes, at most 8.
inline std::uint64_t load_integer(const std::byte* bytes, std::size_t width,
                                  ByteOrder order) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::byte next = bytes[order == ByteOrder::big ? i : width - 1 - i];
    value = value << 8 | std::to_integer<std::uint64_t>(next);
  }
  return value;
}

// What `width` bytes do not hold is left out.
inline void store_integer(std::uint64_t value, std::byte* bytes, std::size_t width,
                          ByteOrder order) noexcept {
  for (std::size_t i = 0; i < width; ++i, value >>= 8) {
    bytes[order == ByteOrder::big ? width - 1 - i : i] = static_cast<std::byte>(value & 0xff);
  }
}

}  // namespace twister::detail
