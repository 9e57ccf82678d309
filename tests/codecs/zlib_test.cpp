#include "twister/codecs/zlib.hpp"

#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <zlib.h>

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

using Texts = Framed<LengthPrefixed, Compressed<Zlib, Text>>;

static_assert(Compressor<Zlib>);
static_assert(Payload<Compressed<Zlib, Bytes>>);
static_assert(Codec<Texts>);

struct AsIs {
  std::string operator()(std::string_view text) const { return std::string(text); }
};

// What Python's zlib and gzip make of this text.
const std::string hello = "hello hello hello hello";
const std::string hello_zlib = hex("789ccb48cdc9c957c8402701680308b1");
const std::string hello_gzip = hex("1f8b0800000000000003cb48cdc9c957c8402701e3513d8d17000000");
const std::string hello_raw = hex("cb48cdc9c957c8402701");

struct Inflated {
  CodecError error;
  std::string text;
};

Inflated inflated(std::string_view bytes, const ZlibOptions& options = {}) {
  ByteBuffer out;
  const CodecError error = Zlib(options).decompress(as_bytes(bytes), out);
  return {error, text_of(out)};
}

std::string deflated(std::string_view text, const ZlibOptions& options = {}) {
  ByteBuffer out;
  EXPECT_EQ(Zlib(options).compress(as_bytes(text), out), CodecError());
  return text_of(out);
}

// Text that compresses, though not to nothing.
std::string words(std::size_t bytes) {
  std::string text;
  for (unsigned i = 1; text.size() < bytes; ++i) {
    text += "word " + std::to_string(i * 2654435761u % 1000u) + ", ";
  }
  text.resize(bytes);
  return text;
}

TEST(Zlib, ReadsWhatOthersWrote) {
  EXPECT_EQ(inflated(hello_zlib).text, hello);
  EXPECT_EQ(inflated(hello_gzip, {.format = ZlibFormat::gzip}).text, hello);
  EXPECT_EQ(inflated(hello_raw, {.format = ZlibFormat::raw}).text, hello);
  // With a file's name in the header, and with a window of 512 bytes.
  EXPECT_EQ(inflated(hex("1f8b08080000000002ff612e74787400") + hello_gzip.substr(10),
                     {.format = ZlibFormat::gzip})
                .text,
            hello);
  EXPECT_EQ(inflated(hex("1895") + hello_zlib.substr(2)).text, hello);
}

TEST(Zlib, WritesWhatOthersRead) {
  for (const std::string& text : {hello, std::string(), words(100'000)}) {
    const std::string wire = deflated(text);
    std::string back(text.size() + 1, '?');
    uLongf size = back.size();
    ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(back.data()), &size,
                         reinterpret_cast<const Bytef*>(wire.data()), wire.size()),
              Z_OK);
    EXPECT_EQ(back.substr(0, size), text);
  }
}

TEST(Zlib, WritesTheSameBytesWhateverWentBefore) {
  const std::string expected = to_hex(as_bytes(deflated(hello)));
  deflated(words(50'000), {.level = 1});
  inflated("garbage");
  EXPECT_EQ(to_hex(as_bytes(deflated(hello))), expected);
  deflated(words(50'000), {.level = 0});
  EXPECT_EQ(to_hex(as_bytes(deflated(hello))), expected);
}

TEST(Zlib, ReadsWhatItWroteInEveryFormatAtEveryLevel) {
  const std::string text = words(70'000);
  for (const ZlibFormat format : {ZlibFormat::zlib, ZlibFormat::gzip, ZlibFormat::raw}) {
    for (int level = 0; level <= 9; ++level) {
      const ZlibOptions options{.format = format, .level = level};
      EXPECT_EQ(inflated(deflated(text, options), options).text, text) << "level " << level;
    }
  }
  EXPECT_LT(deflated(text, {.level = 9}).size(), deflated(text, {.level = 1}).size());
  EXPECT_GT(deflated(text, {.level = 0}).size(), text.size());
}

// A stream of zlib's whose level is changed may write to where its last message went.
TEST(Zlib, HasACompressorOfItsOwnForEveryLevel) {
  const Zlib fast({.level = 1});
  const Zlib small({.level = 6});
  const std::string text = words(20'000);
  for (int round = 0; round < 3; ++round) {
    for (const Zlib* each : {&fast, &small}) {
      const std::size_t before = testing::allocated_bytes();
      ByteBuffer out;
      ASSERT_FALSE(each->compress(as_bytes(text), out));
      ByteBuffer back;
      ASSERT_FALSE(each->decompress(out.view(), back));
      EXPECT_EQ(text_of(back), text);
      if (round > 0) {
        EXPECT_LT(testing::allocated_bytes() - before, 150'000u) << "made anew";
      }
    }
  }
}

TEST(Zlib, TakesMemoryOnceForALevel) {
  std::thread([] {
    for (const int level : {1, 6}) {
      const std::size_t before = testing::allocated_bytes();
      deflated(hello, {.level = level});
      const std::size_t first = testing::allocated_bytes();
      deflated(hello, {.level = level});
      EXPECT_GT(first - before, 200'000u);
      EXPECT_LT(testing::allocated_bytes() - first, 1'000u);
    }
  }).join();
}

TEST(Zlib, DecodesTheSameAtEveryCut) {
  ByteBuffer wire;
  Texts codec;
  for (const std::string& text : {hello, std::string(), words(2'000)}) {
    EXPECT_FALSE(codec.encode(text, wire));
  }
  EXPECT_EQ(decode_all(Texts(), as_text(wire.view()), AsIs()),
            (Events{"message " + hello, "message ", "message " + words(2'000), "end"}));
}

TEST(Zlib, RefusesAStreamThatIsCutAnywhere) {
  for (std::size_t bytes = 0; bytes < hello_zlib.size(); ++bytes) {
    EXPECT_EQ(inflated(hello_zlib.substr(0, bytes)).error,
              (CodecError{CodecErrc::malformed_compression, bytes}));
  }
  for (std::size_t bytes = 0; bytes < hello_gzip.size(); ++bytes) {
    EXPECT_TRUE(inflated(hello_gzip.substr(0, bytes), {.format = ZlibFormat::gzip}).error);
  }
  for (std::size_t bytes = 0; bytes < hello_raw.size(); ++bytes) {
    EXPECT_TRUE(inflated(hello_raw.substr(0, bytes), {.format = ZlibFormat::raw}).error);
  }
}

TEST(Zlib, RefusesWhatIsBehindTheEnd) {
  EXPECT_EQ(inflated(hello_zlib + "x").error,
            (CodecError{CodecErrc::malformed_compression, hello_zlib.size()}));
  EXPECT_EQ(inflated(hello_zlib + hello_zlib).error.code, CodecErrc::malformed_compression);
  EXPECT_EQ(inflated(hello_gzip + hello_gzip, {.format = ZlibFormat::gzip}).error.code,
            CodecErrc::malformed_compression);
  EXPECT_EQ(inflated(hello_raw + std::string(1, '\0'), {.format = ZlibFormat::raw}).error.code,
            CodecErrc::malformed_compression);
}

TEST(Zlib, RefusesDamageAndOtherFormats) {
  std::string wrong_checksum = hello_zlib;
  wrong_checksum.back() = static_cast<char>(wrong_checksum.back() ^ 1);
  for (const std::string& bytes :
       {wrong_checksum, hello_gzip, hello_raw, std::string("not compressed at all"),
        hex("78bb062c0215cb00110a182400680308b1")}) {  // the last wants a dictionary
    const Inflated result = inflated(bytes);
    EXPECT_EQ(result.error.code, CodecErrc::malformed_compression) << to_hex(as_bytes(bytes));
    EXPECT_EQ(result.text, "");
  }
}

TEST(Zlib, LeavesWhatWasThereWhenItFails) {
  ByteBuffer out;
  out.append("before");
  EXPECT_TRUE(Zlib().decompress(as_bytes(hello_zlib + "x"), out));
  EXPECT_TRUE(Zlib({.max_inflated_bytes = 4}).decompress(as_bytes(hello_zlib), out));
  EXPECT_TRUE(Zlib({.max_inflated_bytes = 4}).compress(as_bytes("12345"), out));
  EXPECT_EQ(text_of(out), "before");
  EXPECT_FALSE(Zlib().decompress(as_bytes(hello_zlib), out));
  EXPECT_EQ(text_of(out), "before" + hello);
}

TEST(Zlib, PassesTheSizeOfTheLimitAndNoMore) {
  for (const std::size_t limit :
       {std::size_t{0}, std::size_t{1}, std::size_t{23}, std::size_t{65'536}}) {
    const ZlibOptions options{.max_inflated_bytes = limit};
    const std::string exact = words(limit);
    const std::string over = words(limit + 1);
    const CodecError error{CodecErrc::inflated_too_long, limit + 1, limit};
    EXPECT_EQ(inflated(deflated(exact, options), options).text, exact);
    EXPECT_EQ(inflated(deflated(over), options).error, error);
    ByteBuffer out;
    EXPECT_EQ(Zlib(options).compress(as_bytes(over), out), error);
  }
}

TEST(Zlib, InflatesABombNoFurtherThanItsLimit) {
  const std::string bomb =
      deflated(std::string(64 * 1024 * 1024, '\0'), {.level = 9, .max_inflated_bytes = 1 << 30});
  ASSERT_LT(bomb.size(), 70'000u);
  inflated(hello_zlib);  // the thread's own memory
  const std::size_t before = testing::allocated_bytes();
  EXPECT_EQ(inflated(bomb, {.max_inflated_bytes = 100'000}).error,
            (CodecError{CodecErrc::inflated_too_long, 100'001, 100'000}));
  EXPECT_LT(testing::allocated_bytes() - before, 500'000u);
}

TEST(Zlib, RefusesAnOptionThatThereIsNot) {
  EXPECT_THROW(Zlib({.level = -1}), std::invalid_argument);
  EXPECT_THROW(Zlib({.level = 10}), std::invalid_argument);
  EXPECT_NO_THROW(Zlib({.max_inflated_bytes = ~std::size_t{0}}));
}

TEST(Zlib, HasMemoryOfItsOwnInEveryThread) {
  std::string there;
  std::thread([&] { there = deflated(words(10'000)); }).join();
  EXPECT_EQ(there, deflated(words(10'000)));
}

}  // namespace
}  // namespace twister
