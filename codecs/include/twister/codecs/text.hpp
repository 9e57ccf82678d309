// twister/codecs/text.hpp - frames of text.
//
//   Framed<Lines, Text> codec;  // a message is a std::string_view that is UTF-8
//
// When not to use it: for text of another encoding, or of none that you rely on, see bytes.hpp.
#pragma once

#include <string_view>

#include "twister/codecs/codec.hpp"

namespace twister {

// Text in UTF-8 (RFC 3629), checked both ways: no overlong forms, no surrogates, nothing over
// U+10FFFF. Every character of it may occur, NUL and U+FEFF too; the empty text is a message.
//
//      +==============+
//      | text         |
//      +==============+
//
// Limits: those of the framing, in bytes.
// Errors: invalid_utf8 with the position of the first byte that belongs to no character, both ways.
// Ownership: a message is a view into the frame that it came in. Nothing is copied or allocated.
class Text {
 public:
  using Message = std::string_view;
  using Received = std::string_view;

  CodecError decode(ByteView frame) noexcept;
  std::string_view message() const noexcept { return text_; }
  CodecError encode(std::string_view text, ByteBuffer& out) const;

 private:
  std::string_view text_;
};

}  // namespace twister
