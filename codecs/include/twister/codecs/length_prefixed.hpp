// twister/codecs/length_prefixed.hpp - frames that begin with their length.
//
//   LengthPrefixed codec({.width = 2, .order = ByteOrder::little});
//   LengthPrefixed tagged({.length_offset = 1, .stripped_bytes = 0});    // type, length, body
//
// When not to use it: for text that people type, see lines.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "twister/codecs/byte_order.hpp"
#include "twister/codecs/codec.hpp"
#include "twister/codecs/detail/integer_bytes.hpp"

namespace twister {

struct LengthPrefixedOptions {
  std::size_t width = 4;  // bytes of the length field: 1, 2, 3, 4 or 8
  ByteOrder order = ByteOrder::big;
  bool includes_itself = false;  // the length counts its own bytes too
  // Counts what follows the length field, the body alone unless told otherwise; both directions.
  std::size_t max_frame_bytes = 1024 * 1024;
  Oversize on_oversize = Oversize::fail;

  // For headers that hold more than a length. With all three a length field may stand anywhere in a
  // header, and count any part of it.
  std::size_t length_offset = 0;       // bytes before the length field, at most 1024
  std::int32_t length_adjustment = 0;  // the length plus this is what follows the length field
  // Bytes at the front of a frame that are not in its message, at most 1024. Unset: all up to the
  // end of the length field.
  std::optional<std::size_t> stripped_bytes{};
};

// A length, then as many bytes.
//
//        length (width)         body (length bytes)
//      +----+----+----+----+===================================+
//      | 00 | 00 | 00 | 0c | H E L L O ,   W O R L D           |   the default: 4 bytes, big endian
//      +----+----+----+----+===================================+
//
//      +----+----+=========+
//      | 04 | 00 | H I     |                                       .width = 2, .order = little,
//      +----+----+=========+                                       .includes_itself = true
//
// An empty body is a message. The other options say all that Netty's LengthFieldBasedFrameDecoder
// can say, for both directions:
//
//        length_offset    width    what follows: length + length_adjustment bytes
//      +----------------+--------+=====================================================+
//      | magic ca fe    | length | more of the header, body                            |
//      +----------------+--------+=====================================================+
//      |<--- stripped_bytes ---->|<------------------- message ----------------------->|
//
//   +----+----+----+----+=====+   .width = 2, .length_offset = 1, .length_adjustment = -3, since
//   | ca | 00 | 06 | fe | H I |   the length counts all six bytes; "fe H I" is the message, or all
//   +----+----+----+----+=====+   of it with .stripped_bytes = 0
//
// encode() takes what decode() gives. The part of the header that is not stripped is expected in
// the message, and the length is filled in there, whatever its place held. What is stripped, other
// than the length, is sent as zeros: who needs anything else there does not strip it.
//
// Limits: a frame of exactly max_frame_bytes passes. The length is judged on the header, in 64
//   bits, before the body has arrived. A field that cannot say max_frame_bytes lowers it.
// Errors: frame_too_long; bad_length, when a length is smaller than what it counts or than what is
//   stripped, for which there is no next frame to skip to. Encoding also unencodable, for a message
//   without the header that is not stripped, or shorter than length_adjustment.
// Ownership: a message is a view into the input of the decode() that found it.
class LengthPrefixed {
 public:
  using Message = ByteView;
  using Received = ByteView;

  LengthPrefixed() : LengthPrefixed(LengthPrefixedOptions{}) {}
  // Throws std::invalid_argument for a width that is not 1, 2, 3, 4 or 8, for more than 1024 bytes of
  // header, and for options that no frame can meet.
  explicit LengthPrefixed(const LengthPrefixedOptions& options);

  // Always inlined: what it returns is then taken apart in registers.
  [[gnu::always_inline]] DecodeResult decode(ByteView input) {
    if (state_ != State::ready) [[unlikely]] {
      return resume(input);
    }
    if (input.size() < width_) {
      return {.status = DecodeResult::Status::incomplete, .needed = width_ - input.size()};
    }
    std::uint64_t length = load(input.data());
    if (self_bytes_ != 0) {
      if (length < self_bytes_) [[unlikely]] {
        return fail(State::bad_length, length);
      }
      length -= self_bytes_;
    }
    if (length > max_frame_bytes_) [[unlikely]] {
      return refuse(width_, length, input.size() - width_);
    }
    const auto body = static_cast<std::size_t>(length);  // fits: it is within the limit
    const std::size_t arrived = input.size() - width_;
    if (arrived < body) {
      return {.status = DecodeResult::Status::incomplete, .needed = body - arrived};
    }
    frame_ = input.subspan(width_, body);
    return {.status = DecodeResult::Status::message, .consumed = width_ + body, .frame = frame_};
  }

  ByteView message() const noexcept { return frame_; }

  CodecError encode(ByteView body, ByteBuffer& out) const {
    if (!is_plain_) [[unlikely]] {
      return encode_with_header(body, out);
    }
    if (body.size() > max_frame_bytes_) [[unlikely]] {
      return {CodecErrc::frame_too_long, body.size(), max_frame_bytes_};
    }
    const std::size_t size = width_ + body.size();
    if (size <= out.room() && !body.empty()) [[likely]] {
      std::byte* const frame = out.prepare(size).data();
      store(frame, body.size());
      std::memcpy(frame + width_, body.data(), body.size());
      out.commit(size);
    } else {  // may move the buffer's content, and the body may be part of it
      std::byte header[sizeof(std::uint64_t)];
      store(header, body.size());
      out.append(ByteView(header, width_), body);
    }
    return {};
  }

  std::size_t begin_frame(ByteBuffer& out) const {
    const std::size_t mark = out.size();
    out.prepare(stripped_);  // what is in it does not matter: end_frame fills it in
    out.commit(stripped_);
    return mark;
  }

  CodecError end_frame(ByteBuffer& out, std::size_t mark) const;

  CodecError finish(ByteView rest) const noexcept;

  // The limit in force: the option, or less where the length field cannot say as much.
  std::size_t max_frame_bytes() const noexcept { return max_frame_bytes_; }

 private:
  // `ready` is the one that decode() looks for: what it does inline is right for plain frames only.
  enum class State : std::uint8_t { ready, ready_with_header, skipping, too_long, bad_length };

  bool is_native() const noexcept {
    return (order_ == ByteOrder::big) == (std::endian::native == std::endian::big);
  }
  std::uint64_t load(const std::byte* field) const noexcept;
  void store(std::byte* field, std::uint64_t body) const noexcept;

  // The ways off the straight path: not inlined.
  DecodeResult resume(ByteView input);
  DecodeResult decode_with_header(ByteView input);
  CodecError encode_with_header(ByteView message, ByteBuffer& out) const;
  CodecError end_frame_with_header(ByteBuffer& out, std::size_t mark) const;
  DecodeResult refuse(std::size_t header, std::uint64_t body, std::size_t arrived);
  DecodeResult fail(State state, std::uint64_t size);
  CodecError sticky_error() const noexcept;

  std::size_t header_bytes() const noexcept { return std::size_t{offset_} + width_; }
  std::int64_t adjustment() const noexcept { return std::int64_t{adjustment_} - self_bytes_; }
  std::uint64_t least_length() const noexcept;
  CodecError check(std::size_t message) const noexcept;
  void store_with_header(std::byte* frame, std::size_t message) const noexcept;

  std::size_t max_frame_bytes_;
  // skipping: bytes of the frame still to go by. failed: the size to report
  std::uint64_t pending_ = 0;
  ByteView frame_;
  std::int32_t adjustment_;
  std::uint16_t offset_;
  std::uint16_t stripped_;
  std::uint8_t width_;
  std::uint8_t self_bytes_;  // how much of itself the length counts: nothing, or its width
  ByteOrder order_;
  bool skips_oversize_;
  bool is_plain_;  // nothing but the length is before the body, and all of it is stripped
  State state_;
};

// Both take the default width in one piece and the others byte by byte.
inline std::uint64_t LengthPrefixed::load(const std::byte* field) const noexcept {
  if (width_ == 4) [[likely]] {
    std::uint32_t value = 0;
    std::memcpy(&value, field, sizeof value);
    return is_native() ? value : __builtin_bswap32(value);
  }
  return detail::load_integer(field, width_, order_);
}

inline void LengthPrefixed::store(std::byte* field, std::uint64_t body) const noexcept {
  const std::uint64_t length = body + self_bytes_;
  if (width_ == 4) [[likely]] {
    const auto narrow = static_cast<std::uint32_t>(length);
    const std::uint32_t ordered = is_native() ? narrow : __builtin_bswap32(narrow);
    std::memcpy(field, &ordered, sizeof ordered);
    return;
  }
  detail::store_integer(length, field, width_, order_);
}

}  // namespace twister
