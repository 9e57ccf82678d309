#include "twister/codecs/delimited.hpp"

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "decode_all.hpp"

namespace twister {
namespace {

using namespace std::string_literals;
using testing_codecs::decode_all;
using testing_codecs::decode_pieces;
using testing_codecs::Events;
using testing_codecs::text_of;

static_assert(Framing<Delimited>);

using Status = DecodeResult::Status;
using Delimiters = std::vector<std::string>;

Delimited by(const Delimiters& delimiters) {
  return Delimited({.delimiters = delimiters});
}

Delimited limited_to(std::size_t bytes, const Delimiters& delimiters) {
  return Delimited({.delimiters = delimiters, .max_frame_bytes = bytes});
}

Delimited skipping_over(std::size_t bytes, const Delimiters& delimiters) {
  return Delimited(
      {.delimiters = delimiters, .max_frame_bytes = bytes, .on_oversize = Oversize::skip});
}

Delimited keeping(const Delimiters& delimiters) {
  return Delimited({.delimiters = delimiters, .terminator = Terminator::keep});
}

CodecErrc refusal(const Delimited& codec, std::string_view message) {
  ByteBuffer out;
  out.append("before");
  const CodecError error = codec.encode(as_bytes(message), out);
  const std::size_t mark = codec.begin_frame(out);
  out.append(message);
  EXPECT_EQ(codec.end_frame(out, mark), error);
  EXPECT_TRUE(!error || text_of(out) == "before");
  return error.code;
}

std::string why_not(const Delimiters& delimiters) {
  try {
    const Delimited codec = by(delimiters);
    return "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(Delimited, EndsAFrameAtADelimiter) {
  EXPECT_EQ(decode_all(by({"\0"s}), "a\0bc\0\0"s),
            (Events{"message a", "message bc", "message ", "end"}));
  EXPECT_EQ(decode_all(by({"END"}), "aENDEENEND"), (Events{"message a", "message EEN", "end"}));
  EXPECT_EQ(decode_all(by({"\r\n\r\n"}), "a\r\nb\r\n\r\r\n\r\n"),
            (Events{"message a\r\nb\r\n\r", "end"}));
}

TEST(Delimited, FindsADelimiterThatBeginsInsideAnAttemptAtIt) {
  EXPECT_EQ(decode_all(by({"aab"}), "aaab"), (Events{"message a", "end"}));
  EXPECT_EQ(decode_all(by({"abac"}), "ababac"), (Events{"message ab", "end"}));
  EXPECT_EQ(decode_all(by({"aa"}), "aaa"),
            (Events{"message ", "end stream ended inside a message, 1 bytes into it"}));
}

TEST(Delimited, EndsAFrameAtTheFirstOfSeveralDelimiters) {
  EXPECT_EQ(decode_all(by({"\r\n", "\n"}), "TestLine\r\ng\r\nh\n\r"),
            (Events{"message TestLine", "message g", "message h",
                    "end stream ended inside a message, 1 bytes into it"}));
  EXPECT_EQ(decode_all(by({"\n", "\r\n"}), "TestLine\r\n"), (Events{"message TestLine", "end"}));
  EXPECT_EQ(decode_all(by({"abcX", "cd"}), "xabcdabcX"),
            (Events{"message xab", "message ", "end"}));
}

TEST(Delimited, PrefersTheEarlierOfTwoThatBeginTogether) {
  EXPECT_EQ(decode_all(by({";", ";;"}), "a;;b;"),
            (Events{"message a", "message ", "message b", "end"}));
}

TEST(Delimited, KeepsTheDelimiterWhenTold) {
  EXPECT_EQ(decode_all(keeping({"\r\n", "\n"}), "a\r\nb\n\n"),
            (Events{"message a\r\n", "message b\n", "message \n", "end"}));
}

TEST(Delimited, GivesAViewIntoTheInput) {
  Delimited codec = by({";"});
  const ByteView input = as_bytes("ab;");
  const DecodeResult result = codec.decode(input);
  EXPECT_EQ(result.consumed, 3u);
  EXPECT_EQ(result.frame.data(), input.data());
  EXPECT_EQ(codec.message().size(), 2u);
}

TEST(Delimited, PassesAFrameOfExactlyTheLimit) {
  EXPECT_EQ(decode_all(limited_to(4, {"END"}), "xxxxENDEEENEND"),
            (Events{"message xxxx", "message EEEN", "end"}));
  EXPECT_EQ(decode_all(limited_to(0, {";"}), ";;"), (Events{"message ", "message ", "end"}));
}

TEST(Delimited, RefusesAFrameOverTheLimitBeforeItsEndArrives) {
  const Events expected = {"error frame of 5 bytes exceeds max_frame_bytes 4"};
  EXPECT_EQ(decode_all(limited_to(4, {";"}), "xxxxx"), expected);
  EXPECT_EQ(decode_all(limited_to(4, {";"}), "xxxxx;"), expected);
  EXPECT_EQ(decode_all(limited_to(4, {"END"}), "xxxxx"), expected);
  EXPECT_EQ(decode_all(limited_to(4, {"END"}), "xxxxENx"), expected);
  EXPECT_EQ(decode_all(limited_to(4, {"END"}), "xxxxxEND"), expected);
  EXPECT_EQ(decode_all(limited_to(4, {"END"}), std::string(200'000, 'x')), expected);
}

TEST(Delimited, DoesNotJudgeWhileADelimiterMayHaveBegunWithinTheLimit) {
  Delimited codec = limited_to(4, {"END"});
  EXPECT_EQ(codec.decode(as_bytes("xxxxEN")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("xxxxEND")).status, Status::message);
  EXPECT_EQ(as_text(codec.message()), "xxxx");
}

TEST(Delimited, SkipsAFrameOverTheLimitToItsEnd) {
  const std::string skipped = "skipped frame of 4 bytes exceeds max_frame_bytes 3";
  EXPECT_EQ(
      decode_all(skipping_over(3, {"\r\n", "\n"}), "abcd\nabcde\r\nabc\r\rx\nok\n\nabcdefgh\n"),
      (Events{skipped, skipped, skipped, "message ok", "message ", skipped, "end"}));
  EXPECT_EQ(decode_all(skipping_over(3, {"END"}), "abcENxENEENDokENDabcdEND"),
            (Events{skipped, "message ok", skipped, "end"}));
}

TEST(Delimited, SkipsToADelimiterThatBeganBeforeTheFrameWasJudged) {
  EXPECT_EQ(decode_all(skipping_over(1, {"abcX", "cd"}), "xabcdok;cdy"),
            (Events{"skipped frame of 2 bytes exceeds max_frame_bytes 1",
                    "skipped frame of 2 bytes exceeds max_frame_bytes 1",
                    "end stream ended inside a message, 1 bytes into it"}));
}

TEST(Delimited, ReportsAFrameOverTheLimitOnceAndAtFirstSight) {
  Delimited codec = skipping_over(1, {"\0"s});
  EXPECT_EQ(codec.decode(as_bytes("\1\2"s)).status, Status::skipped);
  const DecodeResult more = codec.decode(as_bytes("abc"));
  EXPECT_EQ(more.status, Status::incomplete);
  EXPECT_EQ(more.consumed, 3u);
  const std::string rest = "\0A\0"s;
  const DecodeResult next = codec.decode(as_bytes(rest));
  EXPECT_EQ(next.status, Status::message);
  EXPECT_EQ(next.consumed, 3u);
  EXPECT_EQ(as_text(next.frame), "A");
}

TEST(Delimited, EndsInsideAMessageOrBetweenTwo) {
  EXPECT_EQ(decode_all(by({";"}), ""), (Events{"end"}));
  EXPECT_EQ(decode_all(by({"END"}), "aEN"),
            (Events{"end stream ended inside a message, 3 bytes into it"}));
  EXPECT_EQ(decode_all(skipping_over(1, {";"}), "abc"),
            (Events{"skipped frame of 2 bytes exceeds max_frame_bytes 1",
                    "end stream ended inside a message, 0 bytes into it"}));
}

// Bytes once looked at are changed behind the codec's back: it does not look at them a second time,
// and remembers the beginning of a delimiter among them.
TEST(Delimited, LooksAtEachByteOnce) {
  Delimited codec = by({"END"});
  EXPECT_EQ(codec.decode(as_bytes("aaEN")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("ENDxD")).consumed, 5u);
  EXPECT_EQ(as_text(codec.message()), "EN");
}

TEST(Delimited, MayBeLimitedByNothing) {
  EXPECT_EQ(decode_all(limited_to(std::numeric_limits<std::size_t>::max(), {";"}), "abc;def"),
            (Events{"message abc", "end stream ended inside a message, 3 bytes into it"}));
}

TEST(Delimited, WritesTheFirstOfItsDelimiters) {
  ByteBuffer out;
  EXPECT_FALSE(by({"\r\n", "\n"}).encode(as_bytes("one"), out));
  EXPECT_FALSE(by({"\n", "\r\n"}).encode(as_bytes(""), out));
  const Delimited codec = by({";"});
  const std::size_t mark = codec.begin_frame(out);
  out.append("two");
  EXPECT_FALSE(codec.end_frame(out, mark));
  EXPECT_EQ(text_of(out), "one\r\n\ntwo;");
}

TEST(Delimited, WritesAMessageThatKeptItsDelimiterAsItIs) {
  const Delimited codec = keeping({"\r\n", "\n"});
  ByteBuffer out;
  EXPECT_FALSE(codec.encode(as_bytes("a\n"), out));
  EXPECT_FALSE(codec.encode(as_bytes("b\r\n"), out));
  EXPECT_EQ(text_of(out), "a\nb\r\n");
}

TEST(Delimited, RefusesToWriteWhatWouldReadBackDifferently) {
  EXPECT_EQ(refusal(by({"\r\n", "\n"}), "a\nb"), CodecErrc::embedded_delimiter);
  EXPECT_EQ(refusal(by({"\n", "\r\n"}), "a\r"), CodecErrc::embedded_delimiter);
  EXPECT_EQ(refusal(by({"aa"}), "xa"), CodecErrc::embedded_delimiter);
  EXPECT_EQ(refusal(by({"END"}), "EN"), CodecErrc{});
  EXPECT_EQ(refusal(keeping({";"}), "a;b;"), CodecErrc::embedded_delimiter);
  EXPECT_EQ(refusal(keeping({";"}), "a"), CodecErrc::unencodable);
  EXPECT_EQ(refusal(keeping({";"}), ""), CodecErrc::unencodable);
}

TEST(Delimited, RefusesToWriteAFrameOverTheLimit) {
  EXPECT_EQ(refusal(limited_to(4, {";"}), "xxxx"), CodecErrc{});
  EXPECT_EQ(refusal(limited_to(4, {";"}), "xxxxx"), CodecErrc::frame_too_long);
  const Delimited codec(
      {.delimiters = {";"}, .max_frame_bytes = 4, .terminator = Terminator::keep});
  EXPECT_EQ(refusal(codec, "xxxx;"), CodecErrc{});
  EXPECT_EQ(refusal(codec, "xxxxx;"), CodecErrc::frame_too_long);
}

TEST(Delimited, SaysWhichDelimitersDoNotGoTogether) {
  EXPECT_EQ(why_not({}), "Delimited: delimiters is empty");
  EXPECT_EQ(why_not({";", ""}), "Delimited: a delimiter is empty");
  EXPECT_EQ(why_not({";;", ";"}), "Delimited: delimiter 2 is a prefix of delimiter 1 before it");
  EXPECT_EQ(why_not({";", ";"}), "Delimited: delimiter 2 is a prefix of delimiter 1 before it");
  EXPECT_EQ(why_not({"b", "abc"}), "Delimited: delimiter 1 lies inside delimiter 2");
  EXPECT_EQ(why_not({std::string(200, 'x'), std::string(56, 'y')}),
            "Delimited: delimiters have more than 255 bytes in all");
}

TEST(Delimited, TakesDelimitersOf255Bytes) {
  std::string longest(254, 'x');
  longest.push_back('y');
  std::string input(256, 'x');
  input.push_back('y');
  EXPECT_EQ(decode_all(by({longest}), input), (Events{"message xx", "end"}));
}

}  // namespace
}  // namespace twister
