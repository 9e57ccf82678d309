// twister/codecs/content_length.hpp - frames behind headers that say their length.
//
//   ContentLength codec({.max_frame_bytes = 64 * 1024});
//   codec.decode(as_bytes("Content-Length: 2\r\n\r\n{}"));    // "{}"
//
// When not to use it: for anything but peers that want it, language servers and debug adapters; see
// length_prefixed.hpp. It is not HTTP, which has a start line.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/codec.hpp"

namespace twister {

struct ContentLengthOptions {
  std::size_t max_frame_bytes = 1024 * 1024;  // counts the body alone; both directions
  // Counts all header lines and the empty one behind them, at least 40. Peers send 20 to 100 bytes.
  std::size_t max_header_bytes = 8 * 1024;
  Oversize on_oversize = Oversize::fail;
};

// Header fields, an empty line, a body: the base protocol of the Language Server Protocol 3.17.
//
//      +---------------------------------+---------+==============+
//      | Content-Length: 15 CR LF        |  CR LF  | body         |
//      | other fields, each to its CR LF |         | (15 bytes)   |
//      +---------------------------------+---------+==============+
//
// Names of fields are the same in capitals and small letters, blanks and tabs around a value do not
// count, and fields other than Content-Length are stepped over. A line ends with CR and LF together.
// An empty body is a message. What is sent has the one field.
//
// Cost: a line is looked at twice, once for its end and once for what it says.
// Limits: a body of exactly max_frame_bytes passes; its length is judged when the header is
//   complete, before the body has arrived. A header is refused as soon as it is certain to be
//   longer than max_header_bytes.
// Errors: frame_too_long; line_too_long for the header; bad_length with the position in the header
//   of a line that is no field, says a length that is not decimal digits alone or over 64 bits, or
//   another length than one before it, and of the empty line when there was none. Only the first
//   leaves a next frame to skip to.
// Ownership: a message is a view into the input of the decode() that found it.
class ContentLength {
 public:
  using Message = ByteView;
  using Received = ByteView;

  ContentLength() : ContentLength(ContentLengthOptions{}) {}
  // Throws std::invalid_argument for a max_header_bytes under 40, which the header of a large body
  // needs.
  explicit ContentLength(const ContentLengthOptions& options);

  DecodeResult decode(ByteView input);
  ByteView message() const noexcept { return frame_; }

  CodecError encode(ByteView body, ByteBuffer& out) const;
  std::size_t begin_frame(ByteBuffer& out) const;
  CodecError end_frame(ByteBuffer& out, std::size_t mark) const;

  CodecError finish(ByteView rest) const noexcept;

 private:
  enum class State : std::uint8_t { header, body, skipping, too_long, header_too_long, malformed };
  enum class Header : std::uint8_t { open, complete, refused };

  DecodeResult skip(ByteView input);
  Header read_header(ByteView input) noexcept;
  bool take_line(ByteView line) noexcept;
  bool take_length(ByteView value) noexcept;
  Header refuse_header(State state) noexcept;
  CodecError too_long(std::uint64_t body) const noexcept;
  CodecError sticky_error() const noexcept;

  std::size_t max_frame_bytes_;
  std::size_t max_header_bytes_;
  // header: what Content-Length said. skipping: bytes still to go by. too_long: the size to report
  std::uint64_t length_ = 0;
  std::size_t line_at_ =
      0;  // header: where its first line that is not complete begins. body: its end
  std::size_t scanned_ = 0;  // header: bytes that hold no further line end
  ByteView frame_;
  bool skips_oversize_;
  bool has_length_ = false;
  State state_ = State::header;
};

}  // namespace twister
