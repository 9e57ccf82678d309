// twister/codecs/fixed.hpp - frames that are all of one size.
//
//   Fixed codec(16);                                       // records of 16 bytes
//
// When not to use it: where a message may grow one day, see length_prefixed.hpp.
#pragma once

#include <cstddef>

#include "twister/codecs/codec.hpp"

namespace twister {

// Messages of `frame_bytes` bytes, one after the other, with nothing between them.
//
//      +=================+=================+=================+
//      | frame_bytes     | frame_bytes     | frame_bytes     |
//      +=================+=================+=================+
//
// Limits: frame_bytes is one; no input is over it, so there is no Oversize to choose.
// Errors: none in decoding; encoding a message of another size is wrong_size.
// Ownership: a message is a view into the input of the decode() that found it.
class Fixed {
 public:
  using Message = ByteView;
  using Received = ByteView;

  // Throws std::invalid_argument for 0: there would be no end of messages in no input.
  explicit Fixed(std::size_t frame_bytes);

  DecodeResult decode(ByteView input) {
    if (input.size() < frame_bytes_) {
      return {.status = DecodeResult::Status::incomplete, .needed = frame_bytes_ - input.size()};
    }
    frame_ = input.first(frame_bytes_);
    return {.status = DecodeResult::Status::message, .consumed = frame_bytes_, .frame = frame_};
  }

  ByteView message() const noexcept { return frame_; }

  CodecError encode(ByteView message, ByteBuffer& out) const {
    if (message.size() != frame_bytes_) [[unlikely]] {
      return {CodecErrc::wrong_size, message.size(), frame_bytes_};
    }
    out.append(message);
    return {};
  }

  std::size_t begin_frame(ByteBuffer& out) const noexcept { return out.size(); }
  CodecError end_frame(ByteBuffer& out, std::size_t mark) const;

  CodecError finish(ByteView rest) const noexcept;

  std::size_t frame_bytes() const noexcept { return frame_bytes_; }

 private:
  std::size_t frame_bytes_;
  ByteView frame_;
};

}  // namespace twister
