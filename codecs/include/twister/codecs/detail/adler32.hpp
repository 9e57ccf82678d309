// twister/codecs/detail/adler32.hpp - the checksum at the end of muduo's protobuf frames.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/byte_buffer.hpp"
#include "twister/codecs/byte_view.hpp"

namespace twister::detail {

// Adler-32 (RFC 1950, section 8.2), what zlib's adler32(1, ...) gives.
std::uint32_t adler32(ByteView bytes) noexcept;

inline constexpr std::size_t checksum_bytes = 4;

// Whether a frame, of at least checksum_bytes, ends with the big-endian checksum of what is ahead.
bool ends_with_checksum(ByteView frame) noexcept;

// Appends the checksum of what was appended since `out` had `mark` bytes.
void append_checksum(ByteBuffer& out, std::size_t mark);

}  // namespace twister::detail
