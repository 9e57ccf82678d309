// twister/codecs/bytes.hpp - frames whose content is nobody's business but yours.
//
//   Framed<LengthPrefixed, Compressed<Zlib, Bytes>> codec;
//
// When not to use it: a framing alone is a codec of bytes already. This is for what wants a payload,
// compression for instance.
#pragma once

#include "twister/codecs/codec.hpp"

namespace twister {

// A payload that passes the frame through, both ways. Any bytes are a message, none too.
//
// Limits: those of the framing.
// Errors: none of its own.
// Ownership: a message is a view into the frame that it came in. Nothing is copied or allocated.
class Bytes {
 public:
  using Message = ByteView;
  using Received = ByteView;

  CodecError decode(ByteView frame) noexcept {
    frame_ = frame;
    return {};
  }
  ByteView message() const noexcept { return frame_; }
  CodecError encode(ByteView bytes, ByteBuffer& out) const {
    out.append(bytes);
    return {};
  }

 private:
  ByteView frame_;
};

}  // namespace twister
