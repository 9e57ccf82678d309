// The payloads of several protobuf types, by every rule of the kit.
#include <string>

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include "twister/codecs/checksummed_protobuf.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/named_protobuf.hpp"
#include "twister/codecs/protobuf_any.hpp"
#include "twister/codecs/tagged_protobuf.hpp"
#include "twister/codecs/varint.hpp"
#include <twister/testing/codec_conformance.hpp>

#include "muduo.pb.h"
#include "protobuf_family.hpp"
#include "support/allocation_counter.hpp"

namespace twister {
namespace {

using testing::allocated_bytes;
using testing::check_codec;
using testing::CodecCases;
using testing_codecs::game_types;
using testing_codecs::hex;
using testing_codecs::join_as;
using testing_codecs::move_to;

constexpr std::size_t limit = 60'000;

// Views of these are what the cases hold.
const game::Join join = join_as("An");
const game::Join longest = join_as(std::string(limit - 60, 'x'));
const game::Join too_long = join_as(std::string(limit, 'x'));
const game::Move move = move_to(1, -2);
const game::Leave leave;
const muduo::Empty stranger;

// `malformed`: frames of that payload.
template <class P>
testing::ConformanceReport report_of(const std::vector<std::string>& malformed) {
  using C = Framed<LengthPrefixed, P>;
  const google::protobuf::LogSilencer silencer;  // of strings that noise makes no UTF-8
  const auto make = [](Oversize oversize, BadPayload bad) {
    return C(LengthPrefixed({.max_frame_bytes = limit, .on_oversize = oversize}), P(game_types()),
             bad);
  };
  const std::string huge = hex("0000ea61") + std::string(limit + 1, 'x');
  std::vector<std::string> skipped = malformed;
  skipped.push_back(huge);
  return check_codec<C>(
      CodecCases<C>{.make = [=] { return make(Oversize::fail, BadPayload::fail); },
                    .messages = {join, leave, move, leave, join},
                    .longest = longest,
                    .unencodable = {too_long, stranger},
                    .malformed = malformed,
                    .too_long = {hex("0000ea61")},
                    .announcements = {hex("0000ea60")},
                    .make_skipping = [=] { return make(Oversize::skip, BadPayload::skip); },
                    .skipped = skipped,
                    .allocated_bytes = allocated_bytes,
                    .own_bytes = 1024},
      testing_codecs::TypeAndContent());
}

TEST(ProtobufCodecs, OfTagsConform) {
  const auto report = report_of<TaggedProtobuf>(
      {hex("00000002 0009"), hex("00000001 00"), hex("00000003 0001 0f")});
  EXPECT_TRUE(report.ok() && report.untried.empty()) << report.text();
}

TEST(ProtobufCodecs, OfNamesConform) {
  const auto report =
      report_of<NamedProtobuf>({hex("00000001 00"), hex("0000000a 00000000000000000000"),
                                hex("00000014 0000000c 6d7564756f2e456d70747900 1f5b0474")});
  EXPECT_TRUE(report.ok() && report.untried.empty()) << report.text();
}

TEST(ProtobufCodecs, OfAnysConform) {
  const auto report = report_of<ProtobufAny>(
      {hex("00000000"), hex("00000001 0f"), hex("00000005 0a03 782f79"), hex("00000002 0a05")});
  EXPECT_TRUE(report.ok() && report.untried.empty()) << report.text();
}

TEST(ProtobufCodecs, OfChecksumsConform) {
  using C = Framed<Varint, ChecksummedProtobuf<game::Join>>;
  const google::protobuf::LogSilencer silencer;
  const auto make = [](Oversize oversize, BadPayload bad) {
    return C(Varint({.max_frame_bytes = limit, .on_oversize = oversize}), {}, bad);
  };
  const auto report = check_codec<C>(
      CodecCases<C>{.make = [=] { return make(Oversize::fail, BadPayload::fail); },
                    .messages = {join, game::Join(), join},
                    .longest = longest,
                    .unencodable = {too_long},
                    .malformed = {hex("03 000000"), hex("08 5250433000000000"), hex("8000")},
                    .too_long = {hex("e1d403")},
                    .announcements = {hex("e0d403")},
                    .make_skipping = [=] { return make(Oversize::skip, BadPayload::skip); },
                    .skipped = {hex("03 000000"), hex("08 5250433000000000"),
                                hex("e1d403") + std::string(limit + 1, 'x')},
                    .allocated_bytes = allocated_bytes,
                    .own_bytes = 1024},
      testing_codecs::TypeAndContent());
  EXPECT_TRUE(report.ok() && report.untried.empty()) << report.text();
}

}  // namespace
}  // namespace twister
