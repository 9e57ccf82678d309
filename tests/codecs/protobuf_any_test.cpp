#include "twister/codecs/protobuf_any.hpp"

#include <string>

#include <google/protobuf/any.pb.h>
#include <gtest/gtest.h>

#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"

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

using Messages = Framed<LengthPrefixed, ProtobufAny>;

static_assert(Payload<ProtobufAny>);
static_assert(Codec<Messages>);
static_assert(!std::is_constructible_v<ProtobufAny, ProtobufTypes>, "the table is kept");

// A field of bytes, shorter than 128.
std::string field(int number, const std::string& bytes) {
  return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) +
         bytes;
}

const std::string url_of_move = "type.googleapis.com/game.Move";
const std::string move_bytes = hex("0802 1003");

// What is made of the frame: the message as text, or why it was refused.
std::string read(const std::string& frame) {
  ProtobufAny payload(game_types());
  const CodecError error = payload.decode(as_bytes(frame));
  return error ? error.message() : TypeAndText()(payload.message());
}

TEST(ProtobufAny, ReadsWhatAnyPacks) {
  google::protobuf::Any any;
  any.PackFrom(move_to(1, -2));
  EXPECT_EQ(read(any.SerializeAsString()), "game.Move x: 1 y: -2");
  any.PackFrom(Leave(), "example.org/types");
  EXPECT_EQ(read(any.SerializeAsString()), "game.Leave");
}

TEST(ProtobufAny, WritesWhatAnyWould) {
  const ProtobufAny payload(game_types());
  Map map;
  map.set_tiles(std::string(300, 'x'));
  for (const Map& message : {map, Map()}) {
    google::protobuf::Any any;
    any.PackFrom(message);
    ByteBuffer out;
    EXPECT_FALSE(payload.encode(message, out));
    EXPECT_EQ(text_of(out), any.SerializeAsString());
  }
}

TEST(ProtobufAny, ReadsMessagesOfSeveralTypes) {
  Messages codec(game_types());
  ByteBuffer wire;
  EXPECT_FALSE(codec.encode(join_as("An"), wire));
  EXPECT_FALSE(codec.encode(move_to(1, -2), wire));
  EXPECT_FALSE(codec.encode(Leave(), wire));
  EXPECT_EQ(decode_all(codec, as_text(wire.view()), TypeAndText()),
            (Events{R"(message game.Join name: "An")", "message game.Move x: 1 y: -2",
                    "message game.Leave", "end"}));
}

TEST(ProtobufAny, ReadsFieldsInAnyOrderAndTakesTheLastOfTwo) {
  EXPECT_EQ(read(field(2, move_bytes) + field(1, url_of_move)), "game.Move x: 1 y: -2");
  EXPECT_EQ(read(field(1, "x/game.Join") + field(2, "junk") + field(1, url_of_move) +
                 field(2, move_bytes)),
            "game.Move x: 1 y: -2");
}

TEST(ProtobufAny, StepsOverFieldsThatAnAnyDoesNotHave) {
  const std::string others =
      hex("18 ffffffffffffffffff01  21 0102030405060708  2d 01020304  32 02 4142"
          "08 05  13");
  EXPECT_EQ(read(others.substr(0, others.size() - 1) + field(1, url_of_move)), "game.Move");
}

TEST(ProtobufAny, RefusesGroupsAroundIt) {
  EXPECT_EQ(read(field(1, url_of_move) + hex("1b 1c")), "malformed protobuf message of 33 bytes");
}

TEST(ProtobufAny, RefusesATypeThatIsNotInTheTable) {
  EXPECT_EQ(read(field(1, "type.googleapis.com/game.Nothing")),
            "unknown message type, a name of 12 bytes");
  EXPECT_EQ(read(field(1, "type.googleapis.com/game.Move/")),
            "unknown message type, a name of 0 bytes");
}

TEST(ProtobufAny, RefusesATypeUrlWithoutASlashOrWithoutAnything) {
  EXPECT_EQ(read(field(1, "game.Move")), "unknown message type, a name of 0 bytes");
  EXPECT_EQ(read(""), "unknown message type, a name of 0 bytes");
  EXPECT_EQ(read(field(1, "/game.Move")), "game.Move");
}

TEST(ProtobufAny, RefusesATypeUrlThatIsNotUtf8) {
  EXPECT_EQ(read(field(1, "\xff/game.Move")), "malformed protobuf message of 13 bytes");
  EXPECT_EQ(read(field(1, "\xff") + field(1, url_of_move)),
            "malformed protobuf message of 34 bytes");
}

TEST(ProtobufAny, RefusesWhatIsNoAny) {
  for (const char* const bytes :
       {"0a", "0a05 41", "0aff", "0affffffffffffffffff01 41", "0a8080808080 00", "1f", "1e", "00",
        "02 00", "0880", "08ffffffffffffffffffff01", "09 0102", "15 0102", "ffffffffffff01"}) {
    EXPECT_EQ(refusal_of(ProtobufAny(game_types()), hex(bytes)).code, CodecErrc::malformed_protobuf)
        << bytes;
  }
}

TEST(ProtobufAny, RefusesWhatIsNoMessageOfTheType) {
  EXPECT_EQ(read(field(1, url_of_move) + field(2, hex("08"))),
            "malformed protobuf message of 1 bytes");
}

TEST(ProtobufAny, StepsOverBadMessagesWhenToldTo) {
  const Messages codec(LengthPrefixed(), ProtobufAny(game_types()), BadPayload::skip);
  EXPECT_EQ(
      decode_all(codec, hex("00000001 1f 00000000 0000000c") + field(1, "/game.Join"),
                 TypeAndText()),
      (Events{"skipped malformed protobuf message of 1 bytes",
              "skipped unknown message type, a name of 0 bytes", "message game.Join", "end"}));
}

TEST(ProtobufAny, RefusesToSendWhatTheTableDoesNotHave) {
  const ProtobufTypes types = ProtobufTypes().add<Strict>();
  ByteBuffer out;
  out.append("before");
  EXPECT_EQ(ProtobufAny(types).encode(Join(), out).code, CodecErrc::unencodable);
  EXPECT_EQ(ProtobufAny(types).encode(Strict(), out).code, CodecErrc::unencodable);
  EXPECT_EQ(text_of(out), "before");
}

}  // namespace
}  // namespace twister
