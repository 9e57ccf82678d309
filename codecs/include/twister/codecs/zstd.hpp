// twister/codecs/zstd.hpp - messages compressed by Zstandard (target twister::zstd; needs libzstd).
//
//   Framed<LengthPrefixed, Compressed<Zstd, Protobuf<game::Packet>>> codec;
//
// When not to use it: for peers that have only zlib, see zlib.hpp.
#pragma once

#include <cstddef>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/compressed.hpp"

namespace twister {

struct ZstdOptions {
  // Up to 22, the smallest; 0 means 3, and below it ever faster. zstd's own default.
  int level = 3;
  // Of one message, both directions. Some ten bytes may stand for 128 KiB: this is what a peer can
  // make the process hold, not the framing's limit.
  std::size_t max_inflated_bytes = 1024 * 1024;
};

// Zstandard (RFC 8878): one frame a message, with the size of the content in its header and no
// checksum.
//
// Limits: max_inflated_bytes, judged on a header that says the size, and counted while inflating
//   whatever the header says. A frame whose window is larger than that, rounded up to a power of two,
//   and than the 8 MiB which RFC 8878 recommends is refused: a header can demand gigabytes.
// Errors: inflated_too_long, both ways; decompressing also malformed_compression with the position
//   where it was noticed: damage, a frame that is cut, bytes behind its end (a second frame too),
//   too large a window, a dictionary, a skippable frame, a format from before 1.0.
// Ownership: an object has its options alone. zstd's memory is the thread's, freed with it, whatever
//   the number of connections. To compress takes what the level and the largest message need, 1.3
//   MiB at level 3 and 1 MiB; a thread that has decompressed keeps at most 512 KiB. After the first
//   messages of a thread, zstd allocates nothing for messages that say their size.
// Threads: one object in one thread at a time.
class Zstd {
 public:
  Zstd() = default;
  // Throws std::invalid_argument for a level that there is not.
  explicit Zstd(const ZstdOptions& options);

  CodecError compress(ByteView bytes, ByteBuffer& out) const;
  CodecError decompress(ByteView bytes, ByteBuffer& out) const;

 private:
  ZstdOptions options_;
};

}  // namespace twister
