#include "twister/codecs/msgpack.hpp"

#include <limits>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/length_prefixed.hpp"

#include "decode_all.hpp"
#include "msgpack_values.hpp"
#include "support/allocation_counter.hpp"

namespace twister {
namespace {

using nlohmann::json;
using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::text_of;
using testing_codecs::to_hex;
using namespace std::string_literals;

using Packets = Framed<LengthPrefixed, Msgpack>;

static_assert(Payload<Msgpack>);
static_assert(Codec<Packets>);

struct ValueText {
  std::string operator()(const json& value) const { return testing_codecs::msgpack_text(value); }
};

json decoded(std::string_view bytes, const MsgpackOptions& options = {}) {
  Msgpack payload(options);
  EXPECT_EQ(payload.decode(as_bytes(bytes)), CodecError());
  return payload.message();
}

CodecError refusal(std::string_view bytes, const MsgpackOptions& options = {}) {
  return Msgpack(options).decode(as_bytes(bytes));
}

std::string encoded(const json& value) {
  ByteBuffer out;
  EXPECT_EQ(Msgpack().encode(value, out), CodecError());
  return text_of(out);
}

std::string repeated(std::string_view bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += bytes;
  }
  return text;
}

json nested_arrays(int levels) {
  json value = json::array();
  for (int i = 1; i < levels; ++i) {
    json::array_t outer;
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

TEST(Msgpack, GivesOneValueAFrame) {
  EXPECT_EQ(decode_all(Packets(), hex("00000007 82a16101a162c0 00000001 ff 00000003 92c3c1"),
                       ValueText()),
            (Events{R"(message {"a": 1, "b": null})", "message -1",
                    "error malformed MessagePack at byte 2"}));
}

TEST(Msgpack, ReadsOneFrameAfterTheOther) {
  EXPECT_EQ(decode_all(Packets(), hex("00000001 c0 00000003 c401ff 00000001 90"), ValueText()),
            (Events{"message null", R"(message {"$bin": "ff"})", "message []", "end"}));
}

TEST(Msgpack, GoesOnAfterABadFrameWhenToldTo) {
  const Packets codec(LengthPrefixed(), Msgpack(), BadPayload::skip);
  EXPECT_EQ(decode_all(codec, hex("00000000 00000002 c0c0 00000001 07"), ValueText()),
            (Events{"skipped malformed MessagePack at byte 0",
                    "skipped malformed MessagePack at byte 1", "message 7", "end"}));
}

TEST(Msgpack, WritesTheFrameAroundTheValue) {
  ByteBuffer out;
  EXPECT_FALSE(Packets().encode({{"id", 7}, {"ok", true}}, out));
  EXPECT_EQ(to_hex(out.view()), "0000000982a2696407a26f6bc3");
}

TEST(Msgpack, SaysWhereTheValueIsThatIsWrong) {
  EXPECT_EQ(refusal(hex("92 01 cd00")), (CodecError{CodecErrc::malformed_msgpack, 2}));
  EXPECT_EQ(refusal(hex("82 a161 01 02 c0")), (CodecError{CodecErrc::malformed_msgpack, 4}));
  EXPECT_EQ(refusal(hex("90 90")), (CodecError{CodecErrc::malformed_msgpack, 1}));
  EXPECT_EQ(refusal(hex("92 a161 a3 62c3e9")), (CodecError{CodecErrc::invalid_utf8, 5}));
}

TEST(Msgpack, GivesIntegersThatAreNotNegativeOneType) {
  for (const std::string_view form : {"07", "cc07", "cd0007", "d007", "d30000000000000007"}) {
    EXPECT_EQ(decoded(hex(form)).type(), json::value_t::number_unsigned) << form;
  }
  EXPECT_EQ(decoded(hex("d0ff")).type(), json::value_t::number_integer);
}

TEST(Msgpack, KeepsTheBitsOfANumberThatIsNone) {
  const std::string nan = hex("cb fff8000000000123");
  EXPECT_EQ(encoded(decoded(nan)), nan);
}

TEST(Msgpack, PassesTheDepthOfTheLimitAndNoMore) {
  EXPECT_EQ(decoded(repeated("\x91", 63) + "\x90").size(), 1u);
  EXPECT_EQ(refusal(repeated("\x91", 64) + "\x90"), (CodecError{CodecErrc::too_deep, 65, 64}));
  EXPECT_FALSE(refusal(hex("01"), {.max_depth = 0}));
  EXPECT_EQ(refusal(hex("90"), {.max_depth = 0}), (CodecError{CodecErrc::too_deep, 1, 0}));
  EXPECT_FALSE(refusal(hex("92 80 81a16190"), {.max_depth = 3}));
  EXPECT_EQ(refusal(hex("92 80 81a16190"), {.max_depth = 2}).code, CodecErrc::too_deep);
}

TEST(Msgpack, RefusesAHundredThousandLevels) {
  EXPECT_EQ(refusal(std::string(100'000, '\x91')).code, CodecErrc::too_deep);
  EXPECT_EQ(refusal(repeated("\x81\xa1k", 100'000)).code, CodecErrc::too_deep);
  const std::string thousand = repeated("\x91", 999) + "\x90";
  EXPECT_FALSE(refusal(thousand, {.max_depth = 1000}));
  EXPECT_EQ(refusal("\x91" + thousand, {.max_depth = 1000}).code, CodecErrc::too_deep);
}

TEST(Msgpack, RefusesALimitThatTheStackMightNotBear) {
  EXPECT_NO_THROW(Msgpack({.max_depth = 1000}));
  EXPECT_THROW(Msgpack({.max_depth = 1001}), std::invalid_argument);
}

TEST(Msgpack, CountsElementsAndPairsOfAllLevels) {
  const std::string bytes = hex("93 92 01 02 80 82 a161 01 a162 91 01");  // 3 + 2 + 0 + 2 + 1
  EXPECT_FALSE(refusal(bytes, {.max_items = 8}));
  EXPECT_EQ(refusal(bytes, {.max_items = 7}), (CodecError{CodecErrc::too_many_items, 8, 7}));
  EXPECT_FALSE(refusal(hex("a3 616263"), {.max_items = 0}));
  EXPECT_FALSE(refusal(hex("90"), {.max_items = 0}));
  EXPECT_EQ(refusal(hex("91 00"), {.max_items = 0}), (CodecError{CodecErrc::too_many_items, 1}));
}

TEST(Msgpack, PassesTheItemsOfTheLimitAndNoMore) {
  EXPECT_EQ(decoded(hex("dd00010000") + std::string(65'536, '\0')).size(), 65'536u);
  EXPECT_EQ(refusal(hex("dd00010001") + std::string(65'537, '\0')),
            (CodecError{CodecErrc::too_many_items, 65'537, 65'536}));
}

TEST(Msgpack, AllocatesNothingForWhatWasOnlyClaimed) {
  const MsgpackOptions options{.max_items = std::numeric_limits<std::size_t>::max()};
  for (const std::string_view claim : {"ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff",
                                       "c9ffffffff", "92ddffffffff", "81a161dfffffffff"}) {
    Msgpack payload(options);
    const std::string bytes = hex(claim) + std::string(100, '\0');
    const std::size_t before = testing::allocated_bytes();
    EXPECT_EQ(payload.decode(as_bytes(bytes)).code, CodecErrc::malformed_msgpack) << claim;
    EXPECT_LT(testing::allocated_bytes() - before, 300u) << claim;
  }
}

// Each level claims all the bytes that are left, which the levels around it still wait for.
TEST(Msgpack, DoesNotBelieveTheSameBytesTwice) {
  std::string bytes;
  for (std::size_t level = 0; level < 60; ++level) {
    bytes += hex("dc 3fff");
  }
  bytes += std::string(0x3fff, '\0');
  const std::size_t before = testing::allocated_bytes();
  EXPECT_EQ(refusal(bytes, {.max_items = 1'000'000}),
            (CodecError{CodecErrc::malformed_msgpack, 3}));
  EXPECT_LT(testing::allocated_bytes() - before, 20u * bytes.size());
}

TEST(Msgpack, TakesStringsOfAnyBytesWhenToldTo) {
  const MsgpackOptions any{.strings = MsgpackStrings::any_bytes};
  EXPECT_EQ(decoded(hex("81 a1ff a2c328"), any), json({{"\xff", "\xc3("}}));
  ByteBuffer out;
  EXPECT_FALSE(Msgpack(any).encode("\xff", out));
  EXPECT_EQ(to_hex(out.view()), "a1ff");
}

TEST(Msgpack, WritesLongBodiesBehindTheShortestSize) {
  EXPECT_EQ(encoded(std::string(65'535, 'x')).substr(0, 4), hex("daffff") + "x");
  EXPECT_EQ(encoded(std::string(65'536, 'x')).substr(0, 6), hex("db00010000") + "x");
  EXPECT_EQ(encoded(json::binary(std::vector<std::uint8_t>(65'536))).substr(0, 5),
            hex("c600010000"));
  EXPECT_EQ(encoded(json::binary(std::vector<std::uint8_t>(65'536), 9)).substr(0, 6),
            hex("c90001000009"));
  EXPECT_EQ(encoded(json::array_t(65'535)).substr(0, 4), hex("dcffffc0"));
  EXPECT_EQ(encoded(json::array_t(65'536)).substr(0, 6), hex("dd00010000c0"));
}

TEST(Msgpack, WritesTheFormsOfOldPeersWhenTold) {
  const Msgpack codec({.strings = MsgpackStrings::any_bytes, .forms = MsgpackForms::raw});
  const auto written = [&](const json& value) {
    ByteBuffer out;
    EXPECT_FALSE(codec.encode(value, out));
    return to_hex(out.view().first(std::min<std::size_t>(out.size(), 5)));
  };
  EXPECT_EQ(written(std::string(31, 'a')), "bf61616161");
  EXPECT_EQ(written(std::string(32, 'a')), "da00206161");
  EXPECT_EQ(written(std::string(65'535, 'a')), "daffff6161");
  EXPECT_EQ(written(std::string(65'536, 'a')), "db00010000");
  EXPECT_EQ(written(json::binary({1, 2})), "a20102");
  EXPECT_EQ(written(0.5), "cb3fe00000");
  EXPECT_EQ(written({1, -1, 300}), "9301ffcd01");
  ByteBuffer out;
  EXPECT_EQ(codec.encode(json::binary({1, 2}, 5), out).code, CodecErrc::unencodable);
  EXPECT_EQ(Msgpack({.forms = MsgpackForms::raw}).encode(json::binary({0xff}), out).code,
            CodecErrc::invalid_utf8);
  EXPECT_TRUE(out.empty());
}

TEST(Msgpack, RefusesToWriteWhatItCannotSay) {
  ByteBuffer out;
  out.append("before");
  for (const json& value : {json(json::value_t::discarded), json::binary({1}, 256),
                            json::binary({1}, ~std::uint64_t{0})}) {
    EXPECT_EQ(Msgpack().encode({{"key", {1, value}}}, out).code, CodecErrc::unencodable);
  }
  EXPECT_EQ(Msgpack().encode({"ok", "a\xff"}, out), (CodecError{CodecErrc::invalid_utf8, 1}));
  EXPECT_EQ(Msgpack().encode({{"\xc3", 1}}, out).code, CodecErrc::invalid_utf8);
  EXPECT_EQ(text_of(out), "before");
}

TEST(Msgpack, RefusesToWriteWhatItWouldNotRead) {
  ByteBuffer out;
  const json value = {{1, 2}, {3}};
  EXPECT_FALSE(Msgpack({.max_depth = 2, .max_items = 5}).encode(value, out));
  out.clear();
  EXPECT_EQ(Msgpack({.max_depth = 1}).encode(value, out), (CodecError{CodecErrc::too_deep, 2, 1}));
  EXPECT_EQ(Msgpack({.max_items = 4}).encode(value, out),
            (CodecError{CodecErrc::too_many_items, 5, 4}));
  EXPECT_TRUE(out.empty());
}

TEST(Msgpack, RefusesToWriteAValueNestedTooDeeply) {
  ByteBuffer out;
  EXPECT_EQ(Msgpack().encode(nested_arrays(100'000), out),
            (CodecError{CodecErrc::too_deep, 65, 64}));
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(decoded(encoded(nested_arrays(64))), nested_arrays(64));
}

TEST(Msgpack, WritesAndReadsTheSameAsNlohmann) {
  const json value = {{"numbers", {0, 127, 128, -32, -33, 65536, 0.5, 0.1, -1e300}},
                      {"text", "caf\xc3\xa9"},
                      {"none", nullptr},
                      {"bytes", {json::binary({1, 2, 3}), json::binary({1, 2}, 5)}},
                      {"nested", {{{"a", json::array()}}, json::object()}}};
  const std::vector<std::uint8_t> theirs = json::to_msgpack(value);
  EXPECT_EQ(encoded(value), std::string(theirs.begin(), theirs.end()));
  EXPECT_EQ(decoded(encoded(value)), value);
}

TEST(Msgpack, FreesTheMessageWhenTheInputRunsDry) {
  Packets codec;
  codec.decode(as_bytes(hex("00000004 93010203")));
  EXPECT_EQ(codec.message().size(), 3u);
  codec.decode(ByteView());
  EXPECT_TRUE(codec.message().is_null());
}

}  // namespace
}  // namespace twister
