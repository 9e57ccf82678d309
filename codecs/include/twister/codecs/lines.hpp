// twister/codecs/lines.hpp - one message a line.
//
//   Lines codec({.max_line_bytes = 512});
//   codec.decode(as_bytes("HELO example\r\n"));           // "HELO example"
//
// When not to use it: for binary bodies, which may hold any byte, see length_prefixed.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/codec.hpp"

namespace twister {

enum class LineEnding : std::uint8_t { lf, crlf };

// What ends a line that is received.
enum class AcceptedEnding : std::uint8_t {
  either,  // LF, and one CR just before it belongs to the end
  lf,      // LF alone: a CR before it is part of the line
  crlf,    // CR and LF together: one without the other is part of the line
};

struct LinesOptions {
  std::size_t max_line_bytes = 64 * 1024;  // counts the line without its end; both directions
  Oversize on_oversize = Oversize::fail;
  LineEnding line_ending = LineEnding::lf;  // of what is sent
  AcceptedEnding accepted_ending = AcceptedEnding::either;
  // With `keep` a line says by itself how it ends, in both directions: line_ending is of no use.
  Terminator terminator = Terminator::strip;
};

// Text up to a line feed. Unless told otherwise, one carriage return just before it belongs to the
// line end.
//
//      +==============+----+     +==============+----+----+
//      | line         | 0a |     | line         | 0d | 0a |
//      +==============+----+     +==============+----+----+
//
// An empty line is a message. A carriage return anywhere else is an ordinary byte, and so is NUL.
// Nothing is decoded: a line is bytes, not necessarily UTF-8.
//
// Limits: a line of exactly max_line_bytes passes. A longer one is reported as soon as it is
//   certain to be longer, before its end has arrived: after max_line_bytes + 1 bytes without a line
//   end, or one later if the last of these is a carriage return that may yet turn out to be part of
//   a line end. The size reported is always max_line_bytes + 1, "at least", since how much more
//   has arrived by then depends on how the stream was cut. Bytes are scanned once.
// Errors: line_too_long; encoding also embedded_delimiter, for a line end in the line or a carriage
//   return at its end, which no receiver could tell from the line end, and, when the end is kept,
//   unencodable for a line that has none.
// Ownership: a message is a view into the input of the decode() that found it.
class Lines {
 public:
  using Message = ByteView;
  using Received = ByteView;

  Lines() : Lines(LinesOptions{}) {}
  // Throws std::invalid_argument for a line_ending that accepted_ending does not take.
  explicit Lines(const LinesOptions& options);

  DecodeResult decode(ByteView input);
  ByteView message() const noexcept { return frame_; }

  CodecError encode(ByteView line, ByteBuffer& out) const;
  std::size_t begin_frame(ByteBuffer& out) const noexcept { return out.size(); }
  CodecError end_frame(ByteBuffer& out, std::size_t mark) const;

  // A last line without an end is truncated; who wants it takes `rest`.
  CodecError finish(ByteView rest) const noexcept;

 private:
  enum class State : std::uint8_t { ready, skipping, too_long };

  std::size_t find_end(ByteView bytes, std::size_t from) const noexcept;
  std::size_t line_bytes(ByteView bytes, std::size_t end) const noexcept;
  bool is_ordinary(ByteView line) const noexcept;
  CodecError check(ByteView line) const noexcept;
  CodecError check_with_end(ByteView line) const noexcept;
  ByteView terminator() const noexcept;
  CodecError too_long() const noexcept;

  std::size_t max_line_bytes_;
  std::size_t scanned_ = 0;  // bytes at the front of the input that hold no line end
  ByteView frame_;
  bool skips_oversize_;
  std::uint8_t terminator_at_;  // what is sent begins there in CR LF; at 2 it is nothing
  AcceptedEnding accepted_ending_;
  bool keeps_terminator_;
  State state_ = State::ready;
};

}  // namespace twister
