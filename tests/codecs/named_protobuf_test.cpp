#include "twister/codecs/named_protobuf.hpp"

#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/detail/adler32.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"

#include "muduo.pb.h"
#include "protobuf_family.hpp"
#include "strict.pb.h"

namespace twister {
namespace {

using game::Join;
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

using Messages = Framed<LengthPrefixed, NamedProtobuf>;

static_assert(Payload<NamedProtobuf>);
static_assert(Codec<Messages>);
static_assert(!std::is_constructible_v<NamedProtobuf, ProtobufTypes>, "the table is kept");

const std::string muduo_empty = "0000000c 6d7564756f2e456d70747900 1f5b0474";

const ProtobufTypes& muduo_types() {
  static const auto types = ProtobufTypes().add<muduo::Empty>().add<muduo::Call>();
  return types;
}

// A body with its right checksum behind it.
std::string summed(const std::string& digits) {
  ByteBuffer out;
  out.append(hex(digits));
  detail::append_checksum(out, 0);
  return testing_codecs::text_of(out);
}

CodecError refusal(const std::string& digits) {
  return refusal_of(NamedProtobuf(muduo_types()), hex(digits));
}

TEST(Adler32, IsWhatZlibComputes) {
  EXPECT_EQ(detail::adler32(ByteView()), 0x00000001u);
  EXPECT_EQ(detail::adler32(as_bytes("a")), 0x00620062u);
  EXPECT_EQ(detail::adler32(as_bytes("abc")), 0x024d0127u);
  EXPECT_EQ(detail::adler32(as_bytes("Wikipedia")), 0x11e60398u);
  EXPECT_EQ(detail::adler32(as_bytes("message digest")), 0x29750586u);
}

TEST(Adler32, DoesNotOverflowOnLongInput) {
  EXPECT_EQ(detail::adler32(as_bytes(std::string(5552, '\xff'))), 0xf18f9b8cu);
  EXPECT_EQ(detail::adler32(as_bytes(std::string(5553, '\xff'))), 0x8e299c8bu);
  EXPECT_EQ(detail::adler32(as_bytes(std::string(1'000'000, '\xff'))), 0x3843e1beu);
  EXPECT_EQ(detail::adler32(as_bytes(std::string(1'000'000, '\0'))), 0x43210001u);
}

TEST(NamedProtobuf, WritesWhatMuduoDoes) {
  Messages codec(muduo_types());
  ByteBuffer out;
  EXPECT_FALSE(codec.encode(muduo::Empty(), out));
  EXPECT_EQ(text_of(out), hex("00000014" + muduo_empty));
}

TEST(NamedProtobuf, ReadsMessagesOfSeveralTypes) {
  Messages codec(game_types());
  ByteBuffer wire;
  EXPECT_FALSE(codec.encode(join_as("An"), wire));
  EXPECT_FALSE(codec.encode(move_to(1, -2), wire));
  EXPECT_FALSE(codec.encode(game::Leave(), wire));
  EXPECT_EQ(decode_all(codec, as_text(wire.view()), TypeAndText()),
            (Events{R"(message game.Join name: "An")", "message game.Move x: 1 y: -2",
                    "message game.Leave", "end"}));
}

TEST(NamedProtobuf, ReadsWhatMuduoWrites) {
  EXPECT_EQ(decode_all(Messages(muduo_types()),
                       hex("00000014" + muduo_empty + "00000014" + muduo_empty), TypeAndText()),
            (Events{"message muduo.Empty", "message muduo.Empty", "end"}));
}

TEST(NamedProtobuf, RefusesAnyByteThatIsNotThatOfTheChecksum) {
  const std::string good = hex(muduo_empty);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_EQ(refusal_of(NamedProtobuf(muduo_types()), bad).code, CodecErrc::bad_checksum) << i;
  }
}

TEST(NamedProtobuf, RefusesAFrameCutShort) {
  const std::string good = hex(muduo_empty);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(refusal_of(NamedProtobuf(muduo_types()), good.substr(0, size)).code,
              size < 10 ? CodecErrc::bad_length : CodecErrc::bad_checksum)
        << size;
  }
  EXPECT_EQ(refusal("00"), (CodecError{CodecErrc::bad_length, 1, 10}));
}

TEST(NamedProtobuf, RefusesANameThatDoesNotFitIntoTheFrame) {
  const NamedProtobuf payload(muduo_types());
  EXPECT_EQ(refusal_of(payload, summed("0000000d 6d7564756f2e456d70747900")),
            (CodecError{CodecErrc::bad_length, 20, 21}));
  EXPECT_EQ(refusal_of(payload, summed("ffffffff 6d7564756f2e456d70747900")),
            (CodecError{CodecErrc::bad_length, 20, 4294967303}));
}

TEST(NamedProtobuf, RefusesANameWithoutACharacter) {
  const NamedProtobuf payload(muduo_types());
  EXPECT_EQ(refusal_of(payload, summed("00000001 0000")),
            (CodecError{CodecErrc::bad_length, 1, 2}));
  EXPECT_EQ(refusal_of(payload, summed("00000000 0000")),
            (CodecError{CodecErrc::bad_length, 0, 2}));
  EXPECT_EQ(refusal_of(payload, summed("00000002 0000")).code, CodecErrc::unknown_type);
}

TEST(NamedProtobuf, RefusesATypeThatIsNotInTheTable) {
  NamedProtobuf other(game_types());
  const CodecError error = other.decode(as_bytes(hex(muduo_empty)));
  EXPECT_EQ(error, (CodecError{CodecErrc::unknown_type, 11, 10}));
  EXPECT_EQ(error.message(), "unknown message type, a name of 11 bytes");
}

TEST(NamedProtobuf, RefusesAnyTypeWithAnEmptyTable) {
  const ProtobufTypes none;
  NamedProtobuf payload(none);
  EXPECT_EQ(payload.decode(as_bytes(hex(muduo_empty))).message(),
            "unknown message type, a name of 11 bytes");
}

TEST(NamedProtobuf, RefusesANameThatDoesNotEndWithItsOnlyNul) {
  const NamedProtobuf payload(muduo_types());
  EXPECT_EQ(refusal_of(payload, summed("0000000b 6d7564756f2e456d707479")).code,
            CodecErrc::unknown_type);
  EXPECT_EQ(refusal_of(payload, summed("0000000d 6d7564756f2e456d7074790000")).code,
            CodecErrc::unknown_type);
}

TEST(NamedProtobuf, RefusesWhatIsNoMessageOfTheType) {
  const NamedProtobuf payload(muduo_types());
  EXPECT_EQ(refusal_of(payload, summed("0000000b 6d7564756f2e43616c6c00 0801")),
            (CodecError{CodecErrc::malformed_protobuf, 2}));
}

TEST(NamedProtobuf, StepsOverBadMessagesWhenToldTo) {
  const Messages codec(LengthPrefixed(), NamedProtobuf(muduo_types()), BadPayload::skip);
  EXPECT_EQ(
      decode_all(codec, hex("00000001 00 0000000a 00000000000000000000 00000014" + muduo_empty),
                 TypeAndText()),
      (Events{"skipped length 1 is smaller than the least that is possible here, 10",
              "skipped bad checksum of a frame of 10 bytes", "message muduo.Empty", "end"}));
}

TEST(NamedProtobuf, RefusesToSendWhatTheTableDoesNotHave) {
  ByteBuffer out;
  out.append("before");
  EXPECT_EQ(NamedProtobuf(muduo_types()).encode(Join(), out).code, CodecErrc::unencodable);
  EXPECT_EQ(NamedProtobuf(muduo_types()).encode(muduo::Call(), out).code, CodecErrc::unencodable);
  EXPECT_EQ(text_of(out), "before");
}

TEST(NamedProtobuf, SumsUpOnlyWhatItWroteItself) {
  ByteBuffer out;
  out.append("before");
  EXPECT_FALSE(NamedProtobuf(muduo_types()).encode(muduo::Empty(), out));
  EXPECT_EQ(text_of(out), "before" + hex(muduo_empty));
}

}  // namespace
}  // namespace twister
