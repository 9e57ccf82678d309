// With a compressor so simple that it is seen to be right; zlib and zstd have tests of their own.
#include "twister/codecs/compressed.hpp"

#include <new>
#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/bytes.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/text.hpp"

#include "decode_all.hpp"
#include "support/allocation_counter.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::text_of;
using testing_codecs::to_hex;

// A count and a byte for each run.
class RunLength {
 public:
  explicit RunLength(std::size_t max_inflated_bytes = 1024) : limit_(max_inflated_bytes) {}

  CodecError compress(ByteView bytes, ByteBuffer& out) const {
    if (bytes.size() > limit_) {
      return {CodecErrc::inflated_too_long, bytes.size(), limit_};
    }
    for (std::size_t i = 0, run = 0; i < bytes.size(); i += run) {
      for (run = 1; run < 255 && i + run < bytes.size() && bytes[i] == bytes[i + run];) {
        ++run;
      }
      out.push_back(static_cast<std::byte>(run));
      out.push_back(bytes[i]);
    }
    return {};
  }

  CodecError decompress(ByteView bytes, ByteBuffer& out) const {
    if (bytes.size() % 2 != 0) {
      return {CodecErrc::malformed_compression, bytes.size()};
    }
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
      const std::string run(std::to_integer<std::size_t>(bytes[i]),
                            std::to_integer<char>(bytes[i + 1]));
      out.append(run);
    }
    return {};
  }

 private:
  std::size_t limit_;
};

using Runs = Compressed<RunLength, Text>;
using Packets = Framed<LengthPrefixed, Runs>;

static_assert(Compressor<RunLength>);
static_assert(Payload<Runs>);
static_assert(Codec<Packets>);
static_assert(std::is_same_v<Packets::Received, std::string_view>);

struct AsIs {
  std::string operator()(std::string_view text) const { return std::string(text); }
};

Packets packets(LengthPrefixed framing = LengthPrefixed(), BadPayload bad = BadPayload::fail) {
  return Packets(framing, Runs(RunLength()), bad);
}

TEST(Compressed, InflatesEveryFrame) {
  EXPECT_EQ(decode_all(packets(), hex("00000004 0361 0162 00000000 00000002 ff63"), AsIs()),
            (Events{"message aaab", "message ", "message " + std::string(255, 'c'), "end"}));
}

TEST(Compressed, CompressesEveryMessageHoweverSmall) {
  ByteBuffer out;
  EXPECT_FALSE(packets().encode("aaab", out));
  EXPECT_FALSE(packets().encode("x", out));
  EXPECT_FALSE(packets().encode("", out));
  EXPECT_EQ(to_hex(out.view()),
            "0000000403610162"
            "000000020178"
            "00000000");
}

TEST(Compressed, TellsTheErrorsOfBothParts) {
  const std::string stream = hex("00000001 03 00000002 01ff 00000002 0161");
  EXPECT_EQ(decode_all(packets(LengthPrefixed(), BadPayload::skip), stream, AsIs()),
            (Events{"skipped malformed compressed data at byte 1",
                    "skipped invalid UTF-8 at byte 0", "message a", "end"}));
  EXPECT_EQ(decode_all(packets(), stream, AsIs()),
            (Events{"error malformed compressed data at byte 1"}));
}

TEST(Compressed, LimitsWhatTravelsAndWhatBecomesOfIt) {
  Packets codec = packets(LengthPrefixed({.max_frame_bytes = 4}));
  ByteBuffer out;
  EXPECT_FALSE(codec.encode("aaaaaabbbbbb", out));
  const std::string before = text_of(out);
  EXPECT_EQ(codec.encode("abc", out), (CodecError{CodecErrc::frame_too_long, 6, 4}));
  EXPECT_EQ(codec.encode(std::string(1025, 'a'), out),
            (CodecError{CodecErrc::inflated_too_long, 1025, 1024}));
  EXPECT_EQ(codec.encode("\xff", out), (CodecError{CodecErrc::invalid_utf8, 0}));
  EXPECT_EQ(text_of(out), before);
}

// Writes much, and then fails; tells what memory it was given to write to.
struct FailsLate {
  using Message = int;
  using Received = int;
  CodecError decode(ByteView) { return {}; }
  int message() { return 0; }
  CodecError encode(int, ByteBuffer& out) {
    given = out.capacity();
    out.append(std::string(10'000, 'x'));
    throw std::bad_alloc();
  }
  std::size_t given = 0;
};

TEST(Compressed, KeepsNoLargeBlockWhenItsPayloadThrows) {
  Compressed<RunLength, FailsLate> payload{RunLength()};
  ByteBuffer out;
  EXPECT_THROW(payload.encode(1, out), std::bad_alloc);
  EXPECT_THROW(payload.encode(2, out), std::bad_alloc);
  EXPECT_LE(payload.payload().given, ByteBuffer::kept_capacity);
}

TEST(Compressed, KeepsAMessageWhileOthersAreSent) {
  Runs payload{RunLength()};
  EXPECT_FALSE(payload.decode(as_bytes(hex("0361"))));
  ByteBuffer out;
  EXPECT_FALSE(payload.encode("zzz", out));
  EXPECT_EQ(payload.message(), "aaa");
}

TEST(Compressed, KeepsAMessageWhileItIsMoved) {
  Runs first{RunLength()};
  EXPECT_FALSE(first.decode(as_bytes(hex("ff61"))));
  Runs second(std::move(first));
  EXPECT_EQ(second.message(), std::string(255, 'a'));
}

TEST(Compressed, CopiesItsSettingsAlone) {
  Runs original{RunLength(3)};
  Runs copy = original;
  Runs assigned{RunLength()};
  assigned = original;
  ByteBuffer out;
  EXPECT_EQ(copy.encode("abcd", out).code, CodecErrc::inflated_too_long);
  EXPECT_EQ(assigned.encode("abcd", out).code, CodecErrc::inflated_too_long);
}

// The memory that a message needed is asked for anew once it was given back.
std::size_t allocations_for_another(Packets& codec, std::string_view wire, bool idle_between) {
  codec.decode(as_bytes(wire));
  if (idle_between) {
    codec.decode(ByteView());
  }
  const std::size_t before = testing::allocated_bytes();
  codec.decode(as_bytes(wire));
  return testing::allocated_bytes() - before;
}

TEST(Compressed, GivesTheMemoryOfALargeMessageBackWhenIdle) {
  const std::string large = hex("00000006 ff61 ff61 ff61");
  Packets codec = packets();
  EXPECT_LT(allocations_for_another(codec, large, false), 3u * 300u);  // the runs' strings alone
  EXPECT_GE(allocations_for_another(codec, large, true), 3u * 255u + 3u * 255u);
}

TEST(Compressed, AllocatesNothingForAnotherSmallMessage) {
  Packets codec = packets();
  EXPECT_EQ(allocations_for_another(codec, hex("00000002 0f61"), true), 0u);
}

}  // namespace
}  // namespace twister
