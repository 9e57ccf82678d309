// The client's side of RESP: commands out, replies in. The server's is in resp_commands_test.cpp.
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
using testing_codecs::ReplyText;
using testing_codecs::text_of;

static_assert(Codec<RespReplies>);

using Status = DecodeResult::Status;

Events replies(std::string_view input, const RespOptions& options = {}) {
  return decode_all(RespReplies(options), input, ReplyText());
}

std::string error_of(std::string_view input, const RespOptions& options = {}) {
  const std::string last = replies(input, options).back();
  return last.rfind("error ", 0) == 0 ? last.substr(6) : "no error but " + last;
}

std::string at_byte(std::size_t byte) {
  return "malformed RESP at byte " + std::to_string(byte);
}

TEST(RespReplies, HaveFiveTypes) {
  EXPECT_EQ(replies("+OK\r\n-ERR no\r\n:-42\r\n$5\r\na\r\nbc\r\n*1\r\n:7\r\n"),
            (Events{"message +OK", "message -ERR no", "message :-42", "message $a\r\nbc",
                    "message (:7)", "end"}));
}

TEST(RespReplies, MayBeEmptyOrNone) {
  EXPECT_EQ(replies("+\r\n-\r\n$0\r\n\r\n*0\r\n$-1\r\n*-1\r\n"),
            (Events{"message +", "message -", "message $", "message ()", "message nil",
                    "message nil-array", "end"}));
}

TEST(RespReplies, MayBeNested) {
  EXPECT_EQ(replies("*3\r\n*2\r\n:1\r\n*0\r\n$1\r\na\r\n*1\r\n*1\r\n+b\r\n:2\r\n"),
            (Events{"message ((:1 ()) $a ((+b)))", "message :2", "end"}));
  EXPECT_EQ(replies("*2\r\n*-1\r\n*1\r\n$-1\r\n"), (Events{"message (nil-array (nil))", "end"}));
}

TEST(RespReplies, HaveIntegersOf64Bits) {
  EXPECT_EQ(replies(":9223372036854775807\r\n:-9223372036854775808\r\n:0\r\n"),
            (Events{"message :9223372036854775807", "message :-9223372036854775808", "message :0",
                    "end"}));
  EXPECT_EQ(error_of(":9223372036854775808\r\n"), at_byte(20));
  EXPECT_EQ(error_of(":-9223372036854775809\r\n"), at_byte(21));
  EXPECT_EQ(error_of(":18446744073709551616\r\n"), at_byte(20));
}

TEST(RespReplies, HaveStrictNumbers) {
  EXPECT_EQ(error_of(":+1\r\n"), at_byte(1));
  EXPECT_EQ(error_of(":01\r\n"), at_byte(2));
  EXPECT_EQ(error_of(":-0\r\n"), at_byte(3));
  EXPECT_EQ(error_of(":1.5\r\n"), at_byte(2));
  EXPECT_EQ(error_of(":\r\n"), at_byte(1));
  EXPECT_EQ(error_of("$-2\r\n"), at_byte(1));
  EXPECT_EQ(error_of("*1\r\n*-2\r\n"), at_byte(5));
}

TEST(RespReplies, HaveLinesThatEndWithBothCharacters) {
  EXPECT_EQ(error_of("+OK\n"), at_byte(3));
  EXPECT_EQ(error_of("+OK\rx"), at_byte(4));
  EXPECT_EQ(error_of("+a\nb\r\n"), at_byte(2));
  EXPECT_EQ(error_of(":1\n"), at_byte(2));
  EXPECT_EQ(error_of("$1\r\na\n\n"), at_byte(5));
  EXPECT_EQ(error_of("$1\r\na\rx"), at_byte(6));
}

TEST(RespReplies, OfOtherTypesAreMalformed) {
  EXPECT_EQ(error_of("%1\r\n+a\r\n+b\r\n"), at_byte(0));
  EXPECT_EQ(error_of("*1\r\n_\r\n"), at_byte(4));
  EXPECT_EQ(error_of("HTTP/1.1 400 Bad Request\r\n"), at_byte(0));
  EXPECT_EQ(error_of("\r\n"), at_byte(0));
}

TEST(RespReplies, AreTruncatedWhereTheStreamEndsInsideOne) {
  for (const std::string_view input :
       {"*", "*1\r\n", "*1\r\n:1\r", "+OK\r", "$3\r\nab", "$1\r\na\r"}) {
    EXPECT_EQ(replies(input), (Events{"end stream ended inside a message, " +
                                      std::to_string(input.size()) + " bytes into it"}));
  }
}

TEST(RespReplies, SayHowMuchOfABulkStringIsMissing) {
  RespReplies codec;
  EXPECT_EQ(codec.decode(as_bytes("*2\r\n:1\r\n$1000\r\nabc")).needed, 999u);
  EXPECT_EQ(codec.decode(as_bytes("*2\r\n:1\r\n$1000\r\nabc")).needed, 999u);
}

// Bytes once parsed are changed behind the codec's back: it does not look at them a second time.
TEST(RespReplies, AreParsedOnce) {
  RespReplies codec;
  EXPECT_EQ(codec.decode(as_bytes("*3\r\n:1\r\n+aaaa")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("xxxxxxxx+\n\n\n\na")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("xxxxxxxx+aaaaa\r\n:2\r\n")).status, Status::message);
  EXPECT_EQ(ReplyText()(codec.message()), "(:1 +aaaaa :2)");
}

// ---- limits ----

TEST(RespReplies, PassAtExactlyTheLimits) {
  const RespOptions options = {
      .max_frame_bytes = 4, .max_items = 3, .max_line_bytes = 4, .max_depth = 2};
  EXPECT_EQ(replies("*1\r\n*2\r\n$3\r\nabc\r\n+d\r\n-four\r\n", options),
            (Events{"message (($abc +d))", "message -four", "end"}));
}

TEST(RespReplies, AreRefusedOverTheLimitsOnTheirHeaders) {
  const RespOptions options = {
      .max_frame_bytes = 4, .max_items = 3, .max_line_bytes = 6, .max_depth = 2};
  EXPECT_EQ(error_of("*4\r\n", options), "at least 4 items exceed max_items 3");
  EXPECT_EQ(error_of("*1\r\n*3\r\n", options), "at least 4 items exceed max_items 3");
  EXPECT_EQ(error_of("$5\r\n", options), "frame of 5 bytes exceeds max_frame_bytes 4");
  EXPECT_EQ(error_of("*2\r\n+abc\r\n$2\r\n", options),
            "frame of 5 bytes exceeds max_frame_bytes 4");
  EXPECT_EQ(error_of("*2\r\n$2\r\nab\r\n+cde\r\n", options),
            "frame of 5 bytes exceeds max_frame_bytes 4");
  EXPECT_EQ(error_of("+longest", options), "line of at least 7 bytes exceeds max_line_bytes 6");
  EXPECT_EQ(error_of("*1\r\n*1\r\n*0\r\n", options),
            "nesting of at least 3 levels exceeds max_depth 2");
}

TEST(RespReplies, MayHaveALineOfExactlyTheLimitCutInItsEnd) {
  RespReplies codec({.max_line_bytes = 2});
  EXPECT_EQ(codec.decode(as_bytes("+ab")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("+ab\r")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("+ab\r\n")).status, Status::message);
}

TEST(RespReplies, HaveDefaultsThatRefuseWhatIsPromised) {
  EXPECT_EQ(error_of("*1000000000\r\n"), "at least 1000000000 items exceed max_items 65536");
  EXPECT_EQ(error_of("$1048577\r\n"), "frame of 1048577 bytes exceeds max_frame_bytes 1048576");
  EXPECT_EQ(error_of("+" + std::string(70'000, 'x')),
            "line of at least 65537 bytes exceeds max_line_bytes 65536");
  std::string deep;
  for (int level = 0; level < 100'000; ++level) deep += "*1\r\n";
  EXPECT_EQ(error_of(deep), "nesting of at least 33 levels exceeds max_depth 32");
}

TEST(RespReplies, MayBeLimitedByNothing) {
  const std::size_t none = std::numeric_limits<std::size_t>::max();
  const RespOptions options = {
      .max_frame_bytes = none, .max_items = none, .max_line_bytes = none, .max_depth = 1000};
  EXPECT_EQ(replies("*9223372036854775807\r\n+a\r\n$9223372036854775807\r\nb", options).back(),
            "end stream ended inside a message, 49 bytes into it");
}

TEST(RespReplies, NeedOptionsThatCanBeKept) {
  EXPECT_THROW(RespReplies({.max_depth = 1001}), std::invalid_argument);
  EXPECT_THROW(RespReplies({.max_items = 0}), std::invalid_argument);
}

// ---- views and values ----

RespReply first_of(RespReplies& codec, std::string_view input) {
  EXPECT_EQ(codec.decode(as_bytes(input)).status, Status::message);
  return codec.message();
}

TEST(RespReply, AnswersWhatItIs) {
  RespReplies codec;
  const RespReply array = first_of(codec, "*4\r\n-ERR no\r\n:5\r\n$-1\r\n$2\r\nab\r\n");
  EXPECT_EQ(array.size(), 4u);
  EXPECT_EQ(array.text(), "");
  auto item = array.begin();
  EXPECT_TRUE(item->is_error());
  EXPECT_EQ(item->text(), "ERR no");
  ++item;
  EXPECT_EQ(item->integer(), 5);
  EXPECT_EQ(item->text(), "");
  ++item;
  EXPECT_TRUE(item->is_null());
  ++item;
  EXPECT_EQ(item->text(), "ab");
  EXPECT_EQ(item->integer(), 0);
  EXPECT_EQ(item->size(), 0u);
  EXPECT_TRUE(item->begin() == item->end());
  EXPECT_TRUE(++item == array.end());
}

TEST(RespReply, IsAViewIntoTheInput) {
  const std::string input = "$5\r\nbytes\r\n";
  RespReplies codec;
  EXPECT_EQ(first_of(codec, input).text().data(), input.data() + 4);
}

TEST(RespValue, KeepsAReply) {
  RespReplies codec;
  const RespValue kept(
      first_of(codec, "*4\r\n*2\r\n:1\r\n*0\r\n$1\r\na\r\n*-1\r\n*1\r\n*1\r\n+b\r\n"));
  first_of(codec, ":1\r\n");
  EXPECT_EQ(kept,
            RespValue::array({RespValue::array({RespValue::integer(1), RespValue::array({})}),
                              RespValue::bulk("a"), RespValue::null_array(),
                              RespValue::array({RespValue::array({RespValue::simple("b")})})}));
}

TEST(RespValue, SurvivesTheRoundTrip) {
  const RespValue value = RespValue::array(
      {RespValue::simple("OK"), RespValue::error("ERR"), RespValue::integer(-1),
       RespValue::bulk(std::string(300, '\n')), RespValue::null(), RespValue::null_array(),
       RespValue::array({RespValue::array({}), RespValue::bulk("")})});
  ByteBuffer wire;
  ASSERT_FALSE(RespCommands().encode(value, wire));
  RespReplies codec;
  EXPECT_EQ(RespValue(first_of(codec, as_text(wire.view()))), value);
}

TEST(RespInteger, IsReadInTheFormInWhichItIsWritten) {
  EXPECT_EQ(parse_resp_integer("0"), 0);
  EXPECT_EQ(parse_resp_integer("-42"), -42);
  EXPECT_EQ(parse_resp_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_resp_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const std::string_view text : {"", "-", "+1", " 1", "1 ", "01", "-0", "-01", "1.0", "0x1",
                                      "9223372036854775808", "-9223372036854775809"}) {
    EXPECT_EQ(parse_resp_integer(text), std::nullopt) << text;
  }
}

// ---- commands ----

TEST(RespCommand, IsAnArrayOfBulkStringsOnTheWire) {
  ByteBuffer out;
  EXPECT_FALSE(RespReplies().encode({"SET", "key", "a\r\nb", ""}, out));
  EXPECT_EQ(text_of(out), "*4\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4\r\na\r\nb\r\n$0\r\n\r\n");
  EXPECT_EQ(decode_all(RespCommands(), text_of(out), CommandText()),
            (Events{"message [SET][key][a\r\nb][]", "end"}));
}

TEST(RespCommand, MayBeOneThatWasReceived) {
  RespCommands server;
  const std::string wire = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
  ASSERT_EQ(server.decode(as_bytes(wire)).status, Status::message);
  ByteBuffer out;
  EXPECT_FALSE(RespReplies().encode(server.message(), out));
  EXPECT_EQ(text_of(out), wire);
}

TEST(RespCommand, IsRefusedWithoutANameAndOverTheLimits) {
  const RespReplies codec({.max_frame_bytes = 4, .max_items = 2});
  ByteBuffer out;
  EXPECT_EQ(codec.encode(std::span<const std::string_view>(), out).code, CodecErrc::unencodable);
  EXPECT_EQ(codec.encode({"a", "b", "c"}, out), (CodecError{CodecErrc::too_many_items, 3, 2}));
  EXPECT_EQ(codec.encode({"GET", "ab"}, out), (CodecError{CodecErrc::frame_too_long, 5, 4}));
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace twister
