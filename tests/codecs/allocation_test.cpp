// In the steady state neither a framing nor a payload that promises it allocates for a message.
// Counted by the test program's operator new.
#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/bytes.hpp"
#include "twister/codecs/delimited.hpp"
#include "twister/codecs/fixed.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/json_texts.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/lines.hpp"
#include "twister/codecs/netstring.hpp"
#include "twister/codecs/resp.hpp"
#include "twister/codecs/text.hpp"
#include "twister/codecs/varint.hpp"

#include "decode_all.hpp"
#include "support/allocation_counter.hpp"

#ifdef TWISTER_TEST_JSON
#include "twister/codecs/json.hpp"
#include "twister/codecs/msgpack.hpp"
#endif
#ifdef TWISTER_TEST_PROTOBUF
#include "twister/codecs/checksummed_protobuf.hpp"
#include "twister/codecs/named_protobuf.hpp"
#include "twister/codecs/protobuf.hpp"
#include "twister/codecs/protobuf_any.hpp"
#include "twister/codecs/tagged_protobuf.hpp"

#include "person.pb.h"
#include "protobuf_family.hpp"
#endif
#ifdef TWISTER_TEST_ZLIB
#include "twister/codecs/zlib.hpp"
#endif
#ifdef TWISTER_TEST_ZSTD
#include "twister/codecs/zstd.hpp"
#endif

namespace twister {
namespace {

using testing::allocations;

// Allocations of one more round trip once a first has warmed the buffers up.
template <Codec C>
std::size_t allocations_of_a_round_trip(C codec, const typename C::Message& message) {
  ByteBuffer wire;
  std::size_t before = 0;
  for (int round = 0; round < 2; ++round) {
    before = allocations();
    EXPECT_FALSE(codec.encode(message, wire));
    const DecodeResult result = codec.decode(wire.view());
    EXPECT_EQ(result.status, DecodeResult::Status::message);
    wire.consume(result.consumed);
    EXPECT_EQ(codec.decode(wire.view()).status, DecodeResult::Status::incomplete);
  }
  return allocations() - before;
}

TEST(Allocations, AreCounted) {
  const std::size_t before = allocations();
  ByteBuffer().append("a");
  EXPECT_EQ(allocations() - before, 1u);
}

TEST(Allocations, AreNotMadeForAMessageOfAFraming) {
  EXPECT_EQ(allocations_of_a_round_trip(LengthPrefixed(), as_bytes("hello")), 0u);
  EXPECT_EQ(allocations_of_a_round_trip(Lines(), as_bytes("hello")), 0u);
  EXPECT_EQ(allocations_of_a_round_trip(Varint(), as_bytes("hello")), 0u);
  EXPECT_EQ(allocations_of_a_round_trip(Netstring(), as_bytes("hello")), 0u);
  EXPECT_EQ(allocations_of_a_round_trip(Fixed(5), as_bytes("hello")), 0u);
  EXPECT_EQ(
      allocations_of_a_round_trip(Delimited({.delimiters = {"\r\n", ";"}}), as_bytes("hello")), 0u);
  EXPECT_EQ(allocations_of_a_round_trip(JsonTexts(), as_bytes("{}")), 0u);
}

TEST(Allocations, AreNotMadeForBytesOrText) {
  using Packets = Framed<LengthPrefixed, Bytes>;
  using Texts = Framed<Lines, Text>;
  EXPECT_EQ(allocations_of_a_round_trip(Packets(), as_bytes("hello")), 0u);
  EXPECT_EQ(allocations_of_a_round_trip(Texts(), "hello"), 0u);
}

// Allocations for the second of two messages, each of which comes in two pieces.
template <Codec C>
std::size_t allocations_of_the_second(C codec, std::string_view wire) {
  std::size_t before = 0;
  for (int round = 0; round < 2; ++round) {
    before = allocations();
    EXPECT_EQ(codec.decode(as_bytes(wire.substr(0, wire.size() - 1))).status,
              DecodeResult::Status::incomplete);
    EXPECT_EQ(codec.decode(as_bytes(wire)).status, DecodeResult::Status::message);
  }
  return allocations() - before;
}

TEST(Allocations, AreNotMadeForCommandsAndReplies) {
  EXPECT_EQ(allocations_of_the_second(RespCommands(), "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"), 0u);
  EXPECT_EQ(allocations_of_the_second(RespCommands(), "GET key\r\n"), 0u);
  EXPECT_EQ(allocations_of_the_second(RespReplies(), "*2\r\n:1\r\n*1\r\n$1\r\na\r\n"), 0u);
}

TEST(Allocations, AreNotMadeToWriteCommandsAndReplies) {
  ByteBuffer out;
  out.reserve(200);
  const RespValue reply = RespValue::bulk("a text too long for the small string inside a string");
  const std::size_t before = allocations();
  EXPECT_FALSE(RespReplies().encode({"SET", "key", "value"}, out));
  EXPECT_FALSE(RespCommands().encode(reply, out));
  EXPECT_EQ(allocations() - before, 0u);
}

TEST(Allocations, AreNotMadeForWhatACommandPromises) {
  RespCommands items;
  RespCommands bytes;
  RespReplies reply;
  std::size_t before = allocations();
  EXPECT_EQ(items.decode(as_bytes("*65536\r\n$1000000\r\n")).status,
            DecodeResult::Status::incomplete);
  EXPECT_EQ(allocations() - before, 1u);  // for the first few arguments
  before = allocations();
  EXPECT_EQ(bytes.decode(as_bytes("*100000\r\n")).status, DecodeResult::Status::error);
  EXPECT_EQ(reply.decode(as_bytes("*100000\r\n")).status, DecodeResult::Status::error);
  EXPECT_EQ(allocations() - before, 0u);
}

TEST(Allocations, AreNotMadeForAFrameOverTheLimit) {
  const std::string huge = testing_codecs::hex("ffffffff") + "abc";
  LengthPrefixed skipping({.on_oversize = Oversize::skip});
  LengthPrefixed failing;
  const std::size_t before = allocations();
  EXPECT_EQ(skipping.decode(as_bytes(huge)).status, DecodeResult::Status::skipped);
  EXPECT_EQ(failing.decode(as_bytes(huge)).status, DecodeResult::Status::error);
  EXPECT_EQ(allocations() - before, 0u);
}

#ifdef TWISTER_TEST_JSON
TEST(Allocations, AreNotMadeToWriteJson) {
  const nlohmann::json value = {{"text", "a\nb"}, {"numbers", {1, -2, 0.5}}, {"none", nullptr}};
  ByteBuffer out;
  out.reserve(200);
  const std::size_t before = allocations();
  EXPECT_FALSE(JsonLines().encode(value, out));
  EXPECT_EQ(allocations() - before, 0u);
}
#endif

#ifdef TWISTER_TEST_JSON
TEST(Allocations, AreNotMadeToWriteMsgpack) {
  const nlohmann::json value = {{"text", "a\nb"}, {"numbers", {1, -2, 0.5}}, {"none", nullptr}};
  ByteBuffer out;
  out.reserve(200);
  const std::size_t before = allocations();
  EXPECT_FALSE(Msgpack().encode(value, out));
  EXPECT_EQ(allocations() - before, 0u);
}
#endif

#ifdef TWISTER_TEST_ZLIB
// zlib's own memory is among what is counted.
TEST(Allocations, AreNotMadeForAMessageThroughZlib) {
  using Packets = Framed<LengthPrefixed, Compressed<Zlib, Text>>;
  EXPECT_EQ(allocations_of_a_round_trip(Packets(), "hello hello hello"), 0u);
}
#endif

#ifdef TWISTER_TEST_ZSTD
TEST(Allocations, AreNotMadeForAMessageThroughZstd) {
  using Packets = Framed<LengthPrefixed, Compressed<Zstd, Text>>;
  EXPECT_EQ(allocations_of_a_round_trip(Packets(), "hello hello hello"), 0u);
}
#endif

#ifdef TWISTER_TEST_PROTOBUF
TEST(Allocations, AreNotMadeForAProtobufMessage) {
  testing_codecs::Person person;
  person.set_name("a name too long for the small string inside a string");
  person.add_friends()->set_id(7);
  using People = Framed<LengthPrefixed, Protobuf<testing_codecs::Person>>;
  EXPECT_EQ(allocations_of_a_round_trip(People(), person), 0u);
  using Checksummed = Framed<LengthPrefixed, ChecksummedProtobuf<testing_codecs::Person>>;
  EXPECT_EQ(allocations_of_a_round_trip(Checksummed(), person), 0u);
}

template <class P>
std::size_t allocations_of_a_round_trip_of_a_join() {
  const game::Join join =
      testing_codecs::join_as("a name too long for the small string inside a string");
  return allocations_of_a_round_trip(Framed<LengthPrefixed, P>(testing_codecs::game_types()), join);
}

TEST(Allocations, AreNotMadeForAMessageOfSeveralProtobufTypes) {
  EXPECT_EQ(allocations_of_a_round_trip_of_a_join<TaggedProtobuf>(), 0u);
  EXPECT_EQ(allocations_of_a_round_trip_of_a_join<NamedProtobuf>(), 0u);
  EXPECT_EQ(allocations_of_a_round_trip_of_a_join<ProtobufAny>(), 0u);
}

TEST(Allocations, AreNotMadeForATypeThatIsNotInTheTable) {
  TaggedProtobuf tagged(testing_codecs::game_types());
  ProtobufAny any(testing_codecs::game_types());
  const std::string tag = testing_codecs::hex("0009");
  const std::string url = testing_codecs::hex("0a05") + "x/a.B";
  const std::size_t before = allocations();
  EXPECT_EQ(tagged.decode(as_bytes(tag)).code, CodecErrc::unknown_type);
  EXPECT_EQ(any.decode(as_bytes(url)).code, CodecErrc::unknown_type);
  EXPECT_EQ(allocations() - before, 0u);
}
#endif

}  // namespace
}  // namespace twister
