// Numbers of four bytes, as networks write them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/byte_buffer.hpp"
#include "twister/codecs/byte_view.hpp"

namespace twister::detail {

// Of the first four bytes.
inline std::uint32_t load_be32(ByteView bytes) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  }
  return value;
}

inline void append_be32(std::uint32_t value, ByteBuffer& out) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::byte>(value >> shift & 0xffu));
  }
}

}  // namespace twister::detail
