#include "twister/codecs/zstd.hpp"

#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <zstd.h>

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

using Texts = Framed<LengthPrefixed, Compressed<Zstd, Text>>;

static_assert(Compressor<Zstd>);
static_assert(Payload<Compressed<Zstd, Bytes>>);
static_assert(Codec<Texts>);

struct AsIs {
  std::string operator()(std::string_view text) const { return std::string(text); }
};

// What the program zstd makes of this text: with its size and a checksum, and from a pipe with neither.
const std::string hello = "hello hello hello hello";
const std::string hello_sized = hex("28b52ffd 24 17 6500003068656c6c6f200100994b11 175eae0d");
const std::string hello_piped = hex("28b52ffd 00 58 6500003068656c6c6f200100994b11");

struct Inflated {
  CodecError error;
  std::string text;
};

Inflated inflated(std::string_view bytes, const ZstdOptions& options = {}) {
  ByteBuffer out;
  const CodecError error = Zstd(options).decompress(as_bytes(bytes), out);
  return {error, text_of(out)};
}

std::string deflated(std::string_view text, const ZstdOptions& options = {}) {
  ByteBuffer out;
  EXPECT_EQ(Zstd(options).compress(as_bytes(text), out), CodecError());
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

// A frame that says nothing but its window, 2^(10 + window / 8), of `blocks` times 128 KiB of
// zeros.
std::string zeros(std::size_t blocks, std::string_view window) {
  std::string frame = hex("28b52ffd 00") + hex(window);
  for (std::size_t i = 1; i <= blocks; ++i) {
    frame += hex(i < blocks ? "020010 00" : "030010 00");
  }
  return frame;
}

TEST(Zstd, ReadsWhatOthersWrote) {
  EXPECT_EQ(inflated(hello_sized).text, hello);
  EXPECT_EQ(inflated(hello_piped).text, hello);
  EXPECT_EQ(inflated(zeros(2, "40")).text, std::string(256 * 1024, '\0'));
}

TEST(Zstd, WritesWhatOthersRead) {
  for (const std::string& text : {hello, std::string(), words(100'000)}) {
    const std::string wire = deflated(text);
    std::string back(text.size() + 1, '?');
    EXPECT_EQ(ZSTD_decompress(back.data(), back.size(), wire.data(), wire.size()), text.size());
    EXPECT_EQ(back.substr(0, text.size()), text);
    EXPECT_EQ(ZSTD_getFrameContentSize(wire.data(), wire.size()), text.size());
  }
}

TEST(Zstd, WritesTheSameBytesWhateverWentBefore) {
  const std::string expected = to_hex(as_bytes(deflated(hello)));
  deflated(words(50'000), {.level = 19});
  inflated("garbage");
  EXPECT_EQ(to_hex(as_bytes(deflated(hello))), expected);
}

TEST(Zstd, ReadsWhatItWroteAtEveryLevel) {
  const std::string text = words(70'000);
  for (const int level : {-100, -1, 0, 1, 3, 9, 19, 22}) {
    const ZstdOptions options{.level = level};
    EXPECT_EQ(inflated(deflated(text, options), options).text, text) << "level " << level;
  }
  EXPECT_LT(deflated(text, {.level = 19}).size(), deflated(text, {.level = -100}).size());
  EXPECT_EQ(deflated(text, {.level = 0}), deflated(text, {.level = 3}));
}

TEST(Zstd, DecodesTheSameAtEveryCut) {
  ByteBuffer wire;
  Texts codec;
  for (const std::string& text : {hello, std::string(), words(2'000)}) {
    EXPECT_FALSE(codec.encode(text, wire));
  }
  EXPECT_EQ(decode_all(Texts(), as_text(wire.view()), AsIs()),
            (Events{"message " + hello, "message ", "message " + words(2'000), "end"}));
}

TEST(Zstd, RefusesAFrameThatIsCutAnywhere) {
  for (const std::string& frame : {hello_sized, hello_piped}) {
    for (std::size_t bytes = 0; bytes < frame.size(); ++bytes) {
      EXPECT_EQ(inflated(frame.substr(0, bytes)).error.code, CodecErrc::malformed_compression);
    }
  }
}

TEST(Zstd, RefusesWhatIsBehindTheEnd) {
  for (const std::string& more : {std::string("x"), hello_sized, hex("502a4d18 00000000")}) {
    EXPECT_EQ(inflated(hello_sized + more).error,
              (CodecError{CodecErrc::malformed_compression, hello_sized.size()}));
    EXPECT_EQ(inflated(hello_piped + more).error,
              (CodecError{CodecErrc::malformed_compression, hello_piped.size()}));
  }
}

TEST(Zstd, RefusesDamageAndOtherFormats) {
  std::string wrong_checksum = hello_sized;
  wrong_checksum.back() = static_cast<char>(wrong_checksum.back() ^ 1);
  for (const std::string& bytes :
       {wrong_checksum, std::string("not compressed at all"),
        hex("502a4d18 00000000"),                                 // skippable
        hex("27b52ffd 0000"),                                     // version 0.7
        hex("28b52ffd 23 5cd64530 17 4d000000023ca910769b0101"),  // a dictionary
        hex("28b52ffd 20 16 6500003068656c6c6f200100994b11"),     // says 22 bytes
        hex("28b52ffd 20 18 6500003068656c6c6f200100994b11")}) {  // says 24
    const Inflated result = inflated(bytes);
    EXPECT_EQ(result.error.code, CodecErrc::malformed_compression) << to_hex(as_bytes(bytes));
    EXPECT_EQ(result.text, "");
  }
}

TEST(Zstd, LeavesWhatWasThereWhenItFails) {
  ByteBuffer out;
  out.append("before");
  EXPECT_TRUE(Zstd().decompress(as_bytes(hello_piped + "x"), out));
  EXPECT_TRUE(Zstd({.max_inflated_bytes = 4}).decompress(as_bytes(hello_piped), out));
  EXPECT_TRUE(Zstd({.max_inflated_bytes = 4}).compress(as_bytes("12345"), out));
  EXPECT_EQ(text_of(out), "before");
  EXPECT_FALSE(Zstd().decompress(as_bytes(hello_sized), out));
  EXPECT_EQ(text_of(out), "before" + hello);
}

TEST(Zstd, PassesTheSizeOfTheLimitAndNoMore) {
  for (const std::size_t limit :
       {std::size_t{0}, std::size_t{1}, std::size_t{23}, std::size_t{65'536}}) {
    const ZstdOptions options{.max_inflated_bytes = limit};
    const std::string exact = words(limit);
    const std::string over = words(limit + 1);
    const CodecError error{CodecErrc::inflated_too_long, limit + 1, limit};
    EXPECT_EQ(inflated(deflated(exact, options), options).text, exact);
    EXPECT_EQ(inflated(deflated(over), options).error, error);
    ByteBuffer out;
    EXPECT_EQ(Zstd(options).compress(as_bytes(over), out), error);
  }
  EXPECT_EQ(inflated(hello_piped, {.max_inflated_bytes = 23}).text, hello);
  EXPECT_EQ(inflated(hello_piped, {.max_inflated_bytes = 22}).error,
            (CodecError{CodecErrc::inflated_too_long, 23, 22}));
}

TEST(Zstd, InflatesABombNoFurtherThanItsLimit) {
  const std::string bomb = zeros(8192, "40");  // 32 KiB that stand for 1 GiB
  const std::size_t before = testing::allocated_bytes();
  EXPECT_EQ(inflated(bomb, {.max_inflated_bytes = 200'000}).error,
            (CodecError{CodecErrc::inflated_too_long, 200'001, 200'000}));
  EXPECT_LT(testing::allocated_bytes() - before, 1'000'000u);
}

TEST(Zstd, BelievesAHeaderOnlyWhereItRefuses) {
  const std::size_t before = testing::allocated_bytes();
  // They say 1 GiB, and 1 MiB, and hold nothing.
  EXPECT_EQ(inflated(hex("28b52ffd a0 00000040 010000")).error,
            (CodecError{CodecErrc::inflated_too_long, 1 << 30, 1 << 20}));
  EXPECT_EQ(inflated(hex("28b52ffd a0 00001000 010000")).error.code,
            CodecErrc::malformed_compression);
  EXPECT_LT(testing::allocated_bytes() - before, 100'000u);
}

TEST(Zstd, RefusesAWindowThatIsTooLarge) {
  EXPECT_FALSE(inflated(zeros(1, "68")).error);                                      // 8 MiB
  EXPECT_EQ(inflated(zeros(1, "69")).error.code, CodecErrc::malformed_compression);  // 9 MiB
  EXPECT_EQ(inflated(zeros(1, "a8")).error.code, CodecErrc::malformed_compression);  // 2 GiB
  EXPECT_EQ(inflated(zeros(1, "f8")).error.code, CodecErrc::malformed_compression);  // 2 TiB
  EXPECT_FALSE(inflated(zeros(1, "70"), {.max_inflated_bytes = 16 << 20}).error);    // 16 MiB
}

TEST(Zstd, ReadsItsOwnMessagesBeyondThatWindow) {
  const ZstdOptions options{.max_inflated_bytes = 20'000'000};
  std::string text;
  text.resize(20'000'000, 'x');
  EXPECT_TRUE(inflated(deflated(text, options), options).text == text);
}

TEST(Zstd, RefusesAnOptionThatThereIsNot) {
  EXPECT_THROW(Zstd({.level = 23}), std::invalid_argument);
  EXPECT_THROW(Zstd({.level = -1'000'000}), std::invalid_argument);
  EXPECT_NO_THROW(Zstd({.max_inflated_bytes = ~std::size_t{0}}));
}

TEST(Zstd, HasMemoryOfItsOwnInEveryThread) {
  std::string there;
  std::thread([&] { there = deflated(words(10'000)); }).join();
  EXPECT_EQ(there, deflated(words(10'000)));
}

}  // namespace
}  // namespace twister
