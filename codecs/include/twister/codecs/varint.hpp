// twister/codecs/varint.hpp - frames that begin with their length in base 128.
//
//   Framed<Varint, Protobuf<game::Packet>> codec;          // protobuf's delimited streams
//
// When not to use it: where the peer does not ask for it, see length_prefixed.hpp, which is faster.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/detail/varint_bytes.hpp"

namespace twister {

struct VarintOptions {
  // Bytes of the length: 5 for what 32 bits hold, which is all that protobuf's own readers take, or
  // 10 for what 64 bits hold.
  std::size_t max_length_bytes = 5;
  std::size_t max_frame_bytes = 1024 * 1024;  // counts the body alone; both directions
  Oversize on_oversize = Oversize::fail;
};

// A length in base 128, then as many bytes: what writeDelimitedTo() of protobuf's Java library and
// SerializeDelimitedToZeroCopyStream() of the C++ one write.
//
//      +----+=========+     +----+----+==========================+
//      | 02 | H I     |     | ac | 02 | 300 bytes                |    0xac 0x02:  0x2c + 2 * 128
//      +----+=========+     +----+----+==========================+
//
// Seven bits a byte, the lowest first; the highest bit of a byte says that another one follows. An
// empty body is a message.
//
// Limits: a frame of exactly max_frame_bytes passes. The length is judged once its last byte has
//   come, before the body has. What 32 bits cannot say lowers max_frame_bytes.
// Errors: frame_too_long; malformed_varint, for a length that has more bytes than it needs, or that
//   does not fit into 32 bits (64 with 10 bytes): there is no next frame to skip to.
// Ownership: a message is a view into the input of the decode() that found it.
class Varint {
 public:
  using Message = ByteView;
  using Received = ByteView;

  Varint() : Varint(VarintOptions{}) {}
  // Throws std::invalid_argument for max_length_bytes other than 5 or 10.
  explicit Varint(const VarintOptions& options);

  DecodeResult decode(ByteView input) {
    if (state_ != State::ready || input.empty()) [[unlikely]] {
      return resume(input);
    }
    auto length = std::to_integer<std::uint64_t>(input[0]);
    std::size_t width = 1;
    if (length >= 0x80) {
      const auto second = input.size() > 1 ? std::to_integer<std::uint64_t>(input[1]) : 0;
      if (second == 0 || second >= 0x80) [[unlikely]] {
        return decode_long(input);
      }
      length = (length & 0x7f) | second << 7;
      width = 2;
    }
    return take(input, width, length);
  }

  ByteView message() const noexcept { return frame_; }

  CodecError encode(ByteView body, ByteBuffer& out) const {
    if (body.size() > max_frame_bytes_) [[unlikely]] {
      return {CodecErrc::frame_too_long, body.size(), max_frame_bytes_};
    }
    std::byte length[detail::max_varint_bytes];
    out.append(ByteView(length, detail::store_varint(length, body.size())), body);
    return {};
  }

  // Leaves room for a length of one byte: a body of 128 bytes or more is moved by end_frame, which
  // costs little beside having written it.
  std::size_t begin_frame(ByteBuffer& out) const {
    const std::size_t mark = out.size();
    out.push_back(std::byte{});
    return mark;
  }

  CodecError end_frame(ByteBuffer& out, std::size_t mark) const;

  CodecError finish(ByteView rest) const noexcept;

  // The limit in force: the option, or less where the length cannot say as much.
  std::size_t max_frame_bytes() const noexcept { return max_frame_bytes_; }

 private:
  enum class State : std::uint8_t { ready, skipping, too_long, malformed };

  // `width` bytes of `input` are the length.
  DecodeResult take(ByteView input, std::size_t width, std::uint64_t length) {
    const std::size_t arrived = input.size() - width;
    if (length > max_frame_bytes_) [[unlikely]] {
      return refuse(width, length, arrived);
    }
    const auto body = static_cast<std::size_t>(length);  // fits: it is within the limit
    if (arrived < body) {
      return {.status = DecodeResult::Status::incomplete, .needed = body - arrived};
    }
    frame_ = input.subspan(width, body);
    return {.status = DecodeResult::Status::message, .consumed = width + body, .frame = frame_};
  }

  // The ways off the straight path: not inlined.
  DecodeResult decode_long(ByteView input);
  DecodeResult resume(ByteView input);
  DecodeResult refuse(std::size_t width, std::uint64_t body, std::size_t arrived);
  DecodeResult fail(State state, std::uint64_t size);
  CodecError sticky_error() const noexcept;

  std::size_t max_frame_bytes_;
  // skipping: bytes of the frame still to go by. failed: the size to report
  std::uint64_t pending_ = 0;
  ByteView frame_;
  std::uint8_t max_length_bytes_;
  bool skips_oversize_;
  State state_ = State::ready;
};

}  // namespace twister
