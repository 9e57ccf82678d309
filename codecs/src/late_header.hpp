// A header whose size is known only when the body behind it has been written.
#pragma once

#include <cstddef>
#include <cstring>

#include "twister/codecs/byte_buffer.hpp"

namespace twister::detail {

// At `mark` there are `reserved` bytes and then, to the end of `out`, the body: puts `header` in
// place of the reserved bytes, whatever its size.
inline void put_header(ByteBuffer& out, std::size_t mark, std::size_t reserved, ByteView header) {
  const std::size_t body = out.size() - mark - reserved;
  if (header.size() != reserved) {
    if (header.size() > reserved) {
      out.prepare(header.size() - reserved);
      out.commit(header.size() - reserved);
    }
    std::byte* const frame = out.data() + mark;
    std::memmove(frame + header.size(), frame + reserved, body);
    out.truncate(mark + header.size() + body);
  }
  std::memcpy(out.data() + mark, header.data(), header.size());
}

}  // namespace twister::detail
