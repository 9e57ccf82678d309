// twister/testing/decode_pieces.hpp - what a codec makes of a stream, as lines of text to compare.
//
//   EXPECT_EQ(decode_pieces(Lines(), {"one\ntw", "o\n"}),
//             (Events{"message one", "message two", "end"}));
//
// For tests and fuzz targets; needs no test framework. To try a codec by all rules at once, see
// codec_conformance.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <twister/codecs/codec.hpp>
#include <twister/testing/detail/tested_codec.hpp>

namespace twister::testing {

// "message TEXT", "skipped WHY", "error WHY" in order; last "end" or "end WHY", unless there was an
// error. A line that begins with "BROKEN" says which rule of the contract (codec.hpp) was broken;
// it is then the last.
using Events = std::vector<std::string>;
// What arrives, one after the other.
using Pieces = std::vector<std::string_view>;

// A frame or another text as it is.
struct FrameText {
  std::string operator()(ByteView frame) const { return std::string(as_text(frame)); }
  std::string operator()(std::string_view text) const { return std::string(text); }
};

namespace detail {
Events decode_pieces(TestedCodec& codec, const Pieces& pieces);
}  // namespace detail

// Plays the part of a connection: keeps what is unconsumed, decodes after every piece, says at the
// end that the stream has ended. `describe` turns what message() gives into text. Each call of the
// codec sees a copy of its own, so that AddressSanitizer finds what reads past the end: quadratic
// for many pieces.
template <Codec C, class Describe = FrameText>
Events decode_pieces(C codec, const Pieces& pieces, Describe describe = {}) {
  detail::TestedCodecOf<C, Describe> tested(std::move(codec), std::move(describe));
  return detail::decode_pieces(tested, pieces);
}

// Pieces of `bytes` each; the last may be shorter.
Pieces cut_every(std::string_view input, std::size_t bytes);

}  // namespace twister::testing
