#include "twister/codecs/netstring.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::text_of;

static_assert(Framing<Netstring>);
static_assert(std::is_trivially_copyable_v<Netstring>);

using Status = DecodeResult::Status;

const Events malformed = {"error malformed netstring"};

Netstring limited_to(std::size_t bytes) {
  return Netstring({.max_frame_bytes = bytes});
}

Netstring skipping_over(std::size_t bytes) {
  return Netstring({.max_frame_bytes = bytes, .on_oversize = Oversize::skip});
}

std::string written_in_place(const Netstring& codec, std::string_view body) {
  ByteBuffer out;
  out.append("before ");
  const std::size_t mark = codec.begin_frame(out);
  out.append(body);
  EXPECT_FALSE(codec.end_frame(out, mark));
  return text_of(out).substr(7);
}

TEST(Netstring, IsALengthAColonTheBodyAndAComma) {
  EXPECT_EQ(decode_all(Netstring(), "12:hello world!,0:,3:a:,,"),
            (Events{"message hello world!", "message ", "message a:,", "end"}));
}

TEST(Netstring, TellsHowManyBytesItNeeds) {
  Netstring codec;
  EXPECT_EQ(codec.decode(as_bytes("")).needed, 3u);
  EXPECT_EQ(codec.decode(as_bytes("12")).needed, 2u);
  EXPECT_EQ(codec.decode(as_bytes("12:")).needed, 13u);
  EXPECT_EQ(codec.decode(as_bytes("12:hello world!")).needed, 1u);
}

TEST(Netstring, GivesAViewIntoTheInput) {
  Netstring codec;
  const ByteView input = as_bytes("1:a,");
  const DecodeResult result = codec.decode(input);
  EXPECT_EQ(result.consumed, 4u);
  EXPECT_EQ(result.frame.data(), input.data() + 2);
  EXPECT_EQ(codec.message().data(), result.frame.data());
}

TEST(Netstring, HasNothingButDigitsInItsLength) {
  for (const std::string_view input :
       {":,", "x", "-1:", "+1:a,", " 1:a,", "1 :a,", "1x:a,", "0x1:a,", "1.0:a,", "\n1:a,"}) {
    EXPECT_EQ(decode_all(Netstring(), input), malformed) << input;
  }
}

TEST(Netstring, HasNoLeadingZerosInItsLength) {
  for (const std::string_view input : {"00:,", "01:a,", "000"}) {
    EXPECT_EQ(decode_all(Netstring(), input), malformed) << input;
  }
}

TEST(Netstring, EndsWithAComma) {
  EXPECT_EQ(decode_all(Netstring(), "3:abcx"), malformed);
  EXPECT_EQ(decode_all(Netstring(), "0:1:a,"), malformed);
}

TEST(Netstring, PassesAtExactlyTheLimit) {
  EXPECT_EQ(decode_all(limited_to(12), "12:hello world!,"),
            (Events{"message hello world!", "end"}));
  EXPECT_EQ(decode_all(limited_to(0), "0:,"), (Events{"message ", "end"}));
}

TEST(Netstring, IsRefusedOverTheLimitBeforeItsColonArrives) {
  EXPECT_EQ(decode_all(limited_to(12), "13"),
            (Events{"error frame of 13 bytes exceeds max_frame_bytes 12"}));
  EXPECT_EQ(decode_all(limited_to(12), "1299999"),
            (Events{"error frame of 129 bytes exceeds max_frame_bytes 12"}));
  EXPECT_EQ(decode_all(limited_to(0), "1"),
            (Events{"error frame of 1 bytes exceeds max_frame_bytes 0"}));
}

TEST(Netstring, IsRefusedWhenItsLengthNeverEnds) {
  EXPECT_EQ(decode_all(Netstring(), std::string(100, '9')),
            (Events{"error frame of 9999999 bytes exceeds max_frame_bytes 1048576"}));
  EXPECT_EQ(decode_all(skipping_over(3), std::string(100, '9')), malformed);
}

TEST(Netstring, DoesNotWrapAroundWithoutALimit) {
  const Netstring unlimited = limited_to(std::numeric_limits<std::size_t>::max());
  EXPECT_EQ(decode_all(unlimited, "18446744073709551615:"),
            (Events{"error frame of 18446744073709551615 bytes exceeds max_frame_bytes "
                    "18446744073709551593"}));
  EXPECT_EQ(decode_all(unlimited, "18446744073709551616:"), malformed);
  EXPECT_EQ(decode_all(unlimited, "18446744073709551593:abc"),
            (Events{"end stream ended inside a message, 24 bytes into it"}));
}

TEST(Netstring, OverTheLimitIsSkippedExactly) {
  EXPECT_EQ(decode_all(skipping_over(3), "1:a,5:1:a,2,2:bc,4:abcd,0:,"),
            (Events{"message a", "skipped frame of 5 bytes exceeds max_frame_bytes 3", "message bc",
                    "skipped frame of 4 bytes exceeds max_frame_bytes 3", "message ", "end"}));
}

TEST(Netstring, OverTheLimitIsReportedAtItsColonWithItsWholeLength) {
  Netstring codec = skipping_over(3);
  EXPECT_EQ(codec.decode(as_bytes("1234")).status, Status::incomplete);
  const DecodeResult result = codec.decode(as_bytes("12345:ab"));
  EXPECT_EQ(result.status, Status::skipped);
  EXPECT_EQ(result.consumed, 8u);
  EXPECT_EQ(result.error, (CodecError{CodecErrc::frame_too_long, 12'345, 3}));
  EXPECT_EQ(codec.decode(as_bytes("cdef")).needed, 0u);
}

TEST(Netstring, OverTheLimitStillNeedsItsComma) {
  EXPECT_EQ(decode_all(skipping_over(3), "4:abcdx"),
            (Events{"skipped frame of 4 bytes exceeds max_frame_bytes 3", malformed.front()}));
}

TEST(Netstring, EndsInsideAMessageOrBetweenTwo) {
  EXPECT_EQ(decode_all(Netstring(), ""), (Events{"end"}));
  EXPECT_EQ(decode_all(Netstring(), "1"),
            (Events{"end stream ended inside a message, 1 bytes into it"}));
  EXPECT_EQ(decode_all(Netstring(), "1:a"),
            (Events{"end stream ended inside a message, 3 bytes into it"}));
  EXPECT_EQ(decode_all(skipping_over(3), "4:abcd"),
            (Events{"skipped frame of 4 bytes exceeds max_frame_bytes 3",
                    "end stream ended inside a message, 0 bytes into it"}));
}

TEST(Netstring, IsWrittenWithItsLength) {
  ByteBuffer out;
  EXPECT_FALSE(Netstring().encode(as_bytes("hello world!"), out));
  EXPECT_FALSE(Netstring().encode(as_bytes(""), out));
  EXPECT_EQ(text_of(out), "12:hello world!,0:,");
}

TEST(Netstring, IsWrittenInPlace) {
  EXPECT_EQ(written_in_place(Netstring(), ""), "0:,");
  EXPECT_EQ(written_in_place(Netstring(), "a"), "1:a,");
  EXPECT_EQ(written_in_place(Netstring(), "hello world!"), "12:hello world!,");
  const std::string body(1'000, 'x');
  EXPECT_EQ(written_in_place(Netstring(), body), "1000:" + body + ",");
}

TEST(Netstring, IsNotWrittenOverTheLimit) {
  ByteBuffer out;
  out.append("before");
  const CodecError expected = {CodecErrc::frame_too_long, 4, 3};
  EXPECT_EQ(limited_to(3).encode(as_bytes("abcd"), out), expected);
  const std::size_t mark = limited_to(3).begin_frame(out);
  out.append("abcd");
  EXPECT_EQ(limited_to(3).end_frame(out, mark), expected);
  EXPECT_EQ(text_of(out), "before");
}

TEST(Netstring, MayHoldWhatLiesInTheBufferItIsWrittenTo) {
  for (std::size_t size = 1; size <= 300; ++size) {
    ByteBuffer out;
    out.append(std::string(size, 'x'));
    ASSERT_FALSE(Netstring().encode(out.view(), out));
    const std::string body(size, 'x');
    ASSERT_EQ(text_of(out), body + std::to_string(size) + ":" + body + ",");
  }
}

}  // namespace
}  // namespace twister
