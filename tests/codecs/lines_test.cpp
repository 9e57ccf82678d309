#include "twister/codecs/lines.hpp"

#include <limits>
#include <stdexcept>
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

// Lines that end in LF alone, and in CR and LF together, in both directions.
Lines strict_lf(std::size_t limit = 100, Oversize on_oversize = Oversize::fail) {
  return Lines(
      {.max_line_bytes = limit, .on_oversize = on_oversize, .accepted_ending = AcceptedEnding::lf});
}

Lines strict_crlf(std::size_t limit = 100, Oversize on_oversize = Oversize::fail) {
  return Lines({.max_line_bytes = limit,
                .on_oversize = on_oversize,
                .line_ending = LineEnding::crlf,
                .accepted_ending = AcceptedEnding::crlf});
}

Lines keeping(AcceptedEnding accepted, std::size_t limit = 100) {
  return Lines(
      {.max_line_bytes = limit, .accepted_ending = accepted, .terminator = Terminator::keep});
}

CodecErrc refusal(const Lines& codec, std::string_view line) {
  ByteBuffer out;
  out.append("before");
  const CodecError error = codec.encode(as_bytes(line), out);
  const std::size_t mark = codec.begin_frame(out);
  out.append(line);
  EXPECT_EQ(codec.end_frame(out, mark), error);
  EXPECT_TRUE(!error || text_of(out) == "before");
  return error.code;
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

TEST(LineEndings, MayBeLineFeedsAlone) {
  EXPECT_EQ(decode_all(strict_lf(), "a\r\nb\n\r\n"),
            (Events{"message a\r", "message b", "message \r", "end"}));
}

TEST(LineEndings, MayBeBothTogetherAlone) {
  EXPECT_EQ(decode_all(strict_crlf(), "a\nb\rc\r\r\n\n\r\n\r\n"),
            (Events{"message a\nb\rc\r", "message \n", "message ", "end"}));
  EXPECT_EQ(decode_all(strict_crlf(), "a\n"),
            (Events{"end stream ended inside a message, 2 bytes into it"}));
}

TEST(LineEndings, DecideWhatCountsForTheLimit) {
  const Events passed = {"message xxx\r", "end"};
  const Events refused = {"error line of at least 5 bytes exceeds max_line_bytes 4"};
  EXPECT_EQ(decode_all(strict_lf(4), "xxx\r\n"), passed);
  EXPECT_EQ(decode_all(strict_lf(4), "xxxx\r"), refused);
  EXPECT_EQ(decode_all(strict_lf(4), "xxxx\r\n"), refused);
  EXPECT_EQ(decode_all(strict_crlf(4), "xxx\r\r\n"), passed);
  EXPECT_EQ(decode_all(strict_crlf(4), "xxxx\n"), refused);
  EXPECT_EQ(decode_all(strict_crlf(4), "xxx\r\r\r"), refused);
  EXPECT_EQ(decode_all(strict_crlf(4), "\n\n\n\n\r\n"), (Events{"message \n\n\n\n", "end"}));
}

TEST(LineEndings, DecideWhatIsSkipped) {
  const std::string skipped = "skipped line of at least 4 bytes exceeds max_line_bytes 3";
  EXPECT_EQ(decode_all(strict_lf(3, Oversize::skip), "abc\r\nok\nabcdefg\r\n"),
            (Events{skipped, "message ok", skipped, "end"}));
  EXPECT_EQ(decode_all(strict_crlf(3, Oversize::skip), "abcd\nef\rg\r\nok\r\nabc\r\r\r\n\r\n"),
            (Events{skipped, "message ok", skipped, "message ", "end"}));
  EXPECT_EQ(decode_all(strict_crlf(3, Oversize::skip), "abcdef\r"),
            (Events{skipped, "end stream ended inside a message, 1 bytes into it"}));
}

TEST(LineEndings, AreKeptWhenTold) {
  EXPECT_EQ(decode_all(keeping(AcceptedEnding::either), "first\r\nsecond\n\n"),
            (Events{"message first\r\n", "message second\n", "message \n", "end"}));
  EXPECT_EQ(decode_all(keeping(AcceptedEnding::crlf), "a\nb\r\n"),
            (Events{"message a\nb\r\n", "end"}));
  EXPECT_EQ(decode_all(keeping(AcceptedEnding::lf, 2), "a\r\nbc\n"),
            (Events{"message a\r\n", "message bc\n", "end"}));
}

TEST(LineEndings, DoNotCountForTheLimitEvenWhenKept) {
  EXPECT_EQ(
      decode_all(keeping(AcceptedEnding::either, 4), "xxxx\r\nxxxxx\r\n"),
      (Events{"message xxxx\r\n", "error line of at least 5 bytes exceeds max_line_bytes 4"}));
  EXPECT_EQ(refusal(keeping(AcceptedEnding::either, 4), "xxxx\r\n"), CodecErrc{});
  EXPECT_EQ(refusal(keeping(AcceptedEnding::either, 4), "xxxxx\r\n"), CodecErrc::line_too_long);
}

TEST(LineEndings, ThatAreKeptAreWrittenAsTheyAre) {
  ByteBuffer out;
  EXPECT_FALSE(keeping(AcceptedEnding::either).encode(as_bytes("a\n"), out));
  EXPECT_FALSE(keeping(AcceptedEnding::either).encode(as_bytes("b\r\n"), out));
  EXPECT_FALSE(keeping(AcceptedEnding::crlf).encode(as_bytes("c\nd\r\n"), out));
  EXPECT_EQ(text_of(out), "a\nb\r\nc\nd\r\n");
}

TEST(LineEndings, ThatAreKeptHaveToBeThere) {
  EXPECT_EQ(refusal(keeping(AcceptedEnding::either), "a"), CodecErrc::unencodable);
  EXPECT_EQ(refusal(keeping(AcceptedEnding::either), ""), CodecErrc::unencodable);
  EXPECT_EQ(refusal(keeping(AcceptedEnding::crlf), "a\n"), CodecErrc::unencodable);
  EXPECT_EQ(refusal(keeping(AcceptedEnding::either), "a\nb\n"), CodecErrc::embedded_delimiter);
  EXPECT_EQ(refusal(keeping(AcceptedEnding::either), "a\nb"), CodecErrc::embedded_delimiter);
}

TEST(LineEndings, DecideWhatWouldReadBackDifferently) {
  EXPECT_EQ(refusal(strict_lf(), "a\r"), CodecErrc{});
  EXPECT_EQ(refusal(strict_lf(), "a\nb"), CodecErrc::embedded_delimiter);
  EXPECT_EQ(refusal(strict_crlf(), "a\nb\r"), CodecErrc{});
  EXPECT_EQ(refusal(strict_crlf(), "a\r\nb"), CodecErrc::embedded_delimiter);
}

TEST(LineEndings, ThatAreSentAreAccepted) {
  EXPECT_THROW(Lines({.accepted_ending = AcceptedEnding::crlf}), std::invalid_argument);
  EXPECT_THROW(Lines({.line_ending = LineEnding::crlf, .accepted_ending = AcceptedEnding::lf}),
               std::invalid_argument);
}

}  // namespace
}  // namespace twister
