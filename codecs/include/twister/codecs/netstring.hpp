// twister/codecs/netstring.hpp - frames of any bytes with their length in decimal digits.
//
//   Netstring codec({.max_frame_bytes = 99'999});          // "12:hello world!,"
//
// When not to use it: where the peer does not ask for it, see length_prefixed.hpp, which is faster.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/codec.hpp"

namespace twister {

struct NetstringOptions {
  // Counts the body alone; both directions. Twisted's NetstringReceiver takes 99 999.
  std::size_t max_frame_bytes = 1024 * 1024;
  Oversize on_oversize = Oversize::fail;
};

// D. J. Bernstein's netstrings (cr.yp.to/proto/netstrings.txt): a length in decimal digits, a
// colon, as many bytes, a comma.
//
//      +----+----+----+===================================+----+     +----+----+----+
//      | 1  | 2  | :  | h e l l o   w o r l d !           | ,  |     | 0  | :  | ,  |
//      +----+----+----+===================================+----+     +----+----+----+
//
// The length has no leading zeros, signs or blanks. An empty body is a message.
//
// Limits: a frame of exactly max_frame_bytes passes. A longer one fails at the digit that makes it
//   longer, whether or not others follow: the size reported is what the digits said up to there.
//   With Oversize::skip it is reported at the colon, with the whole length.
// Errors: frame_too_long; malformed_netstring, for anything but a digit or a colon in the length, a
//   length that 64 bits do not hold, and a body without its comma: there is no next frame to skip
//   to.
// Ownership: a message is a view into the input of the decode() that found it.
class Netstring {
 public:
  using Message = ByteView;
  using Received = ByteView;

  Netstring() : Netstring(NetstringOptions{}) {}
  explicit Netstring(const NetstringOptions& options) noexcept;

  DecodeResult decode(ByteView input);
  ByteView message() const noexcept { return frame_; }

  CodecError encode(ByteView body, ByteBuffer& out) const;
  // Leaves room for a length of two digits: with any other number of them, end_frame moves the
  // body.
  std::size_t begin_frame(ByteBuffer& out) const;
  CodecError end_frame(ByteBuffer& out, std::size_t mark) const;

  CodecError finish(ByteView rest) const noexcept;

 private:
  enum class State : std::uint8_t { ready, skipping, too_long, malformed };

  DecodeResult decode_frame(ByteView input);
  DecodeResult decode_body(ByteView input, std::size_t header, std::uint64_t length);
  DecodeResult fail(State state, std::uint64_t size = 0);
  CodecError sticky_error() const noexcept;

  std::size_t max_frame_bytes_;
  // skipping: bytes of the body still to go by, then comes the comma. too_long: the size to report
  std::uint64_t pending_ = 0;
  ByteView frame_;
  bool skips_oversize_;
  State state_ = State::ready;
};

}  // namespace twister
