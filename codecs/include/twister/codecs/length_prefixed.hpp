// twister/codecs/length_prefixed.hpp - frames that begin with their length.
//
//   LengthPrefixed codec({.width = 2, .order = ByteOrder::little});
//
// When not to use it: for text that people type, see lines.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "twister/codecs/codec.hpp"

namespace twister {

enum class ByteOrder : std::uint8_t {
  big,  // network order
  little,
};

struct LengthPrefixedOptions {
  std::size_t width = 4;  // bytes of the length field: 1, 2, 3, 4 or 8
  ByteOrder order = ByteOrder::big;
  bool includes_itself = false;               // the length counts its own bytes too
  std::size_t max_frame_bytes = 1024 * 1024;  // counts the body alone; both directions
  Oversize on_oversize = Oversize::fail;
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
// An empty body is a message. The options say what Netty's LengthFieldBasedFrameDecoder says with a
// length offset of 0, without the header in the frame.
//
// Limits: a frame of exactly max_frame_bytes passes. The length is judged on the header, in 64
//   bits, before the body has arrived. A field that cannot say max_frame_bytes lowers it.
// Errors: frame_too_long; bad_length, when a length that counts itself is smaller than itself, for
//   which there is no next frame to skip to.
// Ownership: a message is a view into the input of the decode() that found it.
class LengthPrefixed {
 public:
  using Message = ByteView;
  using Received = ByteView;

  LengthPrefixed() : LengthPrefixed(LengthPrefixedOptions{}) {}
  // Throws std::invalid_argument for a width that is not 1, 2, 3, 4 or 8.
  explicit LengthPrefixed(const LengthPrefixedOptions& options);

  DecodeResult decode(ByteView input) {
    if (state_ != State::ready) [[unlikely]] {
      return resume(input);
    }
    if (input.size() < width_) {
      return {.status = DecodeResult::Status::incomplete, .needed = width_ - input.size()};
    }
    std::uint64_t length = load(input.data());
    if (includes_itself_) {
      if (length < width_) [[unlikely]] {
        return fail(State::bad_length, length);
      }
      length -= width_;
    }
    if (length > max_frame_bytes_) [[unlikely]] {
      return refuse(length, input.size() - width_);
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
    out.prepare(width_);  // what is in it does not matter: end_frame fills it in
    out.commit(width_);
    return mark;
  }

  CodecError end_frame(ByteBuffer& out, std::size_t mark) const;

  CodecError finish(ByteView rest) const noexcept;

  // The limit in force: the option, or less where the length field cannot say as much.
  std::size_t max_frame_bytes() const noexcept { return max_frame_bytes_; }

 private:
  enum class State : std::uint8_t { ready, skipping, too_long, bad_length };

  bool is_native() const noexcept {
    return (order_ == ByteOrder::big) == (std::endian::native == std::endian::big);
  }
  std::uint64_t load(const std::byte* field) const noexcept;
  void store(std::byte* field, std::uint64_t body) const noexcept;

  // The ways off the straight path: not inlined.
  DecodeResult resume(ByteView input);
  DecodeResult refuse(std::uint64_t body, std::size_t arrived);
  DecodeResult fail(State state, std::uint64_t size);
  CodecError sticky_error() const noexcept;

  std::size_t max_frame_bytes_;
  std::uint64_t pending_ =
      0;  // skipping: bytes of the frame still to go by. failed: the size to report
  ByteView frame_;
  std::uint8_t width_;
  ByteOrder order_;
  bool includes_itself_;
  bool skips_oversize_;
  State state_ = State::ready;
};

// Both take the default width in one piece and the others byte by byte.
inline std::uint64_t LengthPrefixed::load(const std::byte* field) const noexcept {
  if (width_ == 4) [[likely]] {
    std::uint32_t value = 0;
    std::memcpy(&value, field, sizeof value);
    return is_native() ? value : __builtin_bswap32(value);
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width_; ++i) {
    const std::byte next = field[order_ == ByteOrder::big ? i : width_ - 1u - i];
    value = value << 8 | std::to_integer<std::uint64_t>(next);
  }
  return value;
}

inline void LengthPrefixed::store(std::byte* field, std::uint64_t body) const noexcept {
  std::uint64_t value = includes_itself_ ? body + width_ : body;
  if (width_ == 4) [[likely]] {
    const auto narrow = static_cast<std::uint32_t>(value);
    const std::uint32_t ordered = is_native() ? narrow : __builtin_bswap32(narrow);
    std::memcpy(field, &ordered, sizeof ordered);
    return;
  }
  for (std::size_t i = 0; i < width_; ++i) {
    field[order_ == ByteOrder::big ? width_ - 1u - i : i] = static_cast<std::byte>(value & 0xff);
    value >>= 8;
  }
}

}  // namespace twister
