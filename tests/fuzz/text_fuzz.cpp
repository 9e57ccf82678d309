// Input: cut, then the stream of lines and one text. Compared with a decoder that works by numbers of
// characters instead of by ranges of bytes.
#include <bit>

#include "twister/codecs/framed.hpp"
#include "twister/codecs/lines.hpp"
#include "twister/codecs/text.hpp"

#include "cuts.hpp"

namespace {

// Bytes of the character at the front of `text`, 0 if there is none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto count = static_cast<std::size_t>(std::countl_one(byte(0)));
  if (count == 0) {
    return 1;
  }
  if (count == 1 || count > 4 || count > text.size()) {
    return 0;
  }
  std::uint32_t number = byte(0) & (0x7fu >> count);
  for (std::size_t i = 1; i < count; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) {
      return 0;
    }
    number = number << 6 | (byte(i) & 0x3fu);
  }
  const std::uint32_t smallest = count == 2 ? 0x80 : count == 3 ? 0x800 : 0x10000;
  const bool surrogate = number >= 0xd800 && number <= 0xdfff;
  return number < smallest || number > 0x10ffff || surrogate ? 0 : count;
}

std::size_t good_bytes(std::string_view text) {
  std::size_t good = 0;
  while (good < text.size()) {
    const std::size_t count = character_bytes(text.substr(good));
    if (count == 0) {
      break;
    }
    good += count;
  }
  return good;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const unsigned seed = choices.next();
  const Framed<Lines, Text> codec(Lines({.max_line_bytes = 100}), Text(), BadPayload::skip);
  fuzz::compare_cuts(codec, choices.rest(), seed);

  const std::string_view text = choices.rest();
  const std::size_t good = good_bytes(text);
  const CodecError expected =
      good < text.size() ? CodecError{CodecErrc::invalid_utf8, good} : CodecError{};
  ByteBuffer out;
  fuzz::expect(Text().decode(as_bytes(text)) == expected, "read differently");
  fuzz::expect(Text().encode(text, out) == expected, "written differently");
  fuzz::expect(as_text(out.view()) == (expected ? std::string_view() : text), "not the text");
  return 0;
}
