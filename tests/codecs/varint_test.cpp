#include "twister/codecs/varint.hpp"

#include <limits>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::text_of;
using testing_codecs::to_hex;

static_assert(Framing<Varint>);
static_assert(std::is_trivially_copyable_v<Varint>);

using Status = DecodeResult::Status;

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

std::string encoded(const Varint& codec, std::size_t body_bytes) {
  ByteBuffer out;
  EXPECT_FALSE(codec.encode(as_bytes(std::string(body_bytes, 'x')), out));
  return to_hex(out.view().first(out.size() - body_bytes));
}

std::string encoded_in_place(const Varint& codec, std::size_t body_bytes) {
  ByteBuffer out;
  out.append("before");
  const std::size_t mark = codec.begin_frame(out);
  out.append(std::string(body_bytes, 'x'));
  EXPECT_FALSE(codec.end_frame(out, mark));
  EXPECT_EQ(as_text(out.view()).substr(out.size() - body_bytes), std::string(body_bytes, 'x'));
  return to_hex(out.view().subspan(6, out.size() - body_bytes - 6));
}

TEST(Varint, ReadsALengthOfOneByte) {
  EXPECT_EQ(decode_all(Varint(), hex("04 01010101 00 01 61")),
            (Events{"message \1\1\1\1", "message ", "message a", "end"}));
}

TEST(Varint, ReadsALengthOfAnyWidth) {
  for (const std::size_t size : {0x7fu, 0x80u, 0x3fffu, 0x4000u, 0x1f'ffffu, 0x20'0000u}) {
    const Varint codec({.max_frame_bytes = no_limit});
    const std::string body(size, 'x');
    ByteBuffer out;
    EXPECT_FALSE(codec.encode(as_bytes(body), out));
    EXPECT_TRUE(decode_all(codec, text_of(out)) == (Events{"message " + body, "end"})) << size;
  }
}

TEST(Varint, WaitsForTheFifthByteOfALength) {
  Varint codec({.max_frame_bytes = no_limit});
  const std::string input = hex("80808080 01");
  EXPECT_EQ(codec.decode(as_bytes(input).first(4)).status, Status::incomplete);
  const DecodeResult result = codec.decode(as_bytes(input));
  EXPECT_EQ(result.status, Status::incomplete);
  EXPECT_EQ(result.needed, 0x1000'0000u);
}

TEST(Varint, TellsHowManyBytesItNeeds) {
  Varint codec;
  const std::string input = hex("ac 02") + "abc";
  EXPECT_EQ(codec.decode(ByteView()).needed, 1u);
  EXPECT_EQ(codec.decode(as_bytes(input).first(1)).needed, 1u);
  EXPECT_EQ(codec.decode(as_bytes(input).first(2)).needed, 300u);
  EXPECT_EQ(codec.decode(as_bytes(input)).needed, 297u);
}

TEST(Varint, GivesAViewIntoTheInput) {
  Varint codec;
  const std::string input = hex("01") + "a";
  const DecodeResult result = codec.decode(as_bytes(input));
  EXPECT_EQ(result.consumed, 2u);
  EXPECT_EQ(result.frame.data(), as_bytes(input).data() + 1);
  EXPECT_EQ(codec.message().data(), result.frame.data());
}

TEST(Varint, RefusesALengthThatIsNotMinimal) {
  const auto at = [](const std::string& byte) {
    return Events{"error malformed varint of at most " + byte};
  };
  EXPECT_EQ(decode_all(Varint(), hex("8000")), at("5 bytes at byte 1"));
  EXPECT_EQ(decode_all(Varint(), hex("8100 61")), at("5 bytes at byte 1"));
  EXPECT_EQ(decode_all(Varint(), hex("808000")), at("5 bytes at byte 2"));
  EXPECT_EQ(decode_all(Varint(), hex("8080808000")), at("5 bytes at byte 4"));
  EXPECT_EQ(decode_all(Varint({.max_length_bytes = 10}), hex("80808080808080808000")),
            at("10 bytes at byte 9"));
}

TEST(Varint, RefusesALengthThatThirtyTwoBitsDoNotHold) {
  const Events malformed = {"error malformed varint of at most 5 bytes at byte 4"};
  EXPECT_EQ(decode_all(Varint(), hex("ffffffffff")), malformed);
  EXPECT_EQ(decode_all(Varint(), hex("8080808080 01")), malformed);
  EXPECT_EQ(decode_all(Varint(), hex("8080808010")), malformed);
  EXPECT_EQ(decode_all(Varint(), hex("ffffffff0f")),
            (Events{"error frame of 4294967295 bytes exceeds max_frame_bytes 1048576"}));
}

TEST(Varint, RefusesALengthThatSixtyFourBitsDoNotHold) {
  const Varint codec({.max_length_bytes = 10});
  const Events malformed = {"error malformed varint of at most 10 bytes at byte 9"};
  EXPECT_EQ(decode_all(codec, hex("ffffffffffffffffff02")), malformed);
  EXPECT_EQ(decode_all(codec, hex("ffffffffffffffffffff")), malformed);
  EXPECT_EQ(decode_all(codec, hex("ffffffffffffffffff01")),
            (Events{"error frame of 18446744073709551615 bytes exceeds max_frame_bytes 1048576"}));
}

TEST(Varint, RefusesAMalformedLengthEvenWhenItSkips) {
  EXPECT_EQ(decode_all(Varint({.on_oversize = Oversize::skip}), hex("ffff00")),
            (Events{"error malformed varint of at most 5 bytes at byte 2"}));
}

TEST(Varint, PassesAFrameOfExactlyTheLimit) {
  const Varint codec({.max_frame_bytes = 3});
  EXPECT_EQ(decode_all(codec, hex("03 616263")), (Events{"message abc", "end"}));
  EXPECT_EQ(decode_all(codec, hex("04")),
            (Events{"error frame of 4 bytes exceeds max_frame_bytes 3"}));
}

TEST(Varint, SkipsExactlyTheOversizeFrame) {
  const Varint codec({.max_frame_bytes = 3, .on_oversize = Oversize::skip});
  EXPECT_EQ(decode_all(codec,
                       hex("01 61 05 0102030405 02 6263 8001") + std::string(128, 'x') + hex("00")),
            (Events{"message a", "skipped frame of 5 bytes exceeds max_frame_bytes 3", "message bc",
                    "skipped frame of 128 bytes exceeds max_frame_bytes 3", "message ", "end"}));
}

TEST(Varint, ReportsASkippedFrameOnFirstSightAndAsksForNoRoom) {
  Varint codec({.max_frame_bytes = 3, .on_oversize = Oversize::skip});
  const std::string header = hex("ffffffff0f");
  const DecodeResult result = codec.decode(as_bytes(header));
  EXPECT_EQ(result.status, Status::skipped);
  EXPECT_EQ(result.consumed, 5u);
  const DecodeResult more = codec.decode(as_bytes("defg"));
  EXPECT_EQ(more.status, Status::incomplete);
  EXPECT_EQ(more.consumed, 4u);
  EXPECT_EQ(more.needed, 0u);
}

TEST(Varint, EndsInsideAMessageOrBetweenTwo) {
  EXPECT_EQ(decode_all(Varint(), ""), (Events{"end"}));
  EXPECT_EQ(decode_all(Varint(), hex("80")),
            (Events{"end stream ended inside a message, 1 bytes into it"}));
  EXPECT_EQ(decode_all(Varint(), hex("02 61")),
            (Events{"end stream ended inside a message, 2 bytes into it"}));
  EXPECT_EQ(decode_all(Varint({.max_frame_bytes = 1, .on_oversize = Oversize::skip}), hex("02 61")),
            (Events{"skipped frame of 2 bytes exceeds max_frame_bytes 1",
                    "end stream ended inside a message, 0 bytes into it"}));
}

TEST(Varint, WritesTheShortestLength) {
  const Varint codec({.max_frame_bytes = no_limit});
  EXPECT_EQ(encoded(codec, 0), "00");
  EXPECT_EQ(encoded(codec, 10), "0a");
  EXPECT_EQ(encoded(codec, 127), "7f");
  EXPECT_EQ(encoded(codec, 128), "8001");
  EXPECT_EQ(encoded(codec, 266), "8a02");
  EXPECT_EQ(encoded(codec, 0x4000), "808001");
  EXPECT_EQ(encoded(codec, 0x20'0000), "80808001");
}

TEST(Varint, WritesABodyInPlace) {
  const Varint codec({.max_frame_bytes = no_limit});
  EXPECT_EQ(encoded_in_place(codec, 0), "00");
  EXPECT_EQ(encoded_in_place(codec, 127), "7f");
  EXPECT_EQ(encoded_in_place(codec, 128), "8001");
  EXPECT_EQ(encoded_in_place(codec, 0x20'0000), "80808001");
}

TEST(Varint, RefusesToWriteABodyOverTheLimit) {
  const Varint codec({.max_frame_bytes = 3});
  ByteBuffer out;
  out.append("before");
  const CodecError expected = {CodecErrc::frame_too_long, 4, 3};
  EXPECT_EQ(codec.encode(as_bytes("abcd"), out), expected);
  const std::size_t mark = codec.begin_frame(out);
  out.append("abcd");
  EXPECT_EQ(codec.end_frame(out, mark), expected);
  EXPECT_EQ(text_of(out), "before");
}

TEST(Varint, AppendsABodyThatLiesInTheBufferItWritesTo) {
  ByteBuffer out;
  out.append(std::string(200, 'x'));
  EXPECT_FALSE(Varint().encode(out.view(), out));
  EXPECT_EQ(text_of(out), std::string(200, 'x') + hex("c801") + std::string(200, 'x'));
}

TEST(Varint, TellsTheLimitInForce) {
  EXPECT_EQ(Varint().max_frame_bytes(), 1'048'576u);
  EXPECT_EQ(Varint({.max_frame_bytes = no_limit}).max_frame_bytes(), 0xffff'ffffu);
  EXPECT_EQ(Varint({.max_length_bytes = 10, .max_frame_bytes = no_limit}).max_frame_bytes(),
            no_limit - 10);
}

TEST(Varint, RefusesAWidthThatIsNeitherOfTheTwo) {
  for (const std::size_t bytes : {0u, 4u, 6u, 9u, 11u, 261u}) {
    EXPECT_THROW(Varint({.max_length_bytes = bytes}), std::invalid_argument) << bytes;
  }
}

}  // namespace
}  // namespace twister
