#include "twister/codecs/tagged_protobuf.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"

#include "ping.pb.h"
#include "protobuf_family.hpp"
#include "strict.pb.h"

namespace twister {
namespace {

using game::Join;
using game::Leave;
using game::Map;
using game::Move;
using testing_codecs::decode_all;
using testing_codecs::encoded;
using testing_codecs::Events;
using testing_codecs::game_types;
using testing_codecs::hex;
using testing_codecs::join_as;
using testing_codecs::move_to;
using testing_codecs::refusal_of;
using testing_codecs::Strict;
using testing_codecs::text_of;
using testing_codecs::TypeAndText;

using Messages = Framed<LengthPrefixed, TaggedProtobuf>;

static_assert(Payload<TaggedProtobuf>);
static_assert(Codec<Messages>);
static_assert(!std::is_constructible_v<TaggedProtobuf, ProtobufTypes>, "the table is kept");

TEST(TaggedProtobuf, ReadsMessagesOfSeveralTypes) {
  EXPECT_EQ(decode_all(Messages(game_types()),
                       hex("00000006 0001 0a02 416e  00000006 0002 0802 1003  00000002 0003"
                           "00000002 0002"),
                       TypeAndText()),
            (Events{R"(message game.Join name: "An")", "message game.Move x: 1 y: -2",
                    "message game.Leave", "message game.Move", "end"}));
}

TEST(TaggedProtobuf, WritesTheTagAheadOfTheMessage) {
  const TaggedProtobuf payload(game_types());
  EXPECT_EQ(encoded(payload, move_to(1, -2)), "000208021003");
  EXPECT_EQ(encoded(payload, join_as("An")), "00010a02416e");
  EXPECT_EQ(encoded(payload, Leave()), "0003");
}

TEST(TaggedProtobuf, HasTagsOfTheWidthAndOrderAsked) {
  EXPECT_EQ(encoded(TaggedProtobuf(game_types(), {.tag_bytes = 1}), Leave()), "03");
  EXPECT_EQ(encoded(TaggedProtobuf(game_types(), {.order = ByteOrder::little}), Leave()), "0300");
  EXPECT_EQ(encoded(TaggedProtobuf(game_types(), {.tag_bytes = 4}), Leave()), "00000003");
  const TaggedProtobuf payload(game_types(), {.tag_bytes = 4, .order = ByteOrder::little});
  EXPECT_EQ(encoded(payload, Leave()), "03000000");
  EXPECT_EQ(decode_all(Framed<LengthPrefixed, TaggedProtobuf>(payload),
                       hex("00000006 02000000 0802"), TypeAndText()),
            (Events{"message game.Move x: 1", "end"}));
}

TEST(TaggedProtobuf, RefusesAWidthThatItsOptionsDoNotHave) {
  for (const std::size_t width : {0u, 3u, 5u, 8u}) {
    EXPECT_THROW(TaggedProtobuf(game_types(), {.tag_bytes = width}), std::invalid_argument);
  }
}

TEST(TaggedProtobuf, RefusesAWidthThatATagDoesNotFitInto) {
  const ProtobufTypes narrow = ProtobufTypes().add<Join>(255);
  const ProtobufTypes wide = ProtobufTypes().add<Join>(65536).add<Move>(1);
  EXPECT_EQ(encoded(TaggedProtobuf(narrow, {.tag_bytes = 1}), Join()), "ff");
  EXPECT_EQ(encoded(TaggedProtobuf(wide, {.tag_bytes = 4}), Join()), "00010000");
  EXPECT_THROW(TaggedProtobuf(wide, {.tag_bytes = 1}), std::invalid_argument);
  try {
    const TaggedProtobuf payload(wide);
    FAIL() << "was made";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "TaggedProtobuf: tag 65536 does not fit into tag_bytes 2");
  }
}

TEST(TaggedProtobuf, RefusesAFrameThatEndsInsideTheTag) {
  const CodecError error = refusal_of(TaggedProtobuf(game_types()), hex("00"));
  EXPECT_EQ(error, (CodecError{CodecErrc::bad_length, 1, 2}));
  EXPECT_EQ(refusal_of(TaggedProtobuf(game_types()), "").code, CodecErrc::bad_length);
}

TEST(TaggedProtobuf, RefusesATypeThatIsNotInTheTable) {
  const CodecError error = refusal_of(TaggedProtobuf(game_types()), hex("01f4 0802"));
  EXPECT_EQ(error, (CodecError{CodecErrc::unknown_type, 500}));
  EXPECT_EQ(error.message(), "unknown message type 500");
}

TEST(TaggedProtobuf, RefusesWhatIsNoMessageOfTheType) {
  EXPECT_EQ(refusal_of(TaggedProtobuf(game_types()), hex("0002 08")),
            (CodecError{CodecErrc::malformed_protobuf, 1}));
}

TEST(TaggedProtobuf, StepsOverBadMessagesWhenToldTo) {
  const Messages codec(LengthPrefixed(), TaggedProtobuf(game_types()), BadPayload::skip);
  EXPECT_EQ(decode_all(codec, hex("00000002 0009  00000001 00  00000003 0002 08  00000002 0003"),
                       TypeAndText()),
            (Events{"skipped unknown message type 9",
                    "skipped length 1 is smaller than the least that is possible here, 2",
                    "skipped malformed protobuf message of 1 bytes", "message game.Leave", "end"}));
}

TEST(TaggedProtobuf, RefusesToSendATypeWithoutATag) {
  const ProtobufTypes types = ProtobufTypes().add<Join>(1).add<Move>();
  Messages codec(types);
  ByteBuffer out;
  out.append("before");
  EXPECT_EQ(codec.encode(Leave(), out).code, CodecErrc::unencodable);
  EXPECT_EQ(codec.encode(Move(), out).code, CodecErrc::unencodable);
  EXPECT_EQ(text_of(out), "before");
}

TEST(TaggedProtobuf, LeavesNothingBehindWhenARequiredFieldIsMissing) {
  const ProtobufTypes types = ProtobufTypes().add<Strict>(1);
  ByteBuffer out;
  out.append("before");
  EXPECT_EQ(TaggedProtobuf(types).encode(Strict(), out).code, CodecErrc::unencodable);
  EXPECT_EQ(text_of(out), "before");
}

TEST(TaggedProtobuf, SendsAMessageWhoseClassTheCompilerDoesNotKnow) {
  const Join join = join_as("An");
  const google::protobuf::Message& message = join;
  EXPECT_EQ(encoded(TaggedProtobuf(game_types()), message), "00010a02416e");
}

TEST(TaggedProtobuf, SendsOnWhatItReceived) {
  Messages codec(game_types());
  const std::string frame = hex("00000006 0002 0802 1003");
  codec.decode(as_bytes(frame));
  ByteBuffer out;
  EXPECT_FALSE(codec.encode(codec.message(), out));
  EXPECT_EQ(text_of(out), frame);
}

TEST(TaggedProtobuf, WorksWithTheLiteRuntime) {
  const ProtobufTypes types = ProtobufTypes().add<lite::Ping>(1);
  TaggedProtobuf payload(types);
  EXPECT_FALSE(payload.decode(as_bytes(hex("0001 082a"))));
  EXPECT_EQ(payload.message().get<lite::Ping>().number(), 42u);
  EXPECT_EQ(encoded(payload, payload.message()), "0001082a");
}

TEST(TaggedProtobuf, ReusesOneMessageOfEachType) {
  TaggedProtobuf payload(game_types());
  EXPECT_FALSE(payload.decode(as_bytes(hex("0002 0802"))));
  Move* const move = payload.message().get_if<Move>();
  EXPECT_FALSE(payload.decode(as_bytes(hex("0001 0a02 416e"))));
  EXPECT_NE(payload.message().get_if<Join>(), nullptr);
  EXPECT_FALSE(payload.decode(as_bytes(hex("0002 1003"))));
  EXPECT_EQ(payload.message().get_if<Move>(), move);
  EXPECT_EQ(move->x(), 0);
  EXPECT_EQ(move->y(), -2);
}

TEST(TaggedProtobuf, LetsAMessageBeMovedFrom) {
  TaggedProtobuf payload(game_types());
  EXPECT_FALSE(payload.decode(as_bytes(hex("0001 0a02 416e"))));
  const Join kept = std::move(payload.message().get<Join>());
  EXPECT_FALSE(payload.decode(as_bytes(hex("0001 0a01 42"))));
  EXPECT_EQ(kept.name(), "An");
  EXPECT_EQ(payload.message().get<Join>().name(), "B");
}

TEST(TaggedProtobuf, DoesNotKeepTheMemoryOfALargeMessage) {
  Messages codec(game_types());
  Map map;
  map.set_tiles(std::string(100'000, 'x'));
  ByteBuffer wire;
  EXPECT_FALSE(codec.encode(map, wire));
  EXPECT_EQ(codec.decode(wire.view()).status, DecodeResult::Status::message);
  const google::protobuf::MessageLite* const large = &codec.message().message();
  EXPECT_GT(dynamic_cast<const Map*>(large)->SpaceUsedLong(), 100'000u);
  codec.decode(ByteView());
  EXPECT_EQ(codec.decode(as_bytes(hex("00000002 0004"))).status, DecodeResult::Status::message);
  EXPECT_LT(codec.message().get<Map>().SpaceUsedLong(), 1'000u);
}

TEST(TaggedProtobuf, CopiesForAConnectionWithoutWhatItReceived) {
  TaggedProtobuf first(game_types(), {.tag_bytes = 1});
  EXPECT_FALSE(first.decode(as_bytes(hex("02 0802"))));
  TaggedProtobuf second = first;
  EXPECT_FALSE(second.decode(as_bytes(hex("02 0804"))));
  EXPECT_EQ(first.message().get<Move>().x(), 1);
  EXPECT_EQ(second.message().get<Move>().x(), 2);
  second = first;
  EXPECT_FALSE(second.decode(as_bytes(hex("02 0806"))));
  EXPECT_EQ(first.message().get<Move>().x(), 1);
}

TEST(TaggedProtobuf, IsSmall) {
  // A connection that has received nothing holds no more.
  EXPECT_LE(sizeof(TaggedProtobuf), 64u);
}

}  // namespace
}  // namespace twister
