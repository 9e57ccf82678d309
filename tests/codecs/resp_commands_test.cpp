// The server's side of RESP: commands in, replies out. The client's is in resp_replies_test.cpp.
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "twister/codecs/resp.hpp"

#include "decode_all.hpp"
#include "resp_text.hpp"

namespace twister {
namespace {

using testing_codecs::CommandText;
using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::text_of;

static_assert(Codec<RespCommands>);

using Status = DecodeResult::Status;

Events commands(std::string_view input, const RespOptions& options = {}) {
  return decode_all(RespCommands(options), input, CommandText());
}

// What the error says that `input` ends in.
std::string error_of(std::string_view input, const RespOptions& options = {}) {
  const std::string last = commands(input, options).back();
  return last.rfind("error ", 0) == 0 ? last.substr(6) : "no error but " + last;
}

std::string at_byte(std::size_t byte) {
  return "malformed RESP at byte " + std::to_string(byte);
}

// ---- arrays of bulk strings ----

TEST(RespCommands, AreArraysOfBulkStrings) {
  EXPECT_EQ(commands("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"),
            (Events{"message [PING]", "message [GET][key]", "end"}));
}

TEST(RespCommands, HoldAnyBytes) {
  using namespace std::string_literals;
  EXPECT_EQ(commands("*2\r\n$4\r\nECHO\r\n$7\r\n\0\r\n*\xff$\n\r\n"s),
            (Events{"message [ECHO][\0\r\n*\xff$\n]"s, "end"}));
}

TEST(RespCommands, MayHaveEmptyArguments) {
  EXPECT_EQ(commands("*3\r\n$0\r\n\r\n$1\r\na\r\n$0\r\n\r\n"), (Events{"message [][a][]", "end"}));
}

TEST(RespCommands, ThatAnswerNothingAreSteppedOver) {
  EXPECT_EQ(commands("*0\r\n*-1\r\n*-5\r\n\r\n \t \n*1\r\n$1\r\na\r\n*0\r\n"),
            (Events{"message [a]", "end"}));
  EXPECT_EQ(commands("*0\r\n*-1\r\n"), (Events{"end"}));
}

TEST(RespCommands, AreTruncatedWhereTheStreamEndsInsideOne) {
  EXPECT_EQ(commands("*0\r\n*2\r\n$3\r\nGET\r\n$3\r\nke"),
            (Events{"end stream ended inside a message, 19 bytes into it"}));
  EXPECT_EQ(commands("*"), (Events{"end stream ended inside a message, 1 bytes into it"}));
  EXPECT_EQ(commands("PING\r"), (Events{"end stream ended inside a message, 5 bytes into it"}));
}

TEST(RespCommands, SayHowMuchOfABulkStringIsMissing) {
  RespCommands codec;
  EXPECT_EQ(codec.decode(as_bytes("*2\r\n$3\r\nSET\r\n$1000")).needed, 0u);
  EXPECT_EQ(codec.decode(as_bytes("*2\r\n$3\r\nSET\r\n$1000\r\nabc")).needed, 999u);
}

TEST(RespCommands, GiveTheirFrameWhole) {
  RespCommands codec;
  const DecodeResult result = codec.decode(as_bytes("*0\r\n*1\r\n$4\r\nPING\r\n*1\r\n"));
  EXPECT_EQ(result.consumed, 18u);
  EXPECT_EQ(as_text(result.frame), "*1\r\n$4\r\nPING\r\n");
}

// Bytes once parsed are changed behind the codec's back: it does not look at them a second time.
TEST(RespCommands, AreParsedOnce) {
  RespCommands codec;
  EXPECT_EQ(codec.decode(as_bytes("*3\r\n$1\r\na\r\n$1\r\n")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("*xxxxxxxa\r\n$1\r\nb\r\n$")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("*xxxxxxxa\rxxxxxb\r\n$1\r\nc\r\n")).status, Status::message);
  EXPECT_EQ(CommandText()(codec.message()), "[a][b][c]");
}

// ---- headers ----

TEST(RespCommands, HaveStrictNumbers) {
  EXPECT_EQ(error_of("*+1\r\n"), at_byte(1));
  EXPECT_EQ(error_of("* 1\r\n"), at_byte(1));
  EXPECT_EQ(error_of("*01\r\n"), at_byte(2));
  EXPECT_EQ(error_of("*-0\r\n"), at_byte(3));
  EXPECT_EQ(error_of("*1 \r\n"), at_byte(2));
  EXPECT_EQ(error_of("*\r\n"), at_byte(1));
  EXPECT_EQ(error_of("*-\r\n"), at_byte(2));
  EXPECT_EQ(error_of("*1\r\n$0x1\r\n"), at_byte(6));
}

TEST(RespCommands, HaveLinesThatEndWithBothCharacters) {
  EXPECT_EQ(error_of("*1\n$4\r\nPING\r\n"), at_byte(2));
  EXPECT_EQ(error_of("*1\r$4\r\nPING\r\n"), at_byte(3));
  EXPECT_EQ(error_of("*1\r\n$4\r\nPING\n"), at_byte(12));
  EXPECT_EQ(error_of("*1\r\n$4\r\nPING\r\r"), at_byte(13));
  EXPECT_EQ(error_of("*1\r\n$4\r\nPINGxx"), at_byte(12));
  EXPECT_EQ(error_of("*1\r\n$4\r\nPINGPONG"), at_byte(12));
}

TEST(RespCommands, HaveNoNegativeLengths) {
  EXPECT_EQ(error_of("*1\r\n$-1\r\n"), at_byte(5));
  EXPECT_EQ(error_of("*1\r\n$-2\r\n"), at_byte(5));
}

TEST(RespCommands, HoldNothingButBulkStrings) {
  EXPECT_EQ(error_of("*1\r\n:1\r\n"), at_byte(4));
  EXPECT_EQ(error_of("*1\r\n*1\r\n$1\r\na\r\n"), at_byte(4));
  EXPECT_EQ(error_of("*2\r\n$1\r\na\r\n+a\r\n"), at_byte(11));
}

TEST(RespCommands, HaveNumbersOfAtMost64Bits) {
  EXPECT_EQ(error_of("*9223372036854775807\r\n"),
            "at least 9223372036854775807 items exceed max_items 65536");
  EXPECT_EQ(error_of("*9223372036854775808\r\n"), at_byte(20));
  EXPECT_EQ(error_of("*18446744073709551617\r\n"), at_byte(20));
  EXPECT_EQ(error_of("*1\r\n$9223372036854775807\r\n"),
            "frame of 9223372036854775807 bytes exceeds max_frame_bytes 1048576");
  EXPECT_EQ(error_of("*1\r\n$" + std::string(100'000, '9')), at_byte(24));
}

// ---- limits ----

TEST(RespCommands, PassAtExactlyTheLimits) {
  const RespOptions options = {.max_frame_bytes = 4, .max_items = 2, .max_line_bytes = 4};
  EXPECT_EQ(commands("*2\r\n$3\r\nGET\r\n$1\r\na\r\nGE a\r\n", options),
            (Events{"message [GET][a]", "message [GE][a]", "end"}));
}

TEST(RespCommands, AreRefusedOverTheLimitsOnTheirHeaders) {
  const RespOptions options = {.max_frame_bytes = 4, .max_items = 2, .max_line_bytes = 4};
  EXPECT_EQ(error_of("*3\r\n", options), "at least 3 items exceed max_items 2");
  EXPECT_EQ(error_of("*1\r\n$5\r\n", options), "frame of 5 bytes exceeds max_frame_bytes 4");
  EXPECT_EQ(error_of("*2\r\n$3\r\nGET\r\n$2\r\n", options),
            "frame of 5 bytes exceeds max_frame_bytes 4");
  EXPECT_EQ(error_of("GET a\r\n", options), "line of at least 5 bytes exceeds max_line_bytes 4");
  EXPECT_EQ(error_of("a b c\r\n", {.max_items = 2}), "at least 3 items exceed max_items 2");
}

TEST(RespCommands, CountEachMessageAnew) {
  const RespOptions options = {.max_frame_bytes = 4};
  EXPECT_EQ(commands("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n", options),
            (Events{"message [PING]", "message [PING]", "end"}));
}

TEST(RespCommands, HaveDefaultsThatRefuseWhatIsPromised) {
  EXPECT_EQ(error_of("*1000000000\r\n"), "at least 1000000000 items exceed max_items 65536");
  EXPECT_EQ(error_of("*1\r\n$536870912\r\n"),
            "frame of 536870912 bytes exceeds max_frame_bytes 1048576");
  EXPECT_EQ(error_of(std::string(70'000, 'x')),
            "line of at least 65537 bytes exceeds max_line_bytes 65536");
}

TEST(RespCommands, MayBeLimitedByNothing) {
  const std::size_t none = std::numeric_limits<std::size_t>::max();
  const RespOptions options = {.max_frame_bytes = none, .max_items = none, .max_line_bytes = none};
  EXPECT_EQ(commands("*2\r\n$1\r\na\r\n$9223372036854775807\r\nb", options).back(),
            "end stream ended inside a message, 34 bytes into it");
  EXPECT_EQ(commands("a\r\n", options), (Events{"message [a]", "end"}));
}

TEST(RespCommands, NeedOptionsThatCanBeKept) {
  EXPECT_THROW(RespCommands({.max_depth = 1001}), std::invalid_argument);
  EXPECT_THROW(RespCommands({.max_items = 0}), std::invalid_argument);
}

// ---- inline ----

TEST(RespCommands, MayBeTypedOneALine) {
  EXPECT_EQ(commands("PING\r\nset  key\tvalue \nget key\r\n"),
            (Events{"message [PING]", "message [set][key][value]", "message [get][key]", "end"}));
}

TEST(RespCommands, MayMixInlineOnesWithArrays) {
  EXPECT_EQ(commands("PING\r\n*1\r\n$4\r\nPING\r\nPING\n"),
            (Events{"message [PING]", "message [PING]", "message [PING]", "end"}));
}

TEST(RespCommands, MayQuoteArguments) {
  EXPECT_EQ(commands("set \"a key\" 'a value'\r\n"),
            (Events{"message [set][a key][a value]", "end"}));
  EXPECT_EQ(commands("set \"\" ''\r\n"), (Events{"message [set][][]", "end"}));
  EXPECT_EQ(commands("set a\"b c\" d'e f'\r\n"), (Events{"message [set][ab c][de f]", "end"}));
  EXPECT_EQ(commands(R"(set "it's" 'say "a"')"
                     "\n"),
            (Events{"message [set][it's][say \"a\"]", "end"}));
}

TEST(RespCommands, MayEscapeBytesInQuotes) {
  EXPECT_EQ(commands(R"("\n\r\t\b\a\\\"\x41\xfF\x4g\z" '\'\n\\ ')"
                     "\n"),
            (Events{"message [\n\r\t\b\a\\\"A\xffx4gz]['\\n\\\\ ]", "end"}));
  EXPECT_EQ(commands("a\\n \\x41\n"), (Events{"message [a\\n][\\x41]", "end"}));
}

TEST(RespCommands, AreMalformedWithUnbalancedQuotes) {
  EXPECT_EQ(error_of("set \"a b\r\n"), at_byte(8));
  EXPECT_EQ(error_of("set 'a\r\n"), at_byte(6));
  EXPECT_EQ(error_of("set \"a\\\"\n"), at_byte(8));
  EXPECT_EQ(error_of("set \"a\"b\r\n"), at_byte(7));
  EXPECT_EQ(error_of("set 'a''b'\r\n"), at_byte(7));
}

TEST(RespCommands, HaveTheirTextsLimitedInlineToo) {
  const RespOptions options = {.max_frame_bytes = 5};
  EXPECT_EQ(commands("ab 'c d'\n", options), (Events{"message [ab][c d]", "end"}));
  EXPECT_EQ(error_of("ab 'c d' e f\n", options), "frame of 6 bytes exceeds max_frame_bytes 5");
  EXPECT_EQ(error_of("abcdef\n", options), "frame of 6 bytes exceeds max_frame_bytes 5");
}

TEST(RespCommands, SayWhatIsWrongAsRedisDoes) {
  const auto text = [](std::string_view input) {
    RespCommands codec({.max_items = 2, .max_line_bytes = 10});
    EXPECT_EQ(codec.decode(as_bytes(input)).status, Status::error);
    return codec.error_text();
  };
  EXPECT_EQ(text("*x\r\n"), "invalid multibulk length");
  EXPECT_EQ(text("*3\r\n"), "invalid multibulk length");
  EXPECT_EQ(text("*1\r\n:1\r\n"), "expected '$', got ':'");
  EXPECT_EQ(text("*1\r\n$x\r\n"), "invalid bulk length");
  EXPECT_EQ(text("*1\r\n$-1\r\n"), "invalid bulk length");
  EXPECT_EQ(text("*1\r\n$1048577\r\n"), "invalid bulk length");
  EXPECT_EQ(text("say 'what\n"), "unbalanced quotes in request");
  EXPECT_EQ(text("12345678901"), "too big inline request");
  EXPECT_EQ(text("a b c\n"), "at least 3 items exceed max_items 2");
  EXPECT_EQ(text("*1\r\n$1\r\naxx"), "malformed RESP at byte 9");
}

TEST(RespCommands, MayBeRefusedInline) {
  const RespOptions options = {.inline_commands = InlineCommands::refuse};
  EXPECT_EQ(error_of("PING\r\n", options), at_byte(0));
  EXPECT_EQ(error_of("\r\n", options), at_byte(0));
  EXPECT_EQ(commands("*1\r\n$4\r\nPING\r\n", options), (Events{"message [PING]", "end"}));
}

// ---- memory ----

TEST(RespCommands, AreViewsIntoTheInput) {
  const std::string input = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
  RespCommands codec;
  ASSERT_EQ(codec.decode(as_bytes(input)).status, Status::message);
  EXPECT_EQ(codec.message()[0].data(), input.data() + 8);
  EXPECT_EQ(codec.message()[1].data(), input.data() + 17);
}

TEST(RespCommands, AreViewsIntoTheLastInputHoweverItWasCut) {
  const std::string first = "*2\r\n$3\r\nGET\r\n$3\r\nke";
  const std::string second = first + "y\r\n";
  RespCommands codec;
  ASSERT_EQ(codec.decode(as_bytes(first)).status, Status::incomplete);
  ASSERT_EQ(codec.decode(as_bytes(second)).status, Status::message);
  EXPECT_EQ(codec.message()[0].data(), second.data() + 8);
}

TEST(RespCommands, MayForgetBetweenAnyTwoCalls) {
  RespCommands codec;
  EXPECT_EQ(codec.decode(as_bytes("*2\r\n$1\r\na\r\n$1")).status, Status::incomplete);
  codec.forget();
  EXPECT_EQ(codec.decode(as_bytes("*2\r\n$1\r\na\r\n$1\r\nb\r\n")).status, Status::message);
  EXPECT_EQ(CommandText()(codec.message()), "[a][b]");
  codec.forget();
  EXPECT_EQ(codec.decode(as_bytes("PING\n")).status, Status::message);
}

// ---- replies as values ----

std::string encoded(const RespValue& value, const RespOptions& options = {}) {
  ByteBuffer out;
  EXPECT_EQ(RespCommands(options).encode(value, out), CodecError());
  return text_of(out);
}

CodecError refusal(const RespValue& value, const RespOptions& options = {}) {
  ByteBuffer out;
  out.append("before");
  const CodecError error = RespCommands(options).encode(value, out);
  EXPECT_EQ(text_of(out), "before");
  return error;
}

TEST(RespCommands, AreAnsweredByValues) {
  EXPECT_EQ(encoded(RespValue::simple("OK")), "+OK\r\n");
  EXPECT_EQ(encoded(RespValue::error("ERR no")), "-ERR no\r\n");
  EXPECT_EQ(encoded(RespValue::integer(std::numeric_limits<std::int64_t>::min())),
            ":-9223372036854775808\r\n");
  EXPECT_EQ(encoded(RespValue::bulk("a\r\nb")), "$4\r\na\r\nb\r\n");
  EXPECT_EQ(encoded(RespValue::null()), "$-1\r\n");
  EXPECT_EQ(encoded(RespValue::null_array()), "*-1\r\n");
}

TEST(RespCommands, AreAnsweredByNestedValues) {
  const RespValue inner = RespValue::array({RespValue::integer(1), RespValue::array({})});
  EXPECT_EQ(encoded(RespValue::array({inner, RespValue::null(), inner})),
            "*3\r\n*2\r\n:1\r\n*0\r\n$-1\r\n*2\r\n:1\r\n*0\r\n");
}

TEST(RespCommands, RefuseAnswersThatWouldReadBackDifferently) {
  for (const std::string text : {"a\r\nb", "\n", "\r"}) {
    EXPECT_EQ(refusal(RespValue::simple(text)).code, CodecErrc::embedded_delimiter);
    EXPECT_EQ(refusal(RespValue::array({RespValue::integer(1), RespValue::error(text)})).code,
              CodecErrc::embedded_delimiter);
  }
}

TEST(RespCommands, RefuseAnswersOverTheLimits) {
  const RespOptions options = {
      .max_frame_bytes = 4, .max_items = 2, .max_line_bytes = 3, .max_depth = 1};
  const RespValue one = RespValue::integer(1);
  EXPECT_EQ(encoded(RespValue::array({RespValue::bulk("four"), one}), options),
            "*2\r\n$4\r\nfour\r\n:1\r\n");
  EXPECT_EQ(refusal(RespValue::bulk("fives"), options),
            (CodecError{CodecErrc::frame_too_long, 5, 4}));
  EXPECT_EQ(refusal(RespValue::array({RespValue::simple("abc"), RespValue::bulk("de")}), options),
            (CodecError{CodecErrc::frame_too_long, 5, 4}));
  EXPECT_EQ(refusal(RespValue::simple("four"), options),
            (CodecError{CodecErrc::line_too_long, 4, 3}));
  EXPECT_EQ(refusal(RespValue::array({one, one, one}), options),
            (CodecError{CodecErrc::too_many_items, 3, 2}));
  EXPECT_EQ(refusal(RespValue::array({RespValue::array({})}), options),
            (CodecError{CodecErrc::too_deep, 2, 1}));
}

// ---- the writer ----

TEST(RespWriter, WritesItemsOneAfterTheOther) {
  ByteBuffer out;
  RespWriter reply(out);
  reply.array(7);
  reply.simple("OK");
  reply.error("ERR no");
  reply.integer(-42);
  reply.bulk("bytes");
  reply.bulk("");
  reply.null();
  reply.null_array();
  EXPECT_EQ(text_of(out),
            "*7\r\n+OK\r\n-ERR no\r\n:-42\r\n$5\r\nbytes\r\n$0\r\n\r\n$-1\r\n*-1\r\n");
}

TEST(RespWriter, MakesLineEndsInALineBlanks) {
  ByteBuffer out;
  RespWriter(out).error("ERR unknown command 'a\r\n+OK\n'");
  EXPECT_EQ(text_of(out), "-ERR unknown command 'a  +OK '\r\n");
}

TEST(RespWriter, CopiesBytesOutOfItsOwnBuffer) {
  const std::string text(200, 'x');
  ByteBuffer out;
  out.append(text);
  RespWriter(out).bulk(as_text(out.view()));
  std::string expected = text;
  expected.append("$200\r\n").append(text).append("\r\n");
  EXPECT_EQ(text_of(out), expected);
}

TEST(RespWriter, WritesStringsAsAnArray) {
  ByteBuffer out;
  RespWriter(out).strings({"message", "news", ""});
  EXPECT_EQ(text_of(out), "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$0\r\n\r\n");
}

TEST(RespWriter, TakesBackWhatItHasWritten) {
  ByteBuffer out;
  out.append("before");
  RespWriter reply(out);
  reply.array(2);
  reply.bulk("one");
  EXPECT_EQ(reply.size(), 13u);
  reply.take_back();
  reply.error("ERR no");
  EXPECT_EQ(text_of(out), "before-ERR no\r\n");
}

TEST(RespWriter, WritesNumbersOfEveryLength) {
  ByteBuffer out;
  RespWriter(out).integer(std::numeric_limits<std::int64_t>::min());
  RespWriter(out).integer(std::numeric_limits<std::int64_t>::max());
  RespWriter(out).bulk(std::string(100'000, 'y'));
  EXPECT_EQ(text_of(out), ":-9223372036854775808\r\n:9223372036854775807\r\n$100000\r\n" +
                              std::string(100'000, 'y') + "\r\n");
}

}  // namespace
}  // namespace twister
