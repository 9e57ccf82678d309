#include "twister/codecs/json_texts.hpp"

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

static_assert(Framing<JsonTexts>);
static_assert(std::is_trivially_copyable_v<JsonTexts>);

using Status = DecodeResult::Status;

const Events malformed = {"error malformed JSON at byte 0"};

JsonTexts limited_to(std::size_t bytes) {
  return JsonTexts({.max_frame_bytes = bytes});
}

JsonTexts skipping_over(std::size_t bytes) {
  return JsonTexts({.max_frame_bytes = bytes, .on_oversize = Oversize::skip});
}

CodecErrc refusal(const JsonTexts& codec, std::string_view text) {
  ByteBuffer out;
  out.append("before");
  const CodecError error = codec.encode(as_bytes(text), out);
  const std::size_t mark = codec.begin_frame(out);
  out.append(text);
  EXPECT_EQ(codec.end_frame(out, mark), error);
  EXPECT_TRUE(!error || text_of(out) == "before");
  return error.code;
}

TEST(JsonTexts, EndWhereTheirFirstBracketIsClosed) {
  EXPECT_EQ(decode_all(JsonTexts(), R"({"foo" : {"bar" : [{},{}]}}[1,[2]]{}[])"),
            (Events{R"(message {"foo" : {"bar" : [{},{}]}})", "message [1,[2]]", "message {}",
                    "message []", "end"}));
}

TEST(JsonTexts, MayHaveBlanksAroundThem) {
  EXPECT_EQ(decode_all(JsonTexts(), "  \n\n  { \"a\": 1\n}   \r\n\t[ ]  \n"),
            (Events{"message { \"a\": 1\n}", "message [ ]", "end"}));
  EXPECT_EQ(decode_all(JsonTexts(), " \n"), (Events{"end"}));
}

TEST(JsonTexts, MayHoldBracketsInStrings) {
  EXPECT_EQ(decode_all(JsonTexts(), R"({ "key" : "[]{}}\"}}'}"}[])"),
            (Events{R"(message { "key" : "[]{}}\"}}'}"})", "message []", "end"}));
  EXPECT_EQ(decode_all(JsonTexts(), R"(["\\"]["\\\"]"])"),
            (Events{R"(message ["\\"])", R"(message ["\\\"]"])", "end"}));
}

TEST(JsonTexts, AreNotCheckedForAnythingElse) {
  EXPECT_EQ(decode_all(JsonTexts(), "{]{'a:,\xff}[}"),
            (Events{"message {]", "message {'a:,\xff}", "message [}", "end"}));
}

TEST(JsonTexts, BeginWithABracketOrTheStreamEndsHere) {
  for (const std::string_view input :
       {"  b [1,2,3]", "1", "\"a\"", "null", "]", "}{}", "\xef\xbb\xbf{}"}) {
    EXPECT_EQ(decode_all(JsonTexts(), input), malformed) << input;
    EXPECT_EQ(decode_all(skipping_over(100), input), malformed) << input;
  }
  EXPECT_EQ(decode_all(JsonTexts(), "  [1,2,3]   a {\"key\" : 10}"),
            (Events{"message [1,2,3]", malformed.front()}));
}

TEST(JsonTexts, PassAtExactlyTheLimitWhateverBlanksThereAre) {
  EXPECT_EQ(decode_all(limited_to(7), "          [2,4,5]          [2,4,5]"),
            (Events{"message [2,4,5]", "message [2,4,5]", "end"}));
  EXPECT_EQ(decode_all(limited_to(2), "[]{}"), (Events{"message []", "message {}", "end"}));
}

TEST(JsonTexts, AreRefusedOverTheLimitBeforeTheyEnd) {
  const Events expected = {"error frame of 7 bytes exceeds max_frame_bytes 6"};
  EXPECT_EQ(decode_all(limited_to(6), "[2,4,5]"), expected);
  EXPECT_EQ(decode_all(limited_to(6), "  [2,4,5"), expected);
  EXPECT_EQ(decode_all(limited_to(6), "[" + std::string(100'000, ' ')), expected);
  EXPECT_EQ(decode_all(limited_to(6), std::string(100'000, '[')), expected);
  EXPECT_EQ(decode_all(limited_to(6), "\n[\"" + std::string(100'000, ']')), expected);
  EXPECT_EQ(decode_all(limited_to(0), " []"),
            (Events{"error frame of 1 bytes exceeds max_frame_bytes 0"}));
}

TEST(JsonTexts, OverTheLimitAreSkippedToTheirEnd) {
  const std::string skipped = "skipped frame of 5 bytes exceeds max_frame_bytes 4";
  EXPECT_EQ(decode_all(skipping_over(4), R"([1] {"a":"]}"}[2] [[[]]]{}["\"]"] [3])"),
            (Events{"message [1]", skipped, "message [2]", skipped, "message {}", skipped,
                    "message [3]", "end"}));
  EXPECT_EQ(decode_all(skipping_over(1), "[]{}"),
            (Events{"skipped frame of 2 bytes exceeds max_frame_bytes 1",
                    "skipped frame of 2 bytes exceeds max_frame_bytes 1", "end"}));
}

TEST(JsonTexts, OverTheLimitAreReportedOnceAndAtFirstSight) {
  JsonTexts codec = skipping_over(3);
  const DecodeResult result = codec.decode(as_bytes(" [1,2"));
  EXPECT_EQ(result.status, Status::skipped);
  EXPECT_EQ(result.consumed, 4u);
  EXPECT_EQ(codec.decode(as_bytes("2,\"")).consumed, 3u);
  EXPECT_EQ(codec.decode(as_bytes("]\"] []")).consumed, 6u);
  EXPECT_EQ(as_text(codec.message()), "[]");
}

TEST(JsonTexts, MayBeLimitedInDepth) {
  const JsonTexts codec({.max_depth = 2});
  EXPECT_EQ(decode_all(codec, "[[]][[\"[[[\"],{}]"),
            (Events{"message [[]]", "message [[\"[[[\"],{}]", "end"}));
  EXPECT_EQ(decode_all(codec, "[[["),
            (Events{"error nesting of at least 3 levels exceeds max_depth 2"}));
  EXPECT_EQ(
      decode_all(JsonTexts({.on_oversize = Oversize::skip, .max_depth = 1}), "[[[]]] [[]] []"),
      (Events{"skipped nesting of at least 2 levels exceeds max_depth 1",
              "skipped nesting of at least 2 levels exceeds max_depth 1", "message []", "end"}));
}

TEST(JsonTexts, AreFoundAtAnyDepth) {
  const std::string deep = std::string(300'000, '[') + std::string(300'000, ']');
  EXPECT_TRUE(decode_all(JsonTexts(), deep) == (Events{"message " + deep, "end"}));
}

TEST(JsonTexts, EndInsideAMessageOrBetweenTwo) {
  EXPECT_EQ(decode_all(JsonTexts(), ""), (Events{"end"}));
  EXPECT_EQ(decode_all(JsonTexts(), "[] {\""),
            (Events{"message []", "end stream ended inside a message, 2 bytes into it"}));
  EXPECT_EQ(decode_all(skipping_over(2), "[ 1"),
            (Events{"skipped frame of 3 bytes exceeds max_frame_bytes 2",
                    "end stream ended inside a message, 0 bytes into it"}));
}

TEST(JsonTexts, GiveBlanksBackAtOnce) {
  JsonTexts codec;
  const DecodeResult result = codec.decode(as_bytes("  \n ["));
  EXPECT_EQ(result.status, Status::incomplete);
  EXPECT_EQ(result.consumed, 4u);
}

// Bytes once looked at are changed behind the codec's back: it does not look at them a second time.
TEST(JsonTexts, AreLookedAtOnce) {
  JsonTexts codec;
  EXPECT_EQ(codec.decode(as_bytes("[[\"a")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("xxxx\"]]")).consumed, 7u);
}

TEST(JsonTexts, AreWrittenAsTheyAre) {
  ByteBuffer out;
  EXPECT_FALSE(JsonTexts().encode(as_bytes("{\"a\":1}"), out));
  const std::size_t mark = JsonTexts().begin_frame(out);
  out.append("[ 2 ]");
  EXPECT_FALSE(JsonTexts().end_frame(out, mark));
  EXPECT_EQ(text_of(out), "{\"a\":1}[ 2 ]");
}

TEST(JsonTexts, AreNotWrittenWhenTheyWouldReadBackDifferently) {
  for (const std::string_view text : {"", "1", "\"a\"", " []", "[] ", "[][]", "[", "[\"]", "[]x"}) {
    EXPECT_EQ(refusal(JsonTexts(), text), CodecErrc::unencodable) << text;
  }
}

TEST(JsonTexts, AreNotWrittenOverALimit) {
  EXPECT_EQ(refusal(limited_to(3), "[1]"), CodecErrc{});
  EXPECT_EQ(refusal(limited_to(3), "[12]"), CodecErrc::frame_too_long);
  EXPECT_EQ(refusal(JsonTexts({.max_depth = 1}), "[[]]"), CodecErrc::too_deep);
}

TEST(JsonTexts, MayBeLimitedByNothing) {
  EXPECT_EQ(decode_pieces(limited_to(std::numeric_limits<std::size_t>::max()), {"[1", "]["}),
            (Events{"message [1]", "end stream ended inside a message, 1 bytes into it"}));
}

}  // namespace
}  // namespace twister
