#include "twister/codecs/length_prefixed.hpp"

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

static_assert(Framing<LengthPrefixed>);
static_assert(std::is_trivially_copyable_v<LengthPrefixed>);

using Status = DecodeResult::Status;

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

std::string encoded(const LengthPrefixed& codec, std::string_view body) {
  ByteBuffer out;
  EXPECT_FALSE(codec.encode(as_bytes(body), out));
  return to_hex(out.view());
}

TEST(LengthPrefixed, ReadsFourBytesBigEndianByDefault) {
  EXPECT_EQ(decode_all(LengthPrefixed(), hex("0000000c") + "HELLO, WORLD"),
            (Events{"message HELLO, WORLD", "end"}));
}

TEST(LengthPrefixed, ReadsEveryWidth) {
  const Events expected = {"message HELLO, WORLD", "end"};
  const std::string body = "HELLO, WORLD";
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 1}), hex("0c") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("000c") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 3}), hex("00000c") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 4}), hex("0000000c") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8}), hex("000000000000000c") + body), expected);
}

TEST(LengthPrefixed, ReadsEveryWidthLittleEndian) {
  const Events expected = {"message abc", "end"};
  const auto little = [](std::size_t width) {
    return LengthPrefixed({.width = width, .order = ByteOrder::little});
  };
  EXPECT_EQ(decode_all(little(1), hex("03 616263")), expected);
  EXPECT_EQ(decode_all(little(2), hex("0300 616263")), expected);
  EXPECT_EQ(decode_all(little(3), hex("030000 616263")), expected);
  EXPECT_EQ(decode_all(little(4), hex("03000000 616263")), expected);
  EXPECT_EQ(decode_all(little(8), hex("0300000000000000 616263")), expected);
}

TEST(LengthPrefixed, UsesEveryByteOfTheLength) {
  const std::string body(0x010203, 'x');
  const Events expected = {"message " + body, "end"};
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 3}), hex("010203") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed(), hex("00010203") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.order = ByteOrder::little}), hex("03020100") + body),
            expected);
}

TEST(LengthPrefixed, ReadsALengthThatCountsItself) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2, .includes_itself = true}),
                       hex("000e") + "HELLO, WORLD" + hex("0002")),
            (Events{"message HELLO, WORLD", "message ", "end"}));
}

TEST(LengthPrefixed, TakesAnEmptyBodyForAMessage) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("0000")), (Events{"message ", "end"}));
}

TEST(LengthPrefixed, FindsEveryFrameOfOneInput) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("0001 61 0001 62 0002 6364")),
            (Events{"message a", "message b", "message cd", "end"}));
}

TEST(LengthPrefixed, TellsHowManyBytesItNeeds) {
  LengthPrefixed codec;
  const std::string input = hex("0000000a") + "abc";
  EXPECT_EQ(codec.decode(ByteView()).needed, 4u);
  EXPECT_EQ(codec.decode(as_bytes(input).first(1)).needed, 3u);
  EXPECT_EQ(codec.decode(as_bytes(input).first(4)).needed, 10u);
  EXPECT_EQ(codec.decode(as_bytes(input)).needed, 7u);
}

TEST(LengthPrefixed, GivesAViewIntoTheInput) {
  LengthPrefixed codec;
  const std::string input = hex("00000001") + "a";
  const DecodeResult result = codec.decode(as_bytes(input));
  EXPECT_EQ(result.status, Status::message);
  EXPECT_EQ(result.consumed, 5u);
  EXPECT_EQ(result.frame.data(), as_bytes(input).data() + 4);
  EXPECT_EQ(codec.message().data(), result.frame.data());
}

TEST(LengthPrefixed, PassesAFrameOfExactlyTheLimit) {
  EXPECT_EQ(decode_all(LengthPrefixed({.max_frame_bytes = 3}), hex("00000003 616263")),
            (Events{"message abc", "end"}));
}

TEST(LengthPrefixed, CountsOnlyTheBodyOfALengthThatCountsItself) {
  const LengthPrefixed codec({.includes_itself = true, .max_frame_bytes = 3});
  EXPECT_EQ(decode_all(codec, hex("00000007 616263")), (Events{"message abc", "end"}));
  EXPECT_EQ(decode_all(codec, hex("00000008")),
            (Events{"error frame of 4 bytes exceeds max_frame_bytes 3"}));
}

TEST(LengthPrefixed, RefusesALengthOverTheLimitOnItsHeader) {
  EXPECT_EQ(decode_all(LengthPrefixed({.max_frame_bytes = 3}), hex("00000004")),
            (Events{"error frame of 4 bytes exceeds max_frame_bytes 3"}));
}

TEST(LengthPrefixed, RefusesFourGigabytesOnTheHeader) {
  EXPECT_EQ(decode_all(LengthPrefixed(), hex("ffffffff")),
            (Events{"error frame of 4294967295 bytes exceeds max_frame_bytes 1048576"}));
  EXPECT_EQ(decode_all(LengthPrefixed(), hex("80000000")),
            (Events{"error frame of 2147483648 bytes exceeds max_frame_bytes 1048576"}));
}

TEST(LengthPrefixed, DoesNotWrapAroundOnEightByteLengths) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8}), hex("ffffffffffffffff")),
            (Events{"error frame of 18446744073709551615 bytes exceeds max_frame_bytes 1048576"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8}), hex("8000000000000000")),
            (Events{"error frame of 9223372036854775808 bytes exceeds max_frame_bytes 1048576"}));
  EXPECT_EQ(
      decode_all(LengthPrefixed({.width = 8, .includes_itself = true}), hex("ffffffffffffffff")),
      (Events{"error frame of 18446744073709551607 bytes exceeds max_frame_bytes 1048576"}));
}

TEST(LengthPrefixed, DoesNotWrapAroundWithoutALimit) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8, .max_frame_bytes = no_limit}),
                       hex("fffffffffffffff8") + "abc"),
            (Events{"error frame of 18446744073709551608 bytes exceeds max_frame_bytes "
                    "18446744073709551607"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8, .max_frame_bytes = no_limit}),
                       hex("fffffffffffffff7") + "abc"),
            (Events{"end stream ended inside a message, 11 bytes into it"}));
}

TEST(LengthPrefixed, RefusesALengthSmallerThanItself) {
  EXPECT_EQ(decode_all(LengthPrefixed({.includes_itself = true}), hex("00000003 616263")),
            (Events{"error length 3 is smaller than the 4 bytes that it counts"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2, .includes_itself = true}), hex("0000")),
            (Events{"error length 0 is smaller than the 2 bytes that it counts"}));
}

TEST(LengthPrefixed, RefusesALengthSmallerThanItselfEvenWhenItSkips) {
  const LengthPrefixed codec({.includes_itself = true, .on_oversize = Oversize::skip});
  EXPECT_EQ(decode_all(codec, hex("00000000")),
            (Events{"error length 0 is smaller than the 4 bytes that it counts"}));
}

TEST(LengthPrefixed, SkipsExactlyTheOversizeFrame) {
  const LengthPrefixed codec({.width = 1, .max_frame_bytes = 3, .on_oversize = Oversize::skip});
  EXPECT_EQ(decode_all(codec, hex("01 61 05 0102030405 02 6263 04 01010101 00")),
            (Events{"message a", "skipped frame of 5 bytes exceeds max_frame_bytes 3", "message bc",
                    "skipped frame of 4 bytes exceeds max_frame_bytes 3", "message ", "end"}));
}

TEST(LengthPrefixed, ReportsASkippedFrameOnFirstSight) {
  LengthPrefixed codec({.max_frame_bytes = 3, .on_oversize = Oversize::skip});
  const std::string header = hex("40000000");
  const DecodeResult result = codec.decode(as_bytes(header));
  EXPECT_EQ(result.status, Status::skipped);
  EXPECT_EQ(result.consumed, 4u);
}

TEST(LengthPrefixed, AsksForNoRoomForAFrameThatItSkips) {
  LengthPrefixed codec({.max_frame_bytes = 3, .on_oversize = Oversize::skip});
  const std::string input = hex("40000000") + "abc";
  EXPECT_EQ(codec.decode(as_bytes(input)).consumed, 7u);
  const DecodeResult result = codec.decode(as_bytes("defg"));
  EXPECT_EQ(result.status, Status::incomplete);
  EXPECT_EQ(result.consumed, 4u);
  EXPECT_EQ(result.needed, 0u);
}

TEST(LengthPrefixed, EndsInsideAMessageOrBetweenTwo) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), ""), (Events{"end"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("00")),
            (Events{"end stream ended inside a message, 1 bytes into it"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("0002 61")),
            (Events{"end stream ended inside a message, 3 bytes into it"}));
}

TEST(LengthPrefixed, EndsInsideASkippedMessage) {
  const LengthPrefixed codec({.width = 1, .max_frame_bytes = 3, .on_oversize = Oversize::skip});
  EXPECT_EQ(decode_all(codec, hex("05 01020304")),
            (Events{"skipped frame of 5 bytes exceeds max_frame_bytes 3",
                    "end stream ended inside a message, 0 bytes into it"}));
}

TEST(LengthPrefixed, WritesTheHeaderBeforeTheBody) {
  EXPECT_EQ(encoded(LengthPrefixed(), "A"), "0000000141");
  EXPECT_EQ(encoded(LengthPrefixed({.includes_itself = true}), "A"), "0000000541");
  EXPECT_EQ(encoded(LengthPrefixed({.order = ByteOrder::little}), "A"), "0100000041");
  EXPECT_EQ(encoded(LengthPrefixed({.width = 1}), "A"), "0141");
  EXPECT_EQ(encoded(LengthPrefixed({.width = 3}), std::string(0x0102, 'A')).substr(0, 8),
            "00010241");
  EXPECT_EQ(encoded(LengthPrefixed({.width = 8, .order = ByteOrder::little}), "A"),
            "010000000000000041");
  EXPECT_EQ(encoded(LengthPrefixed({.width = 2}), ""), "0000");
}

TEST(LengthPrefixed, WritesABodyInPlace) {
  const LengthPrefixed codec({.width = 2, .includes_itself = true});
  ByteBuffer out;
  out.append("before");
  const std::size_t mark = codec.begin_frame(out);
  out.append("AB");
  EXPECT_FALSE(codec.end_frame(out, mark));
  EXPECT_EQ(to_hex(out.view().subspan(6)), "00044142");
}

TEST(LengthPrefixed, RefusesToWriteABodyOverTheLimit) {
  const LengthPrefixed codec({.max_frame_bytes = 3});
  ByteBuffer out;
  out.append("before");
  const CodecError expected = {CodecErrc::frame_too_long, 4, 3};
  EXPECT_EQ(codec.encode(as_bytes("abcd"), out), expected);
  const std::size_t mark = codec.begin_frame(out);
  out.append("abcd");
  EXPECT_EQ(codec.end_frame(out, mark), expected);
  EXPECT_EQ(text_of(out), "before");
}

TEST(LengthPrefixed, RefusesToWriteABodyLongerThanTheWidthHolds) {
  ByteBuffer out;
  EXPECT_FALSE(LengthPrefixed({.width = 1}).encode(as_bytes(std::string(255, 'x')), out));
  out.clear();
  EXPECT_EQ(LengthPrefixed({.width = 1}).encode(as_bytes(std::string(256, 'x')), out),
            (CodecError{CodecErrc::frame_too_long, 256, 255}));
  EXPECT_EQ(LengthPrefixed({.width = 2, .includes_itself = true})
                .encode(as_bytes(std::string(65'534, 'x')), out),
            (CodecError{CodecErrc::frame_too_long, 65'534, 65'533}));
  EXPECT_TRUE(out.empty());
}

TEST(LengthPrefixed, TellsTheLimitInForce) {
  EXPECT_EQ(LengthPrefixed().max_frame_bytes(), 1'048'576u);
  EXPECT_EQ(LengthPrefixed({.width = 2}).max_frame_bytes(), 65'535u);
  EXPECT_EQ(LengthPrefixed({.width = 3, .max_frame_bytes = no_limit}).max_frame_bytes(),
            16'777'215u);
}

TEST(LengthPrefixed, ReadsBackWhatItWrote) {
  for (const std::size_t width : {1u, 2u, 3u, 4u, 8u}) {
    for (const ByteOrder order : {ByteOrder::big, ByteOrder::little}) {
      for (const bool includes_itself : {false, true}) {
        const LengthPrefixed codec(
            {.width = width, .order = order, .includes_itself = includes_itself});
        ByteBuffer out;
        EXPECT_FALSE(codec.encode(as_bytes("hello"), out));
        EXPECT_FALSE(codec.encode(as_bytes(""), out));
        EXPECT_EQ(decode_all(codec, text_of(out)), (Events{"message hello", "message ", "end"}));
      }
    }
  }
}

TEST(LengthPrefixed, AppendsABodyThatLiesInTheBufferItWritesTo) {
  const LengthPrefixed codec({.width = 1});
  ByteBuffer out;
  out.append(std::string(200, 'x'));
  EXPECT_FALSE(codec.encode(out.view(), out));
  EXPECT_EQ(text_of(out), std::string(200, 'x') + hex("c8") + std::string(200, 'x'));
}

TEST(LengthPrefixed, RefusesAWidthThatIsNone) {
  for (const std::size_t width : {0u, 5u, 6u, 7u, 9u, 260u}) {
    EXPECT_THROW(LengthPrefixed({.width = width}), std::invalid_argument) << width;
  }
}

// The body is what was just encoded, in the buffer that has to grow for it, or just not.
TEST(LengthPrefixedEncoding, TakesABodyFromItsOwnOutput) {
  const LengthPrefixed codec;
  for (std::size_t size = 1; size <= 600; ++size) {
    const std::string body(size, 'b');
    ByteBuffer out;
    ASSERT_FALSE(codec.encode(as_bytes(body), out));
    ASSERT_FALSE(codec.encode(out.view().subspan(4), out));
    ASSERT_EQ(as_text(out.view().subspan(4, size)), body);
    ASSERT_EQ(as_text(out.view().subspan(8 + size)), body) << size;
  }
}

}  // namespace
}  // namespace twister
