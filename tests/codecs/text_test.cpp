#include "twister/codecs/text.hpp"

#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/lines.hpp"

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::text_of;

using Texts = Framed<LengthPrefixed, Text>;

static_assert(Payload<Text>);
static_assert(Codec<Texts>);
static_assert(Codec<Framed<Lines, Text>>);

struct AsIs {
  std::string operator()(std::string_view text) const { return std::string(text); }
};

CodecError refusal(std::string_view bytes) {
  return Text().decode(as_bytes(bytes));
}

TEST(Text, IsTheFrame) {
  EXPECT_EQ(decode_all(Texts(), hex("00000005 63 61 66 c3a9 00000000"), AsIs()),
            (Events{"message caf\xc3\xa9", "message ", "end"}));
  EXPECT_EQ(decode_all(Framed<Lines, Text>(), "one\r\n\ntwo\n", AsIs()),
            (Events{"message one", "message ", "message two", "end"}));
}

TEST(Text, EndsTheStreamWhereItIsNotUtf8) {
  EXPECT_EQ(decode_all(Texts(), hex("00000001 61 00000002 61c3 00000001 62"), AsIs()),
            (Events{"message a", "error invalid UTF-8 at byte 1"}));
}

TEST(Text, GoesOnAfterABadFrameWhenToldTo) {
  const Texts codec(LengthPrefixed(), Text(), BadPayload::skip);
  EXPECT_EQ(decode_all(codec, hex("00000001 ff 00000001 62"), AsIs()),
            (Events{"skipped invalid UTF-8 at byte 0", "message b", "end"}));
}

TEST(Text, TakesEveryLengthOfCharacterToItsEdge) {
  for (const std::string_view text : {"00", "7f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080",
                                      "efbfbf", "f0908080", "f48fbfbf", "efbbbf 61"}) {
    EXPECT_EQ(refusal(hex(text)), CodecError()) << text;
  }
}

TEST(Text, RefusesWhatIsNotUtf8) {
  for (const std::string_view bytes :
       {"80", "bf", "c0 80", "c1 bf", "c2", "c2 41", "e0 9f bf", "e0 a0", "ed a0 80", "ed bf bf",
        "f0 8f bf bf", "f0 90 80", "f4 90 80 80", "f5 80 80 80", "fe", "ff"}) {
    EXPECT_EQ(refusal(hex(bytes)), (CodecError{CodecErrc::invalid_utf8, 0})) << bytes;
  }
}

TEST(Text, SaysWhereTheFirstBadByteIs) {
  for (std::size_t before = 0; before < 40; ++before) {
    const std::string good(before, 'a');
    EXPECT_EQ(refusal(good + "\xff more \xff"), (CodecError{CodecErrc::invalid_utf8, before}));
    EXPECT_EQ(refusal(good + "\xc3\xa9\xe2\x82"),
              (CodecError{CodecErrc::invalid_utf8, before + 2}));
  }
}

TEST(Text, IsCheckedBeforeItIsSent) {
  ByteBuffer out;
  Texts codec;
  EXPECT_FALSE(codec.encode("caf\xc3\xa9", out));
  EXPECT_EQ(codec.encode("caf\xe9", out), (CodecError{CodecErrc::invalid_utf8, 3}));
  EXPECT_EQ(text_of(out), hex("00000005 63 61 66 c3a9"));
}

}  // namespace
}  // namespace twister
