// What no peer in its right mind sends, through every payload that parses protobuf.
#include <functional>
#include <map>
#include <string>

#include <google/protobuf/stubs/common.h>
#include <gtest/gtest.h>

#include "twister/codecs/checksummed_protobuf.hpp"
#include "twister/codecs/named_protobuf.hpp"
#include "twister/codecs/protobuf.hpp"
#include "twister/codecs/protobuf_any.hpp"
#include "twister/codecs/tagged_protobuf.hpp"

#include "protobuf_family.hpp"
#include "support/allocation_counter.hpp"

namespace twister {
namespace {

using game::Map;
using testing::allocated_bytes;
using testing_codecs::game_types;
using testing_codecs::hex;

std::string varint(std::size_t number) {
  std::string bytes;
  for (; number > 0x7f; number >>= 7) {
    bytes += static_cast<char>((number & 0x7fu) | 0x80u);
  }
  return bytes + static_cast<char>(number);
}

std::string summed(const std::string& body) {
  ByteBuffer out;
  out.append(body);
  detail::append_checksum(out, 0);
  return testing_codecs::text_of(out);
}

// A payload, and the frame of a game.Map of these bytes, whatever they are.
struct Form {
  std::function<CodecError(ByteView)> decode;
  std::string (*frame)(const std::string& bytes);
};

template <class P>
std::function<CodecError(ByteView)> decoder(P payload) {
  return [payload = std::move(payload)](ByteView frame) mutable { return payload.decode(frame); };
}

Form form(const std::string& name) {
  const std::map<std::string, Form> forms = {
      {"Protobuf", {decoder(Protobuf<Map>()), [](const std::string& bytes) { return bytes; }}},
      {"Tagged",
       {decoder(TaggedProtobuf(game_types())),
        [](const std::string& bytes) { return hex("0004") + bytes; }}},
      {"Named",
       {decoder(NamedProtobuf(game_types())),
        [](const std::string& bytes) {
          return summed(hex("00000009") + "game.Map" + '\0' + bytes);
        }}},
      {"Checksummed",
       {decoder(ChecksummedProtobuf<Map>()),
        [](const std::string& bytes) { return summed("RPC0" + bytes); }}},
      {"Any", {decoder(ProtobufAny(game_types())), [](const std::string& bytes) {
                 return hex("0a0a") + "x/game.Map" + hex("12") + varint(bytes.size()) + bytes;
               }}}};
  return forms.at(name);
}

class HostileProtobuf : public ::testing::TestWithParam<const char*> {
 protected:
  // The code that the payload finds, at the price of no more memory than `limit`.
  CodecErrc refusal(const std::string& bytes, std::size_t limit = 4096) {
    const std::string frame = form_.frame(bytes);
    const std::size_t before = allocated_bytes();
    const CodecError error = form_.decode(as_bytes(frame));
    EXPECT_LE(allocated_bytes() - before, limit);
    return error.code;
  }

  Form form_ = form(GetParam());
};

TEST_P(HostileProtobuf, IsReadWhenItIsAMessageAfterAll) {
  EXPECT_EQ(refusal(hex("0a02 4142 1204 0a02 4344")), CodecErrc{});
  EXPECT_EQ(refusal(""), CodecErrc{});
}

TEST_P(HostileProtobuf, IsRefusedWhereverItIsCut) {
  const std::string good = hex("0a02 4142 1204 0a02 4344 1a06 0a02 416e 1005");
  for (const std::size_t size : {1u, 2u, 3u, 5u, 7u, 9u, 11u, 13u, 15u, 17u}) {
    EXPECT_EQ(refusal(good.substr(0, size)), CodecErrc::malformed_protobuf) << size;
  }
}

TEST_P(HostileProtobuf, IsRefusedForWireTypesThatThereAreNot) {
  EXPECT_EQ(refusal(hex("0f")), CodecErrc::malformed_protobuf);
  EXPECT_EQ(refusal(hex("0e")), CodecErrc::malformed_protobuf);
  EXPECT_EQ(refusal(hex("00")), CodecErrc::malformed_protobuf);
  EXPECT_EQ(refusal(hex("0c")), CodecErrc::malformed_protobuf);  // a group ends that never began
}

TEST_P(HostileProtobuf, IsRefusedForAHundredThousandNestedGroups) {
  EXPECT_EQ(refusal(std::string(100'000, '\x2b'), 64 * 1024), CodecErrc::malformed_protobuf);
}

TEST_P(HostileProtobuf, IsRefusedForMessagesNestedTooDeeply) {
  std::string bytes;
  for (int i = 0; i < 101; ++i) {
    bytes = hex("12") + varint(bytes.size()) + bytes;
  }
  EXPECT_EQ(refusal(bytes, 64 * 1024), CodecErrc::malformed_protobuf);
}

TEST_P(HostileProtobuf, IsRefusedForLengthsBeyondItsEnd) {
  EXPECT_EQ(refusal(hex("0a ffffffff07")), CodecErrc::malformed_protobuf);  // 2 GiB
  EXPECT_EQ(refusal(hex("0a 8080808004 41")), CodecErrc::malformed_protobuf);
  EXPECT_EQ(refusal(hex("12 ffffffff0f")), CodecErrc::malformed_protobuf);
  EXPECT_EQ(refusal(hex("3a 03 4142")), CodecErrc::malformed_protobuf);  // of an unknown field
  EXPECT_EQ(refusal(hex("12 04 0a05 4142 4344 45")), CodecErrc::malformed_protobuf);
}

TEST_P(HostileProtobuf, IsRefusedForVarintsOfMoreThanTenBytes) {
  EXPECT_EQ(refusal(hex("38 ffffffffffffffffffff01")), CodecErrc::malformed_protobuf);
  EXPECT_EQ(refusal(hex("ffffffffff01 00")), CodecErrc::malformed_protobuf);  // a field's number
  EXPECT_EQ(refusal(std::string(100'000, '\xff')), CodecErrc::malformed_protobuf);
}

TEST_P(HostileProtobuf, IsRefusedForTextThatIsNotUtf8) {
  google::protobuf::LogHandler* const before = google::protobuf::SetLogHandler(nullptr);
  EXPECT_EQ(refusal(hex("1a05 0a01 ff 1005")), CodecErrc::malformed_protobuf);
  google::protobuf::SetLogHandler(before);
}

TEST_P(HostileProtobuf, TakesMemoryInProportionToWhatCame) {
  std::string bytes;
  for (int i = 0; i < 50'000; ++i) {
    bytes += hex("1200");  // as many messages as fit
  }
  EXPECT_EQ(refusal(bytes, 100 * bytes.size()), CodecErrc{});
}

TEST_P(HostileProtobuf, DoesNotSpoilTheMessageAfterIt) {
  EXPECT_EQ(refusal(hex("0a02 4142 0f")), CodecErrc::malformed_protobuf);
  EXPECT_EQ(refusal(hex("0a02 4142")), CodecErrc{});
}

INSTANTIATE_TEST_SUITE_P(Each, HostileProtobuf,
                         ::testing::Values("Protobuf", "Tagged", "Named", "Checksummed", "Any"),
                         [](const auto& param) { return std::string(param.param); });

// ---- what a connection keeps ----

// A map whose frame has some `bytes`.
std::string map_of(std::size_t bytes) {
  return hex("0004 0a") + varint(bytes) + std::string(bytes, 'x');
}
std::string join_of(std::size_t bytes) {
  return hex("0001 0a") + varint(bytes) + std::string(bytes, 'x');
}

TEST(HostileProtobufs, OfSeveralTypesAreKeptWhileTheyAreSmallTogether) {
  TaggedProtobuf payload(game_types());
  const std::string map = map_of(1000);
  const std::string join = join_of(1000);
  std::size_t before = 0;
  for (int round = 0; round < 2; ++round) {
    before = testing::allocations();
    EXPECT_FALSE(payload.decode(as_bytes(map)));
    EXPECT_FALSE(payload.decode(as_bytes(join)));
    payload.forget();
  }
  EXPECT_EQ(testing::allocations() - before, 0u);
}

TEST(HostileProtobufs, OfSeveralTypesAreLetGoWhenTheyAreLargeTogether) {
  TaggedProtobuf payload(game_types());
  EXPECT_FALSE(payload.decode(as_bytes(map_of(1500))));
  EXPECT_FALSE(payload.decode(as_bytes(join_of(1500))));
  payload.forget();
  EXPECT_FALSE(payload.decode(as_bytes(hex("0004"))));
  EXPECT_LT(payload.message().get<Map>().SpaceUsedLong(), 1000u);
}

TEST(HostileProtobufs, AreLetGoBeforeAnotherIsRead) {
  TaggedProtobuf payload(game_types());
  EXPECT_FALSE(payload.decode(as_bytes(map_of(100'000))));
  EXPECT_FALSE(payload.decode(as_bytes(join_of(1))));
  EXPECT_FALSE(payload.decode(as_bytes(hex("0004"))));
  EXPECT_LT(payload.message().get<Map>().SpaceUsedLong(), 1000u);
}

}  // namespace
}  // namespace twister
