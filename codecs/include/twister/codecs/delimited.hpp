// twister/codecs/delimited.hpp - frames that end with a sequence of bytes.
//
//   Delimited codec({.delimiters = {"\r\n\r\n"}});
//   Delimited records({.delimiters = {std::string(1, '\0')}});
//
// When not to use it: for lines, which Lines finds faster; for bodies that may hold any byte, see
// length_prefixed.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "twister/codecs/codec.hpp"

namespace twister {

struct DelimitedOptions {
  // One or several, of any bytes, together at most 255 bytes long. The first is what is sent.
  std::vector<std::string> delimiters{};
  std::size_t max_frame_bytes = 64 * 1024;  // counts the frame without its end; both directions
  Oversize on_oversize = Oversize::fail;
  Terminator terminator = Terminator::strip;
};

namespace detail {

class DelimiterTable;

// How far a search for delimiters has come.
struct DelimiterSearch {
  std::size_t at = 0;        // bytes looked at
  std::uint8_t matched = 0;  // the state of the table after them: which beginnings of delimiters
                             // they end with
};

}  // namespace detail

// Any bytes up to the next delimiter.
//
//      +==============+----+     +==============+----+----+
//      | frame        | 00 |     | frame        | 0d | 0a |       .delimiters = {"\0"s, "\r\n"}
//      +==============+----+     +==============+----+----+
//
// Of several delimiters, the one that begins first ends the frame, and of two that begin at the
// same byte the one that is earlier in the list. An empty frame is a message.
//
// Cost: each byte is looked at once, however many delimiters there are and wherever one is cut.
// Limits: a frame of exactly max_frame_bytes passes. A longer one is reported as soon as it is
//   certain to be longer: when no delimiter can begin within the limit any more. The size reported
//   is always max_frame_bytes + 1, "at least".
// Errors: frame_too_long. Encoding also embedded_delimiter, when the message would be read back
//   shorter, and, when the end is kept, unencodable for a message that has none.
// Ownership: a message is a view into the input of the decode() that found it. Copies share the
//   table that is made of the delimiters and never changes (256 bytes for each byte of them): make
//   one codec and copy it.
class Delimited {
 public:
  using Message = ByteView;
  using Received = ByteView;

  // Throws std::invalid_argument without delimiters, for an empty one, for more than 255 bytes, and
  // where a delimiter lies within another one, because what comes after it would decide whether it
  // was one. It may lie at the other's end (LF and CRLF), and at its beginning if it is earlier in
  // the list (the other one is then never found).
  explicit Delimited(const DelimitedOptions& options);

  DecodeResult decode(ByteView input);
  ByteView message() const noexcept { return frame_; }

  CodecError encode(ByteView message, ByteBuffer& out) const;
  std::size_t begin_frame(ByteBuffer& out) const noexcept { return out.size(); }
  CodecError end_frame(ByteBuffer& out, std::size_t mark) const;

  // A last frame without an end is truncated; who wants it takes `rest`.
  CodecError finish(ByteView rest) const noexcept;

 private:
  enum class State : std::uint8_t { ready, skipping, too_long };

  DecodeResult refuse(std::size_t passed);
  CodecError check(ByteView message) const noexcept;
  CodecError check_with_end(ByteView message) const noexcept;
  ByteView terminator() const noexcept;  // what encode() appends
  CodecError too_long() const noexcept;

  std::shared_ptr<const detail::DelimiterTable> table_;
  std::size_t max_frame_bytes_;
  detail::DelimiterSearch search_;
  ByteView frame_;
  bool skips_oversize_;
  bool keeps_terminator_;
  State state_ = State::ready;
};

}  // namespace twister
