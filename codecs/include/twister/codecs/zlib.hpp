// twister/codecs/zlib.hpp - messages compressed by zlib (target twister::zlib; needs zlib).
//
//   Framed<LengthPrefixed, Compressed<Zlib, Json>> codec(
//       LengthPrefixed(), Compressed<Zlib, Json>(Zlib({.format = ZlibFormat::gzip})));
//
// When not to use it: between programs of your own, see zstd.hpp, which takes less than half of the time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/compressed.hpp"

namespace twister {

// What is around the deflated bytes.
enum class ZlibFormat : std::uint8_t {
  zlib,  // RFC 1950: two bytes before, a checksum of four behind
  gzip,  // RFC 1952: 10 bytes before, checksum and size behind; what .gz files are
  raw,   // RFC 1951: nothing; damage is not noticed
};

struct ZlibOptions {
  ZlibFormat format = ZlibFormat::zlib;  // a peer has to have the same
  int level = 6;                         // 0, not at all, to 9, the smallest; zlib's own default
  // Of one message, both directions; above 2 GiB it means 2 GiB. Ten bytes of deflate may stand for
  // ten thousand: this is what a peer can make the process hold, not the framing's limit.
  std::size_t max_inflated_bytes = 1024 * 1024;
};

// Deflate: one whole stream a message, in one of three wrappings.
//
// Limits: max_inflated_bytes, counted while inflating; the room for it doubles as it fills.
// Errors: inflated_too_long, both ways; decompressing also malformed_compression with the position
//   where it was noticed: damage, a stream that is cut, bytes behind its end (a second member of
//   gzip too), a preset dictionary.
// Ownership: an object has its options alone. zlib's memory is the thread's, freed with it, whatever
//   the number of connections: 262 KiB for each format and level that it has compressed by, and
//   39 KiB for having decompressed. After the first message of a thread, zlib allocates nothing.
// Threads: one object in one thread at a time.
class Zlib {
 public:
  Zlib() = default;
  // Throws std::invalid_argument for a level that there is not.
  explicit Zlib(const ZlibOptions& options);

  CodecError compress(ByteView bytes, ByteBuffer& out) const;
  CodecError decompress(ByteView bytes, ByteBuffer& out) const;

 private:
  ZlibOptions options_;
};

}  // namespace twister
