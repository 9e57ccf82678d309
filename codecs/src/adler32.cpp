#include "twister/codecs/detail/adler32.hpp"

#include <algorithm>

#include "big_endian.hpp"

namespace twister::detail {

std::uint32_t adler32(ByteView bytes) noexcept {
  constexpr std::uint32_t modulus = 65521;  // the largest prime below 2^16
  // After so many bytes of 255 from the largest remainders `b` still fits into 32 bits, after one
  // more it need not: 255 * n * (n + 1) / 2 + (n + 1) * (modulus - 1). The division is the dear part.
  constexpr std::size_t block = 5552;
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  while (!bytes.empty()) {
    const ByteView now = bytes.first(std::min(block, bytes.size()));
    for (const std::byte byte : now) {
      a += std::to_integer<std::uint32_t>(byte);
      b += a;
    }
    a %= modulus;
    b %= modulus;
    bytes = bytes.subspan(now.size());
  }
  return b << 16 | a;
}

bool ends_with_checksum(ByteView frame) noexcept {
  const std::size_t body = frame.size() - checksum_bytes;
  return adler32(frame.first(body)) == load_be32(frame.subspan(body));
}

void append_checksum(ByteBuffer& out, std::size_t mark) {
  append_be32(adler32(out.view().subspan(mark)), out);
}

}  // namespace twister::detail
