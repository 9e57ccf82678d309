#include "twister/codecs/protobuf.hpp"

#include <string>

#include <google/protobuf/stubs/common.h>
#include <gtest/gtest.h>

#include "twister/codecs/length_prefixed.hpp"

#include "decode_all.hpp"
#include "person.pb.h"
#include "strict.pb.h"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::Person;
using testing_codecs::Strict;
using testing_codecs::to_hex;

using People = Framed<LengthPrefixed, Protobuf<Person>>;

static_assert(Payload<Protobuf<Person>>);
static_assert(Codec<People>);
static_assert(std::is_same_v<People::Received, Person&>);

struct NameAndId {
  std::string operator()(const Person& person) const {
    return person.name() + "/" + std::to_string(person.id());
  }
};

CodecError refusal(std::string_view bytes) {
  return Protobuf<Person>().decode(as_bytes(bytes));
}

TEST(Protobuf, ReadsOneMessageAFrame) {
  EXPECT_EQ(
      decode_all(People(), hex("00000006 0a02 416e 1007 00000000 00000002 1009"), NameAndId()),
      (Events{"message An/7", "message /0", "message /9", "end"}));
}

TEST(Protobuf, WritesTheFrameAroundTheMessage) {
  Person person;
  person.set_name("An");
  person.set_id(7);
  ByteBuffer out;
  EXPECT_FALSE(People().encode(person, out));
  EXPECT_FALSE(People().encode(Person(), out));
  EXPECT_EQ(to_hex(out.view()), "000000060a02416e100700000000");
}

TEST(Protobuf, SendsAnotherTypeThanItReceivesWhenToldTo) {
  using Replies = Framed<LengthPrefixed, Protobuf<Person, Strict>>;
  static_assert(Codec<Replies>);
  EXPECT_EQ(decode_all(Replies(), hex("00000002 1009"), NameAndId()),
            (Events{"message /9", "end"}));
  Strict reply;
  reply.set_id(5);
  ByteBuffer out;
  EXPECT_FALSE(Replies().encode(reply, out));
  EXPECT_EQ(to_hex(out.view()), "000000020805");
}

TEST(Protobuf, KeepsUnknownFields) {
  Protobuf<Person> payload;
  const std::string bytes = hex("1007 fa3f 03 616263");
  EXPECT_FALSE(payload.decode(as_bytes(bytes)));
  ByteBuffer out;
  EXPECT_FALSE(payload.encode(payload.message(), out));
  EXPECT_EQ(to_hex(out.view()), "1007fa3f03616263");
}

TEST(Protobuf, DoesNotMixOneMessageWithTheNext) {
  Protobuf<Person> payload;
  EXPECT_FALSE(payload.decode(as_bytes(hex("0a02 416e 1007"))));
  EXPECT_FALSE(payload.decode(as_bytes(hex("1009"))));
  EXPECT_EQ(payload.message().name(), "");
  EXPECT_EQ(payload.message().id(), 9);
}

TEST(Protobuf, RefusesAMessageCutShort) {
  EXPECT_EQ(refusal(hex("0a02 41")), (CodecError{CodecErrc::malformed_protobuf, 3}));
  EXPECT_TRUE(refusal(hex("10")));
  EXPECT_TRUE(refusal(hex("1a ffffffff0f")));
}

TEST(Protobuf, RefusesWhatIsNoWireFormat) {
  EXPECT_TRUE(refusal(hex("0f")));                         // wire type 7
  EXPECT_TRUE(refusal(hex("00 01")));                      // field number 0
  EXPECT_TRUE(refusal(hex("10 ffffffffffffffffffff01")));  // a varint of eleven bytes
  EXPECT_TRUE(refusal(hex("0c")));                         // the end of a group that never began
}

TEST(Protobuf, RefusesAHundredThousandNestedGroups) {
  EXPECT_TRUE(refusal(std::string(100'000, '\x2b')));  // field 5, unknown
}

TEST(Protobuf, RefusesMessagesNestedTooDeeply) {
  std::string bytes;
  for (int i = 0; i < 60; ++i) {
    bytes = hex("22") + static_cast<char>(bytes.size()) + bytes;
  }
  EXPECT_FALSE(refusal(bytes));
  for (int i = 60; i < 101; ++i) {
    const auto size = static_cast<unsigned>(bytes.size());
    bytes = hex("22") + static_cast<char>(size | 0x80u) + static_cast<char>(size >> 7) + bytes;
  }
  EXPECT_TRUE(refusal(bytes));
}

TEST(Protobuf, RefusesTextThatIsNotUtf8) {
  google::protobuf::LogHandler* const before = google::protobuf::SetLogHandler(nullptr);
  EXPECT_TRUE(refusal(hex("0a01 ff")));
  google::protobuf::SetLogHandler(before);
}

TEST(Protobuf, RefusesAMissingFieldWithoutLoggingIt) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(Protobuf<Strict>().decode(ByteView()).code, CodecErrc::malformed_protobuf);
  ByteBuffer out;
  EXPECT_EQ(Protobuf<Strict>().encode(Strict(), out).code, CodecErrc::unencodable);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Protobuf, RefusesToWriteAMessageOverTheLimitOfTheFraming) {
  People codec(LengthPrefixed({.max_frame_bytes = 4}));
  Person person;
  person.set_name("abc");
  ByteBuffer out;
  EXPECT_EQ(codec.encode(person, out), (CodecError{CodecErrc::frame_too_long, 5, 4}));
  EXPECT_TRUE(out.empty());
}

TEST(Protobuf, DoesNotKeepTheMemoryOfALargeMessage) {
  Person person;
  person.set_picture(std::string(100'000, 'x'));
  ByteBuffer wire;
  People codec;
  EXPECT_FALSE(codec.encode(person, wire));
  EXPECT_EQ(codec.decode(wire.view()).status, DecodeResult::Status::message);
  EXPECT_GT(codec.message().SpaceUsedLong(), 100'000u);
  codec.decode(ByteView());
  EXPECT_LT(codec.message().SpaceUsedLong(), 1'000u);
}

}  // namespace
}  // namespace twister
