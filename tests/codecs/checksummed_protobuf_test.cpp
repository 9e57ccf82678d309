#include "twister/codecs/checksummed_protobuf.hpp"

#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"

#include "decode_all.hpp"
#include "muduo.pb.h"

namespace twister {
namespace {

using muduo::Call;
using muduo::Empty;
using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::text_of;

using Calls = Framed<LengthPrefixed, ChecksummedProtobuf<Call>>;

static_assert(Payload<ChecksummedProtobuf<Call>>);
static_assert(Codec<Calls>);
static_assert(std::is_same_v<ChecksummedProtobuf<Call, Empty>::Message, Empty>);

const std::string request = "52504330 0801 11 0200000000000000 0fef0132";

struct Text {
  std::string operator()(const Call& call) const { return call.ShortDebugString(); }
};

CodecError refusal(const std::string& frame) {
  return ChecksummedProtobuf<Call>().decode(as_bytes(frame));
}

TEST(ChecksummedProtobuf, WritesWhatMuduoDoes) {
  Call call;
  call.set_type(1);
  call.set_id(2);
  ByteBuffer out;
  EXPECT_FALSE(Calls().encode(call, out));
  EXPECT_EQ(text_of(out), hex("00000013" + request));
}

TEST(ChecksummedProtobuf, ReadsWhatMuduoWrites) {
  EXPECT_EQ(decode_all(Calls(), hex("00000013" + request + "00000013" + request), Text()),
            (Events{"message type: 1 id: 2", "message type: 1 id: 2", "end"}));
}

TEST(ChecksummedProtobuf, RefusesAnyByteThatIsNotThatOfTheChecksum) {
  const std::string good = hex(request);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_EQ(refusal(bad).code, CodecErrc::bad_checksum) << i;
  }
}

TEST(ChecksummedProtobuf, RefusesAFrameCutShort) {
  const std::string good = hex(request);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(refusal(good.substr(0, size)).code,
              size < 8 ? CodecErrc::bad_length : CodecErrc::bad_checksum)
        << size;
  }
  EXPECT_EQ(refusal("RPC"), (CodecError{CodecErrc::bad_length, 3, 8}));
}

TEST(ChecksummedProtobuf, RefusesAnotherMark) {
  ByteBuffer out;
  Call call;
  call.set_type(1);
  call.set_id(2);
  EXPECT_FALSE(ChecksummedProtobuf<Call>("RPC1").encode(call, out));
  EXPECT_EQ(refusal(text_of(out)).code, CodecErrc::unknown_type);
  EXPECT_FALSE(ChecksummedProtobuf<Call>("RPC1").decode(out.view()));
}

TEST(ChecksummedProtobuf, TakesAMarkOfAnyLength) {
  for (const std::string mark : {"", "a mark that is longer than any that muduo has"}) {
    ChecksummedProtobuf<Empty> payload(mark);
    ByteBuffer out;
    EXPECT_FALSE(payload.encode(Empty(), out));
    EXPECT_EQ(out.size(), mark.size() + 4);
    EXPECT_FALSE(payload.decode(out.view()));
  }
}

TEST(ChecksummedProtobuf, RefusesWhatIsNoMessage) {
  ByteBuffer out;
  EXPECT_FALSE(ChecksummedProtobuf<Empty>().encode(Empty(), out));
  EXPECT_EQ(refusal(text_of(out)), (CodecError{CodecErrc::malformed_protobuf, 0}));
}

TEST(ChecksummedProtobuf, LeavesNothingBehindAfterAFailedEncode) {
  ByteBuffer out;
  out.append("before");
  EXPECT_EQ(ChecksummedProtobuf<Call>().encode(Call(), out).code, CodecErrc::unencodable);
  EXPECT_EQ(text_of(out), "before");
}

TEST(ChecksummedProtobuf, DoesNotKeepTheMemoryOfALargeMessage) {
  Call call;
  call.set_type(1);
  call.set_id(2);
  call.GetReflection()->MutableUnknownFields(&call)->AddLengthDelimited(3,
                                                                        std::string(100'000, 'x'));
  ByteBuffer wire;
  Calls codec;
  EXPECT_FALSE(codec.encode(call, wire));
  EXPECT_EQ(codec.decode(wire.view()).status, DecodeResult::Status::message);
  EXPECT_GT(codec.message().SpaceUsedLong(), 100'000u);
  codec.decode(ByteView());
  EXPECT_LT(codec.message().SpaceUsedLong(), 1'000u);
}

}  // namespace
}  // namespace twister
