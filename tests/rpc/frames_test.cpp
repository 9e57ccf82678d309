#include <string>

#include <gtest/gtest.h>

#include <twister/rpc/frames.hpp>
#include <twister/testing/codec_conformance.hpp>

#include "decode_all.hpp"
#include "support/allocation_counter.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::text_of;
using testing_codecs::to_hex;

// "01 flags number id body", all but the body as numbers.
struct Describe {
  std::string operator()(const RpcFrame& frame) const {
    const auto kind = static_cast<std::byte>(frame.kind);
    return to_hex({&kind, 1}) + " " + std::to_string(frame.flags) + " " +
           std::to_string(frame.number) + " " + std::to_string(frame.id) + " " +
           std::string(as_text(frame.body));
  }
};

RpcFrames without_preface() {
  return RpcFrames({.begins_with_preface = false});
}

RpcFrames without_room() {
  RpcFrames codec({.max_frame_bytes = 100'000, .begins_with_preface = false});
  codec.ask_for_room([](std::size_t) { return false; });
  return codec;
}

Events decoded(const RpcFrames& codec, std::string_view input) {
  return decode_all(codec, input, Describe());
}

TEST(RpcFrames, ReadsAFrameOfEveryField) {
  EXPECT_EQ(decoded(without_preface(), hex("02000000 01 04 0201 2a000000 6869")),
            (Events{"message 01 4 258 42 hi", "end"}));
}

TEST(RpcFrames, ReadsAFrameWithoutABody) {
  EXPECT_EQ(
      decoded(without_preface(), hex("00000000 06 00 0000 01000000 00000000 06 00 0000 02000000")),
      (Events{"message 06 0 0 1 ", "message 06 0 0 2 ", "end"}));
}

TEST(RpcFrames, BeginsWithAPreface) {
  EXPECT_EQ(decoded(RpcFrames(), "twister\x01" + hex("02000000 6869 00000000 10 00 0000 00000000")),
            (Events{"message 74 0 0 0 hi", "message 10 0 0 0 ", "end"}));
}

TEST(RpcFrames, RefusesAnotherProtocolAtItsFirstByteThatDiffers) {
  for (const std::string_view input : {"GET / HTTP/1.1\r\n\r\n", "t", "\x16\x03\x01"}) {
    RpcFrames codec;
    const auto result = codec.decode(as_bytes(input));
    EXPECT_EQ(result.status == DecodeResult::Status::error, input != "t") << input;
  }
  RpcFrames codec;
  EXPECT_EQ(codec.decode(as_bytes("twistes")).error.code, CodecErrc::unknown_type);
}

TEST(RpcFrames, RefusesAnotherVersion) {
  EXPECT_EQ(decoded(RpcFrames(), "twister\x02" + hex("00000000")).back().substr(0, 5), "error");
}

TEST(RpcFrames, TakesAFrameOfExactlyTheLimitAndNoneAbove) {
  RpcFrames codec({.max_frame_bytes = 3, .begins_with_preface = false});
  EXPECT_EQ(decoded(codec, hex("03000000 01 00 0100 01000000") + "abc"),
            (Events{"message 01 0 1 1 abc", "end"}));
  EXPECT_EQ(decoded(codec, hex("04000000 01 00 0100 01000000")),
            (Events{"error frame of 4 bytes exceeds max_frame_bytes 3"}));
}

TEST(RpcFrames, TakesNoFrameForAPrefaceThatOnlyHasItsKind) {
  EXPECT_EQ(decoded(without_preface(), hex("00000000 74 00 0000 00000000")).front().substr(0, 5),
            "error");
}

TEST(RpcFrames, RefusesALongPrefaceByItsHeader) {
  EXPECT_EQ(decoded(RpcFrames(), "twister\x01" + hex("01100000")),
            (Events{"error frame of 4097 bytes exceeds max_frame_bytes 4096"}));
}

TEST(RpcFrames, WritesWhatItReads) {
  RpcFrames codec;
  ByteBuffer out;
  ASSERT_FALSE(codec.encode({.kind = RpcFrameKind::preface, .body = as_bytes("s")}, out));
  ASSERT_FALSE(codec.encode(
      {.kind = RpcFrameKind::response, .flags = 0x20, .number = 5, .id = 7, .body = as_bytes("x")},
      out));
  EXPECT_EQ(to_hex(out.view()), "7477697374657201010000007301000000812005000700000078");
}

TEST(RpcFrames, RefusesToWriteAPrefaceWithMoreThanSettings) {
  RpcFrames codec;
  ByteBuffer out;
  EXPECT_EQ(codec.encode({.kind = RpcFrameKind::preface, .id = 1}, out).code,
            CodecErrc::unencodable);
  EXPECT_TRUE(out.empty());
}

TEST(RpcFrames, RefusesLimitsThatWouldHideAPreface) {
  EXPECT_THROW(RpcFrames({.max_frame_bytes = 0x73697774}), std::invalid_argument);
}

TEST(RpcFrames, Conform) {
  const std::string largest(100'000, 'x');
  const std::string too_large(100'001, 'x');
  const RpcFramesOptions options{.max_frame_bytes = 100'000, .begins_with_preface = false};
  const auto report = testing::check_codec<RpcFrames>(
      {
          .make = [=] { return RpcFrames(options); },
          .messages =
              {{.kind = RpcFrameKind::request, .number = 1, .id = 1, .body = as_bytes("one")},
               {.kind = RpcFrameKind::cancel, .id = 0xffffffff},
               {.kind = RpcFrameKind::response,
                .flags = 255,
                .number = 65535,
                .body = as_bytes("two")},
               {.kind = RpcFrameKind::preface, .body = as_bytes("s")}},
          .longest = RpcFrame{.kind = RpcFrameKind::data, .body = as_bytes(largest)},
          .unencodable = {{.kind = RpcFrameKind::data, .body = as_bytes(too_large)}},
          .malformed = {hex("00000000 74 00 0000 00000000")},
          .too_long = {hex("a1860100 03 00 0000 00000000"), "GET / HTTP/1.1"},
          .announcements = {hex("a0860100 03 00 0000 00000000")},
          .make_skipping = without_room,
          .skipped = {hex("01000100 03 00 0000 00000000") + std::string(65'537, 'x'),
                      hex("01000100 01 01 0100 00000000 03") + std::string(65'536, 'x')},
          .allocated_bytes = testing::allocated_bytes,
          .own_bytes = 0,
      },
      Describe());
  EXPECT_TRUE(report.ok()) << report.text();
  EXPECT_EQ(report.untried.size(), 0u) << report.text();
}

TEST(RpcFrames, SkipWhatThereIsNoRoomForWhereverItIsCut) {
  const std::string large(70'000, 'x');
  const std::string input = hex("70110100 03 00 0000 05000000") + large +             // data
                            hex("74110100 01 01 0900 06000000 03") + "Add" + large +  // a request
                            hex("01000000 03 00 0000 07000000") + "y";
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{13}, std::size_t{65'536}, input.size()}) {
    RpcFrames codec = without_room();
    std::vector<std::string> frames;
    ByteBuffer buffer;
    for (std::size_t i = 0; i < input.size(); i += piece) {
      buffer.append(std::string_view(input).substr(i, piece));
      for (;;) {
        const DecodeResult result = codec.decode(buffer.view());
        const bool found = result.status != DecodeResult::Status::incomplete;
        if (found) frames.push_back(Describe()(codec.message()));
        buffer.consume(result.consumed);
        if (!found) break;
      }
      EXPECT_LE(buffer.size(), piece + 16) << "nothing of it is kept";
    }
    ASSERT_EQ(frames.size(), 3u) << piece;
    EXPECT_NE(frames[1].find("\x03"
                             "Add"),
              std::string::npos);
    EXPECT_EQ(frames[2].back(), 'y');
  }
}

}  // namespace
}  // namespace twister
