#include "twister/codecs/json.hpp"

#include <limits>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/length_prefixed.hpp"

#include "decode_all.hpp"

namespace twister {
namespace {

using nlohmann::json;
using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::text_of;
using namespace std::string_literals;

static_assert(Payload<Json>);
static_assert(Codec<JsonLines>);
static_assert(Codec<Framed<LengthPrefixed, Json>>);

struct Dump {
  std::string operator()(const json& value) const { return value.dump(); }
};

json decoded(std::string_view text) {
  Json payload;
  EXPECT_FALSE(payload.decode(as_bytes(text))) << text;
  return payload.message();
}

CodecError refusal(std::string_view text) {
  return Json().decode(as_bytes(text));
}

std::string encoded(const json& value) {
  ByteBuffer out;
  EXPECT_FALSE(Json().encode(value, out));
  return text_of(out);
}

std::string nested_arrays(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(JsonLines, GiveOneValueALine) {
  EXPECT_EQ(decode_all(JsonLines(), "{\"b\":[1,null],\"a\":\"x\"}\r\n 17 \ntrue\n", Dump()),
            (Events{R"(message {"a":"x","b":[1,null]})", "message 17", "message true", "end"}));
}

TEST(JsonLines, EndInsideAMessage) {
  EXPECT_EQ(decode_all(JsonLines(), "[1", Dump()),
            (Events{"end stream ended inside a message, 2 bytes into it"}));
}

TEST(JsonLines, RefuseALineOverTheLimit) {
  EXPECT_EQ(decode_all(JsonLines(Lines({.max_line_bytes = 4})), "[12]\n[123]\n", Dump()),
            (Events{"message [12]", "error line of at least 5 bytes exceeds max_line_bytes 4"}));
}

TEST(JsonLines, RefuseAnEmptyLine) {
  EXPECT_EQ(decode_all(JsonLines(), "1\n\n2\n", Dump()),
            (Events{"message 1", "error malformed JSON at byte 0"}));
}

TEST(JsonLines, GoOnAfterABadLineWhenToldTo) {
  const JsonLines codec(Lines(), Json(), BadPayload::skip);
  EXPECT_EQ(decode_all(codec, "[1\n[2]\n", Dump()),
            (Events{"skipped malformed JSON at byte 2", "message [2]", "end"}));
}

TEST(JsonLines, RefuseAHundredThousandNestedArrays) {
  const JsonLines codec(Lines({.max_line_bytes = 1'000'000}));
  EXPECT_EQ(decode_all(codec, nested_arrays(100'000) + "\n", Dump()),
            (Events{"error nesting of at least 65 levels exceeds max_depth 64"}));
}

TEST(Json, DecodesEveryKindOfValue) {
  EXPECT_EQ(decoded(R"([null,true,false,-1,2,2.5,"s",[],{}])"),
            json({nullptr, true, false, -1, 2, 2.5, "s", json::array(), json::object()}));
  EXPECT_EQ(decoded(R"({"a":{"b":[{"c":1}]},"d":2})"),
            json({{"a", {{"b", json::array({{{"c", 1}}})}}}, {"d", 2}}));
}

TEST(Json, TakesTheLastOfEqualKeys) {
  EXPECT_EQ(decoded(R"({"a":[1,2],"b":0,"a":{"c":3}})"), json({{"a", {{"c", 3}}}, {"b", 0}}));
}

TEST(Json, RefusesWhatIsNotOneText) {
  for (const std::string_view text :
       {"",    " ",       "[",        "]",     "{\"a\"}", "{\"a\":}", "[1,]",    "{,}",
        "nul", "[1] [2]", "1 2",      "'a'",   "\"a",     "01",       "+1",      ".5",
        "1.",  "NaN",     "Infinity", "/**/1", "{a:1}",   "[1}",      "\"\\x\"", "\"\t\""}) {
    EXPECT_EQ(refusal(text).code, CodecErrc::malformed_json) << text;
  }
}

TEST(Json, CountsPositionsFromZero) {
  EXPECT_EQ(refusal("x"), (CodecError{CodecErrc::malformed_json, 0}));
  EXPECT_EQ(refusal("[x"), (CodecError{CodecErrc::malformed_json, 1}));
  EXPECT_EQ(refusal("[\xff"), (CodecError{CodecErrc::invalid_utf8, 1}));
  EXPECT_EQ(refusal(""), (CodecError{CodecErrc::malformed_json, 0}));  // the end, too early
  EXPECT_EQ(refusal("[1"), (CodecError{CodecErrc::malformed_json, 2}));
}

TEST(Json, RefusesWhatHidesBehindANulByte) {
  EXPECT_EQ(refusal("1\0garbage"s), (CodecError{CodecErrc::malformed_json, 1}));
  EXPECT_EQ(refusal("[1]\0"s).code, CodecErrc::malformed_json);
  EXPECT_EQ(refusal("\"a\0b\""s).code, CodecErrc::malformed_json);
}

TEST(Json, RefusesAByteOrderMark) {
  EXPECT_EQ(refusal("\xef\xbb\xbf{}"), (CodecError{CodecErrc::malformed_json, 0}));
  EXPECT_EQ(decoded("\"\xef\xbb\xbf\""), "\xef\xbb\xbf");  // in a text it is a character
}

TEST(Json, PassesTheDepthOfTheLimitAndNoMore) {
  EXPECT_EQ(decoded(nested_arrays(64)).size(), 1u);
  EXPECT_EQ(refusal(nested_arrays(65)), (CodecError{CodecErrc::too_deep, 65, 64}));
  Json flat({.max_depth = 0});
  EXPECT_FALSE(flat.decode(as_bytes("1")));
  EXPECT_EQ(flat.decode(as_bytes("[]")).code, CodecErrc::too_deep);
}

TEST(Json, CountsObjectsAndArraysAsLevels) {
  Json payload({.max_depth = 2});
  EXPECT_FALSE(payload.decode(as_bytes(R"([{},[],{"a":1},[1]])")));
  EXPECT_EQ(payload.decode(as_bytes(R"([{"a":[]}])")).code, CodecErrc::too_deep);
  EXPECT_EQ(payload.decode(as_bytes(R"({"a":{"b":{}}})")).code, CodecErrc::too_deep);
}

TEST(Json, RefusesADeepTextBeforeItHasSeenItsEnd) {
  EXPECT_EQ(refusal(std::string(100'000, '[')).code, CodecErrc::too_deep);
  std::string objects;
  for (int i = 0; i < 20'000; ++i) {
    objects += "{\"a\":";
  }
  EXPECT_EQ(refusal(objects).code, CodecErrc::too_deep);
}

TEST(Json, RefusesALimitThatTheStackMightNotBear) {
  EXPECT_NO_THROW(Json({.max_depth = 1000}));
  EXPECT_THROW(Json({.max_depth = 1001}), std::invalid_argument);
}

TEST(Json, KeepsIntegersOf64BitsExactly) {
  EXPECT_EQ(decoded("18446744073709551615"), 18446744073709551615u);
  EXPECT_EQ(decoded("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

TEST(Json, RefusesIntegersThatWouldBeRounded) {
  EXPECT_EQ(refusal("18446744073709551616").code, CodecErrc::number_out_of_range);
  EXPECT_EQ(refusal("[-9223372036854775809]").code, CodecErrc::number_out_of_range);
  EXPECT_EQ(refusal(std::string(300, '9')).code, CodecErrc::number_out_of_range);
}

TEST(Json, RefusesNumbersThatNoDoubleHolds) {
  EXPECT_EQ(refusal("1e400").code, CodecErrc::number_out_of_range);
  EXPECT_EQ(refusal("[-1e400]").code, CodecErrc::number_out_of_range);
  EXPECT_EQ(refusal("1e99999999999999999999").code, CodecErrc::number_out_of_range);
  EXPECT_EQ(refusal(std::string(100'000, '9')).code, CodecErrc::number_out_of_range);
  EXPECT_EQ(decoded("1e-400"), 0.0);
  EXPECT_EQ(decoded("1E3"), 1000.0);
}

TEST(Json, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(refusal("\"\xff\""), (CodecError{CodecErrc::invalid_utf8, 1}));
  for (const std::string_view bytes : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
                                       "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80"}) {
    const std::string text = "\"" + std::string(bytes) + "\"";
    EXPECT_EQ(refusal(text).code, CodecErrc::invalid_utf8) << ::testing::PrintToString(bytes);
  }
  EXPECT_EQ(refusal("\"\\ud800\"").code, CodecErrc::malformed_json);
}

TEST(Json, TakesTextThatIsUtf8) {
  const std::string text =
      "\"\x7f \xc3\xa9 \xe2\x82\xac \xed\x9f\xbf \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf\"";
  EXPECT_EQ(encoded(decoded(text)), text);
  EXPECT_EQ(decoded(R"("\u00e9\ud83d\ude00\u0000")"), "\xc3\xa9\xf0\x9f\x98\x80\0"s);
}

TEST(Json, WritesOneLineWithoutBlanks) {
  EXPECT_EQ(encoded({{"b", {1, -2, 2.5, nullptr}}, {"a", {{"t", true}, {"f", false}}}, {"", ""}}),
            R"({"":"","a":{"f":false,"t":true},"b":[1,-2,2.5,null]})");
  EXPECT_EQ(encoded({json::array(), json::object()}), "[[],{}]");
}

TEST(Json, EscapesWhatAStringMustNotHold) {
  EXPECT_EQ(encoded("\"\\/\b\f\n\r\t\x01\x1f\x7f"), R"("\"\\/\b\f\n\r\t\u0001\u001f)"s + "\x7f\"");
  EXPECT_EQ(encoded("a\0b"s), R"("a\u0000b")");
  EXPECT_EQ(encoded({{"k\n", 1}}), R"({"k\n":1})");
}

TEST(Json, WritesNumbersThatReadBackTheSame) {
  EXPECT_EQ(encoded(18446744073709551615u), "18446744073709551615");
  EXPECT_EQ(encoded(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(encoded(1.0), "1.0");
  EXPECT_EQ(encoded(-0.0), "-0.0");
  EXPECT_EQ(encoded(0.1), "0.1");
  EXPECT_EQ(encoded(1e100), "1e+100");
  EXPECT_EQ(encoded(-2.2250738585072014e-308), "-2.2250738585072014e-308");
  EXPECT_EQ(decoded(encoded(1e15)).type(), json::value_t::number_float);
}

TEST(Json, RefusesToWriteWhatJsonCannotSay) {
  ByteBuffer out;
  out.append("before");
  const double infinity = std::numeric_limits<double>::infinity();
  for (const json& value :
       {json(std::numeric_limits<double>::quiet_NaN()), json(infinity), json(-infinity),
        json::binary({1, 2}), json(json::value_t::discarded)}) {
    EXPECT_EQ(Json().encode({{"key", {1, value}}}, out).code, CodecErrc::unencodable);
  }
  EXPECT_EQ(Json().encode({"ok", "\xff"}, out).code, CodecErrc::invalid_utf8);
  EXPECT_EQ(Json().encode({{"\xc3", 1}}, out).code, CodecErrc::invalid_utf8);
  EXPECT_EQ(text_of(out), "before");
}

TEST(Json, RefusesToWriteAValueNestedTooDeeply) {
  json deep = json::array();
  for (int i = 1; i < 100'000; ++i) {
    json::array_t outer;
    outer.push_back(std::move(deep));
    deep = std::move(outer);
  }
  ByteBuffer out;
  EXPECT_EQ(Json().encode(deep, out), (CodecError{CodecErrc::too_deep, 65, 64}));
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(encoded(decoded(nested_arrays(64))), nested_arrays(64));
}

TEST(Json, FreesTheMessageWhenTheInputRunsDry) {
  JsonLines codec;
  codec.decode(as_bytes("[1,2,3]\n"));
  EXPECT_EQ(codec.message().size(), 3u);
  codec.decode(ByteView());
  EXPECT_TRUE(codec.message().is_null());
}

}  // namespace
}  // namespace twister
