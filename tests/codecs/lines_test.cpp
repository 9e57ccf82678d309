#include "twister/codecs/lines.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::decode_pieces;
using testing_codecs::Events;
using testing_codecs::text_of;

static_assert(Framing<Lines>);
static_assert(std::is_trivially_copyable_v<Lines>);

using Status = DecodeResult::Status;

Lines limited_to(std::size_t bytes) {
  return Lines({.max_line_bytes = bytes});
}

Lines skipping_over(std::size_t bytes) {
  return Lines({.max_line_bytes = bytes, .on_oversize = Oversize::skip});
}

TEST(Lines, EndWithALineFeedOrACarriageReturnAndALineFeed) {
  EXPECT_EQ(decode_all(Lines(), "first\r\nsecond\nthird"),
            (Events{"message first", "message second",
                    "end stream ended inside a message, 5 bytes into it"}));
  EXPECT_EQ(decode_all(Lines(), "line\r\n.\r\n"), (Events{"message line", "message .", "end"}));
}

TEST(Lines, MayBeEmpty) {
  EXPECT_EQ(decode_all(Lines(), "\nabcna\r\n\r\n"),
            (Events{"message ", "message abcna", "message ", "end"}));
  EXPECT_EQ(decode_all(Lines(), ""), (Events{"end"}));
}

TEST(Lines, MayBeCutInsideTheirEnd) {
  EXPECT_EQ(decode_pieces(Lines(), {"huu", "haa\r", "\nhuuhaa\r\n"}),
            (Events{"message huuhaa", "message huuhaa", "end"}));
}

TEST(Lines, LoseOnlyOneCarriageReturnAndOnlyAtTheirEnd) {
  EXPECT_EQ(decode_all(Lines(), "a\r\r\nb\rc\n\rd\n\r\r\n"),
            (Events{"message a\r", "message b\rc", "message \rd", "message \r", "end"}));
}

TEST(Lines, MayHoldAnyOtherByte) {
  using namespace std::string_literals;
  EXPECT_EQ(decode_all(Lines(), "\0\xff\x80\n"s), (Events{"message \0\xff\x80"s, "end"}));
}

TEST(Lines, PassAtExactlyTheLimit) {
  EXPECT_EQ(decode_all(limited_to(4), "xxxx\nxxxx\r\n"),
            (Events{"message xxxx", "message xxxx", "end"}));
  EXPECT_EQ(decode_all(limited_to(0), "\n\r\n"), (Events{"message ", "message ", "end"}));
}

TEST(Lines, AreRefusedOverTheLimitHoweverTheyAreCut) {
  const Events expected = {"error line of at least 5 bytes exceeds max_line_bytes 4"};
  EXPECT_EQ(decode_all(limited_to(4), "xxxxx\n"), expected);
  EXPECT_EQ(decode_all(limited_to(4), "xxxxx\r\n"), expected);
  EXPECT_EQ(decode_all(limited_to(4), "xxxx\r\r\n"), expected);
  EXPECT_EQ(decode_all(limited_to(4), "xxxx\rx\n"), expected);
  EXPECT_EQ(decode_all(limited_to(4), std::string(1'000, 'x').append("\n")), expected);
}

TEST(Lines, AreRefusedOverTheLimitBeforeTheirEndArrives) {
  const Events expected = {"error line of at least 5 bytes exceeds max_line_bytes 4"};
  EXPECT_EQ(decode_all(limited_to(4), "xxxxx"), expected);
  EXPECT_EQ(decode_all(limited_to(4), "xxxx\r\r"), expected);
}

TEST(Lines, AreNotJudgedWhileACarriageReturnMayBePartOfTheirEnd) {
  Lines codec = limited_to(4);
  EXPECT_EQ(codec.decode(as_bytes("xxxx\r")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("xxxx\r\n")).status, Status::message);
  EXPECT_EQ(as_text(codec.message()), "xxxx");
}

TEST(Lines, AreRefusedAtTheLimitWhenTheyNeverEnd) {
  EXPECT_EQ(decode_all(Lines(), std::string(200'000, 'x')),
            (Events{"error line of at least 65537 bytes exceeds max_line_bytes 65536"}));
}

TEST(Lines, OverTheLimitAreSkippedToTheirEnd) {
  EXPECT_EQ(decode_all(skipping_over(16), "12345678901234567890\r\nfirst\nsecond"),
            (Events{"skipped line of at least 17 bytes exceeds max_line_bytes 16", "message first",
                    "end stream ended inside a message, 6 bytes into it"}));
}

TEST(Lines, OverTheLimitAreReportedOnceAndAtFirstSight) {
  Lines codec = skipping_over(16);
  EXPECT_EQ(codec.decode(as_bytes("12345678901234567")).status, Status::skipped);
  const DecodeResult more = codec.decode(as_bytes("890"));
  EXPECT_EQ(more.status, Status::incomplete);
  EXPECT_EQ(more.consumed, 3u);
  const DecodeResult next = codec.decode(as_bytes("123\r\nfirst\r\n"));
  EXPECT_EQ(next.status, Status::message);
  EXPECT_EQ(next.consumed, 12u);
  EXPECT_EQ(as_text(next.frame), "first");
}

TEST(Lines, OverTheLimitAreSkippedOneAfterTheOther) {
  const std::string skipped = "skipped line of at least 4 bytes exceeds max_line_bytes 3";
  EXPECT_EQ(decode_all(skipping_over(3), "abcd\nabcde\r\nabc\r\rx\nok\n\nabcdefgh\n"),
            (Events{skipped, skipped, skipped, "message ok", "message ", skipped, "end"}));
  EXPECT_EQ(decode_all(skipping_over(0), "a\n\n\r\r\n"),
            (Events{"skipped line of at least 1 bytes exceeds max_line_bytes 0", "message ",
                    "skipped line of at least 1 bytes exceeds max_line_bytes 0", "end"}));
}

TEST(Lines, MayEndTheStreamWhileSkipped) {
  EXPECT_EQ(decode_all(skipping_over(3), "abcdef"),
            (Events{"skipped line of at least 4 bytes exceeds max_line_bytes 3",
                    "end stream ended inside a message, 0 bytes into it"}));
}

// Bytes once scanned are changed behind the codec's back: it does not look at them a second time.
TEST(Lines, AreScannedOnce) {
  Lines codec;
  EXPECT_EQ(codec.decode(as_bytes("aaaa")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("\n\n\n\nb")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("\n\n\n\n\nb\n")).consumed, 7u);
}

TEST(Lines, AreLookedAtOnlyAsFarAsTheVerdictNeeds) {
  Lines codec = skipping_over(4);
  const DecodeResult result = codec.decode(as_bytes("abcdefghijkl\n"));
  EXPECT_EQ(result.status, Status::skipped);
  EXPECT_EQ(result.consumed, 5u);
}

TEST(Lines, MayBeLimitedByNothing) {
  EXPECT_EQ(decode_all(limited_to(std::numeric_limits<std::size_t>::max()), "abc\ndef"),
            (Events{"message abc", "end stream ended inside a message, 3 bytes into it"}));
}

TEST(Lines, AreWrittenWithTheLineEndingAskedFor) {
  ByteBuffer out;
  EXPECT_FALSE(Lines().encode(as_bytes("one"), out));
  EXPECT_FALSE(Lines({.line_ending = LineEnding::crlf}).encode(as_bytes("two"), out));
  EXPECT_FALSE(Lines().encode(as_bytes(""), out));
  EXPECT_EQ(text_of(out), "one\ntwo\r\n\n");
}

TEST(Lines, AreWrittenInPlace) {
  const Lines codec({.line_ending = LineEnding::crlf});
  ByteBuffer out;
  out.append("before\n");
  const std::size_t mark = codec.begin_frame(out);
  out.append("body");
  EXPECT_FALSE(codec.end_frame(out, mark));
  EXPECT_EQ(text_of(out), "before\nbody\r\n");
}

TEST(Lines, AreNotWrittenWhenTheyWouldReadBackDifferently) {
  ByteBuffer out;
  out.append("before\n");
  for (const std::string_view line : {"a\nb", "\n", "a\r", "\r"}) {
    EXPECT_EQ(Lines().encode(as_bytes(line), out).code, CodecErrc::embedded_delimiter);
    const std::size_t mark = Lines().begin_frame(out);
    out.append(line);
    EXPECT_EQ(Lines().end_frame(out, mark).code, CodecErrc::embedded_delimiter);
  }
  EXPECT_EQ(text_of(out), "before\n");
}

TEST(Lines, AreNotWrittenOverTheLimit) {
  ByteBuffer out;
  EXPECT_FALSE(limited_to(4).encode(as_bytes("xxxx"), out));
  EXPECT_EQ(limited_to(4).encode(as_bytes("xxxxx"), out),
            (CodecError{CodecErrc::line_too_long, 5, 4}));
  EXPECT_EQ(text_of(out), "xxxx\n");
}

}  // namespace
}  // namespace twister
