#include "twister/codecs/bytes.hpp"

#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::to_hex;

using Packets = Framed<LengthPrefixed, Bytes>;

static_assert(Payload<Bytes>);
static_assert(Codec<Packets>);

struct Hex {
  std::string operator()(ByteView bytes) const { return to_hex(bytes); }
};

TEST(Bytes, PassTheFrameThrough) {
  EXPECT_EQ(decode_all(Packets(), hex("00000003 00ff0a 00000000 00000001 80"), Hex()),
            (Events{"message 00ff0a", "message ", "message 80", "end"}));
}

TEST(Bytes, AreAViewIntoTheFrame) {
  const std::string frame = "frame";
  Bytes payload;
  EXPECT_FALSE(payload.decode(as_bytes(frame)));
  EXPECT_EQ(static_cast<const void*>(payload.message().data()), frame.data());
  EXPECT_EQ(payload.message().size(), 5u);
}

TEST(Bytes, AreWrittenBehindTheirLength) {
  ByteBuffer out;
  EXPECT_FALSE(Packets().encode(as_bytes(hex("00ff0a")), out));
  EXPECT_FALSE(Packets().encode(ByteView(), out));
  EXPECT_EQ(to_hex(out.view()), "0000000300ff0a00000000");
}

TEST(Bytes, KeepToTheLimitOfTheFraming) {
  Packets codec(LengthPrefixed({.max_frame_bytes = 4}));
  ByteBuffer out;
  EXPECT_FALSE(codec.encode(as_bytes("1234"), out));
  EXPECT_EQ(codec.encode(as_bytes("12345"), out), (CodecError{CodecErrc::frame_too_long, 5, 4}));
  EXPECT_EQ(out.size(), 8u);
}

}  // namespace
}  // namespace twister
