#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <twister/rpc/torpc_codec.hpp>
#include <twister/testing/codec_conformance.hpp>

#include "decode_all.hpp"
#include "support/allocation_counter.hpp"
#include "wire_vectors.hpp"

namespace twister {
namespace {

using nlohmann::json;
using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::to_hex;

struct Describe {
  std::string operator()(const TorpcMessage& message) const {
    return std::to_string(static_cast<int>(message.type)) + " " + std::to_string(message.id) + " " +
           message.body.dump(-1, ' ', false, json::error_handler_t::replace);
  }
};

std::string wire(const TorpcMessage& message) {
  ByteBuffer out;
  EXPECT_FALSE(torpc_codec().encode(message, out));
  return to_hex(out.view());
}

// The bytes of the Python original: cases P01 to P04 of what is to be kept.
TEST(TorpcCodec, WritesTheBytesOfTheOriginal) {
  EXPECT_EQ(wire({TorpcType::request, 0, {"echo", {"hi"}}}),
            "0000000a"
            "00"
            "00000000"
            "92a46563686f91a26869");
  EXPECT_EQ(wire({TorpcType::response, 0, {nullptr, "hi"}}),
            "00000005"
            "01"
            "00000000"
            "92c0a26869");
  EXPECT_EQ(wire({TorpcType::notice, 1, {"log", {"x"}}}),
            "00000008"
            "02"
            "00000001"
            "92a36c6f6791a178");
  EXPECT_EQ(wire({TorpcType::register_name, 2, {"register", "client1"}}),
            "00000012"
            "03"
            "00000002"
            "92a87265676973746572a7636c69656e7431");
  EXPECT_EQ(wire({TorpcType::response, 2, {nullptr, true}}),
            "00000003"
            "01"
            "00000002"
            "92c0c3");
  EXPECT_EQ(wire({TorpcType::response, 0, {nullptr, false}}),
            "00000003"
            "01"
            "00000000"
            "92c0c2");
}

TEST(TorpcCodec, WritesNoFormThatTheOriginalDoesNotKnow) {
  EXPECT_EQ(wire({TorpcType::response, 0, {nullptr, std::string(32, 'a')}}).substr(18, 10),
            "92c0da0020");
  EXPECT_EQ(wire({TorpcType::response, 0, {nullptr, json::binary({1, 2})}}).substr(18),
            "92c0a20102");
  EXPECT_EQ(wire({TorpcType::response, 0, {nullptr, 0.5}}).substr(18), "92c0cb3fe0000000000000");
}

TEST(TorpcCodec, ReadsEveryForm) {
  EXPECT_EQ(decode_all(torpc_codec(), hex("00000006 01 00000001 92c0d902 6869"), Describe()),
            (Events{"message 1 1 [null,\"hi\"]", "end"}));
  EXPECT_EQ(decode_all(torpc_codec(), hex("00000004 01 00000001 92c0a1ff"), Describe()).size(), 2u);
  EXPECT_EQ(decode_all(torpc_codec(), hex("00000003 01 ffffffff 92c001"), Describe()),
            (Events{"message 1 -1 [null,1]", "end"}));
}

TEST(TorpcCodec, SkipsBodiesThatAreNone) {
  for (const std::string frame :
       {"00000000 00 00000007", "00000001 00 00000007 c1", "00000001 00 00000007 90",
        "00000003 00 00000007 920190", "00000003 00 00000007 92a080", "00000002 03 00000007 92a0",
        "00000003 03 00000007 92a001", "00000004 01 00000007 93c0c0c0",
        "00000003 09 00000007 92c0c3", "00000003 ff 00000007 92c0c3"}) {
    const Events events =
        decode_all(torpc_codec(), hex(frame + "00000003 01 00000001 92c001"), Describe());
    ASSERT_EQ(events.size(), 3u) << frame;
    EXPECT_TRUE(events[0].starts_with("skipped ")) << frame;
    EXPECT_EQ(events[1], "message 1 1 [null,1]") << frame;
  }
}

TEST(TorpcCodec, SaysWhoseBodyItWas) {
  TorpcCodec codec = torpc_codec();
  EXPECT_EQ(codec.decode(as_bytes(hex("00000001 03 ffffff85 c1"))).status,
            DecodeResult::Status::skipped);
  EXPECT_EQ(codec.payload().header().type, 3);
  EXPECT_EQ(codec.payload().header().id, -123);
}

TEST(TorpcCodec, RefusesLengthsThatAreNegativeOrOverTheLimit) {
  EXPECT_EQ(
      decode_all(torpc_codec(), hex("fffffffb 00"), Describe()).front().rfind("error frame of", 0),
      0u);
  EXPECT_EQ(
      decode_all(torpc_codec(), hex("7fffffff"), Describe()).front().rfind("error frame of", 0),
      0u);
  EXPECT_EQ(
      decode_all(torpc_codec(2), hex("00000003"), Describe()).front().rfind("error frame of", 0),
      0u);
  EXPECT_EQ(decode_all(torpc_codec(3), hex("00000003 01 00000001 92c001"), Describe()).size(), 2u);
  EXPECT_THROW(torpc_codec(std::size_t{1} << 31), std::invalid_argument);
  EXPECT_EQ(
      decode_all(torpc_codec(0x7fffffff), hex("80000000"), Describe()).front().rfind("error", 0),
      0u);
}

TEST(TorpcCodec, WritesNoBodyOfAnotherShape) {
  ByteBuffer out;
  for (const json& body :
       {json(), json{1}, json{1, json::array()}, json{"a", 1}, json{"a", 1, 2}}) {
    EXPECT_EQ(torpc_codec().encode({TorpcType::request, 0, body}, out).code,
              CodecErrc::unencodable);
  }
  EXPECT_EQ(torpc_codec().encode({static_cast<TorpcType>(9), 0, {1, 2}}, out).code,
            CodecErrc::unencodable);
  EXPECT_EQ(torpc_codec(9).encode({TorpcType::response, 0, {nullptr, "12345678"}}, out).code,
            CodecErrc::frame_too_long);
  EXPECT_TRUE(out.empty());
}

TEST(TorpcCodec, Conforms) {
  constexpr std::size_t limit = 60'000;
  const auto make = [](BadPayload bad) {
    return TorpcCodec(
        LengthPrefixed({.max_frame_bytes = limit + 5,
                        .on_oversize = bad == BadPayload::skip ? Oversize::skip : Oversize::fail,
                        .length_adjustment = 5,
                        .stripped_bytes = 4}),
        TorpcPayload({.max_depth = 4, .max_items = 100}), bad);
  };
  const testing::CodecCases<TorpcCodec> cases{
      .make = [=] { return make(BadPayload::fail); },
      .messages = {{TorpcType::request, 0, {"echo", {"hi"}}},
                   {TorpcType::response, 1 << 30, {nullptr, {{"a", 0.5}}}},
                   {TorpcType::notice, -1, {"", json::array()}},
                   {TorpcType::register_name, 7, {"register", "client1"}}},
      .longest = TorpcMessage{TorpcType::response, 0, {nullptr, std::string(limit - 5, 'x')}},
      .unencodable = {{TorpcType::response, 0, {nullptr, std::string(limit, 'x')}},
                      {TorpcType::request, 0, {"a", 1}}},
      .malformed = {hex("00000001 00 00000000 c1"), hex("00000001 09 00000000 c0"),
                    hex("00000003 00 00000000 920190")},
      .too_long = {hex("0000ea61"), hex("fffffffb")},
      .announcements = {hex("0000ea60"), hex("0000ea60 00 00000000 92")},
      .make_skipping = [=] { return make(BadPayload::skip); },
      .skipped = {hex("00000001 00 00000000 c1"), hex("0000ea61") + std::string(limit + 6, 'x')},
      .allocated_bytes = testing::allocated_bytes,
      .own_bytes = 1024};
  const testing::ConformanceReport report = testing::check_codec<TorpcCodec>(cases);
  EXPECT_TRUE(report.ok()) << report.text();
  EXPECT_EQ(report.untried.size(), 0u) << report.text();
}

TEST(TorpcVectors, AreWhatTheCodecDoes) {
  std::size_t count = 0;
  for (const auto& group : testing_codecs::read_wire_vectors(TWISTER_TEST_VECTORS "/torpc.txt")) {
    for (const auto& wire_case : group.cases) {
      testing_codecs::check_wire_case(
          torpc_codec(), wire_case, Describe(),
          [](TorpcCodec& codec, const std::string& text, ByteBuffer& out) {
            const json parts = json::parse(text);
            return codec.encode({static_cast<TorpcType>(parts[0].get<int>()), parts[1], parts[2]},
                                out);
          });
      ++count;
    }
  }
  EXPECT_GE(count, 12u);
}

}  // namespace
}  // namespace twister
