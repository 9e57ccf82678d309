// twister/rpc/frames.hpp - the frames of twister's RPC, as a codec.
//
//   RpcFrames codec;
//   codec.encode({.kind = RpcFrameKind::ping, .body = as_bytes("12345678")}, out);
//
// For tools and tests that look at the wire: who makes calls uses RpcClient and RpcServer. What the
// frames mean is in docs/reference/wire/rpc.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/codecs/codec.hpp>
#include <twister/rpc/detail/little_endian.hpp>

namespace twister {

// What a frame is for. Each side numbers its own calls; with bit 7 set, the id is the receiver's. Unknown
// kinds are no error: they have a length.
enum class RpcFrameKind : std::uint8_t {
  // from the side that calls
  request = 0x01,
  notice = 0x02,  // a request that nobody answers
  data = 0x03,    // a message of a stream
  end = 0x04,     // the last of them was sent
  credit = 0x05,  // the peer may send more of its stream
  cancel = 0x06,
  // from the side that was called
  response = 0x81,  // ends the call
  data_back = 0x83,
  credit_back = 0x85,
  // about the connection
  ping = 0x10,
  pong = 0x11,
  goaway = 0x12,
  preface = 0x74,  // the first frame of each side
};

// Bits of RpcFrame::flags. What they announce stands before the message, in this order.
struct RpcFrameFlag {
  static constexpr std::uint8_t names_method = 0x01;  // u8 length, name: what the number stands for
  static constexpr std::uint8_t names_node = 0x02;    // u8 length, name: the peer that is to answer
  static constexpr std::uint8_t has_deadline = 0x04;  // u32: milliseconds that are left, rounded up
  static constexpr std::uint8_t has_metadata =
      0x08;  // u16 bytes; then u8 length, key, u16 length, value
  static constexpr std::uint8_t streams = 0x10;      // request: data frames follow; no message here
  static constexpr std::uint8_t retryable = 0x20;    // response: trying again may help
  static constexpr std::uint8_t not_started = 0x40;  // response: and is safe, whatever was asked
};

struct RpcFrame {
  RpcFrameKind kind{};
  std::uint8_t flags = 0;
  std::uint16_t number = 0;  // of the method; of a response, its status
  std::uint32_t id = 0;      // of the call
  ByteView body{};
};

struct RpcFramesOptions {
  // Counts what follows the header: a message of 1 MiB, and 16 KiB for what may stand before it.
  std::size_t max_frame_bytes = 1024 * 1024 + 16 * 1024;
  // Of a preface, the same: settings are few and small.
  std::size_t max_preface_bytes = 4096;
  // The first frame that is decoded has to be a preface. Who speaks something else is told so at its
  // first byte that differs.
  bool begins_with_preface = true;
};

// A header of 12 bytes, little endian, and a body.
//
//      0             4    5    6       8             12
//    +-------------+----+----+-------+-------------+====================+
//    | length      |kind|flag| number| id          | body, length bytes |
//    +-------------+----+----+-------+-------------+====================+
//    +-----------------------------+-------------+======================+
//    | t w i s t e r 01            | length      | settings             |   a preface
//    +-----------------------------+-------------+======================+
//
// What is said of a preface's first bytes holds for any frame: a length that is "twis" is far over
// every limit, so that the two cannot be confused.
//
// Limits: judged on the header. Errors: frame_too_long; unknown_type for a header that is no preface
//   where there has to be one, or one that only looks like it. Encoding: frame_too_long, and
//   unencodable for a preface with flags, number or id.
// Ownership: the body of a message is a view into the input of the decode() that found it.
class RpcFrames {
 public:
  using Message = RpcFrame;
  using Received = const RpcFrame&;

  static constexpr std::size_t header_bytes = 12;
  static constexpr std::size_t magic_bytes = 8;
  // What a connection may keep without being asked how much memory there is.
  static constexpr std::size_t asked_bytes = 64 * 1024;
  static constexpr std::array<char, magic_bytes> magic = {'t', 'w', 'i', 's',
                                                          't', 'e', 'r', '\x01'};

  RpcFrames() : RpcFrames(RpcFramesOptions{}) {}
  // Throws std::invalid_argument for a limit that a preface's first bytes would not exceed.
  explicit RpcFrames(const RpcFramesOptions& options);

  // Whether there is memory for a body of so many bytes: asked on the header of each frame above
  // asked_bytes. A frame for which there is none is skipped; message() is then its header and, of a
  // request that names its method, the name.
  using HasRoom = std::function<bool(std::size_t)>;
  void ask_for_room(HasRoom has_room);

  DecodeResult decode(ByteView input) {
    if (state_ != State::ready || input.size() < header_bytes) [[unlikely]] {
      return decode_slowly(input);
    }
    const std::byte* const header = input.data();
    const auto length = std::size_t{detail::load_little<std::uint32_t>(header)};
    const auto kind = static_cast<RpcFrameKind>(header[4]);
    if (length > unasked_bytes_ || kind == RpcFrameKind::preface) [[unlikely]] {
      return decode_slowly(input);
    }
    const std::size_t arrived = input.size() - header_bytes;
    if (arrived < length) {
      return {.status = DecodeResult::Status::incomplete, .needed = length - arrived};
    }
    read_header(header);
    frame_.body = input.subspan(header_bytes, length);
    return found(header_bytes + length);
  }

  const RpcFrame& message() const noexcept { return frame_; }

  CodecError encode(const RpcFrame& frame, ByteBuffer& out) const;
  CodecError finish(ByteView rest) const noexcept;

  // Writes a header into 12 bytes; frame.body does not matter.
  static void put_header(std::byte* to, const RpcFrame& frame, std::size_t length) noexcept {
    detail::store_little(to, static_cast<std::uint32_t>(length));
    to[4] = static_cast<std::byte>(frame.kind);
    to[5] = static_cast<std::byte>(frame.flags);
    detail::store_little(to + 6, frame.number);
    detail::store_little(to + 8, frame.id);
  }

  std::size_t max_frame_bytes() const noexcept { return max_frame_bytes_; }

 private:
  // `admitted`: there is room for the frame that has begun.
  enum class State : std::uint8_t { expects_preface, ready, admitted, skipping, failed };

  void read_header(const std::byte* header) noexcept {
    frame_.kind = static_cast<RpcFrameKind>(header[4]);
    frame_.flags = std::to_integer<std::uint8_t>(header[5]);
    frame_.number = detail::load_little<std::uint16_t>(header + 6);
    frame_.id = detail::load_little<std::uint32_t>(header + 8);
  }
  DecodeResult found(std::size_t bytes) noexcept {
    return {.status = DecodeResult::Status::message, .consumed = bytes, .frame = frame_.body};
  }
  DecodeResult decode_slowly(ByteView input);
  DecodeResult decode_preface(ByteView input);
  DecodeResult decode_large(ByteView input);
  DecodeResult refuse(ByteView input, std::size_t length);
  DecodeResult skip(ByteView input);
  DecodeResult fail(const CodecError& error);

  std::size_t max_frame_bytes_;
  std::size_t max_preface_bytes_;
  std::size_t unasked_bytes_;  // max_frame_bytes_, or less
  std::size_t skip_bytes_ = 0;
  HasRoom has_room_;
  RpcFrame frame_;
  CodecError error_;
  State state_;
};

}  // namespace twister
