// Numbers of four bytes, as networks write them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/byte_buffer.hpp"
#include "twister/codecs/byte_view.hpp"
#include "twister/codecs/detail/integer_bytes.hpp"

namespace twister::detail {

// Of the first four bytes.
inline std::uint32_t load_be32(ByteView bytes) noexcept {
  return static_cast<std::uint32_t>(load_integer(bytes.data(), 4, ByteOrder::big));
}

inline void append_be32(std::uint32_t value, ByteBuffer& out) {
  store_integer(value, out.prepare(4).data(), 4, ByteOrder::big);
  out.commit(4);
}

}  // namespace twister::detail
