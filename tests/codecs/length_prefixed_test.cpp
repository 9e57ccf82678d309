#include "twister/codecs/length_prefixed.hpp"

#include <limits>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "decode_all.hpp"

namespace twister {
namespace {

using namespace std::string_literals;
using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::text_of;
using testing_codecs::to_hex;

static_assert(Framing<LengthPrefixed>);
static_assert(std::is_trivially_copyable_v<LengthPrefixed>);

using Status = DecodeResult::Status;

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

std::string encoded(const LengthPrefixed& codec, std::string_view body) {
  ByteBuffer out;
  EXPECT_FALSE(codec.encode(as_bytes(body), out));
  return to_hex(out.view());
}

TEST(LengthPrefixed, ReadsFourBytesBigEndianByDefault) {
  EXPECT_EQ(decode_all(LengthPrefixed(), hex("0000000c") + "HELLO, WORLD"),
            (Events{"message HELLO, WORLD", "end"}));
}

TEST(LengthPrefixed, ReadsEveryWidth) {
  const Events expected = {"message HELLO, WORLD", "end"};
  const std::string body = "HELLO, WORLD";
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 1}), hex("0c") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("000c") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 3}), hex("00000c") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 4}), hex("0000000c") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8}), hex("000000000000000c") + body), expected);
}

TEST(LengthPrefixed, ReadsEveryWidthLittleEndian) {
  const Events expected = {"message abc", "end"};
  const auto little = [](std::size_t width) {
    return LengthPrefixed({.width = width, .order = ByteOrder::little});
  };
  EXPECT_EQ(decode_all(little(1), hex("03 616263")), expected);
  EXPECT_EQ(decode_all(little(2), hex("0300 616263")), expected);
  EXPECT_EQ(decode_all(little(3), hex("030000 616263")), expected);
  EXPECT_EQ(decode_all(little(4), hex("03000000 616263")), expected);
  EXPECT_EQ(decode_all(little(8), hex("0300000000000000 616263")), expected);
}

TEST(LengthPrefixed, UsesEveryByteOfTheLength) {
  const std::string body(0x010203, 'x');
  const Events expected = {"message " + body, "end"};
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 3}), hex("010203") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed(), hex("00010203") + body), expected);
  EXPECT_EQ(decode_all(LengthPrefixed({.order = ByteOrder::little}), hex("03020100") + body),
            expected);
}

TEST(LengthPrefixed, ReadsALengthThatCountsItself) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2, .includes_itself = true}),
                       hex("000e") + "HELLO, WORLD" + hex("0002")),
            (Events{"message HELLO, WORLD", "message ", "end"}));
}

TEST(LengthPrefixed, TakesAnEmptyBodyForAMessage) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("0000")), (Events{"message ", "end"}));
}

TEST(LengthPrefixed, FindsEveryFrameOfOneInput) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("0001 61 0001 62 0002 6364")),
            (Events{"message a", "message b", "message cd", "end"}));
}

TEST(LengthPrefixed, TellsHowManyBytesItNeeds) {
  LengthPrefixed codec;
  const std::string input = hex("0000000a") + "abc";
  EXPECT_EQ(codec.decode(ByteView()).needed, 4u);
  EXPECT_EQ(codec.decode(as_bytes(input).first(1)).needed, 3u);
  EXPECT_EQ(codec.decode(as_bytes(input).first(4)).needed, 10u);
  EXPECT_EQ(codec.decode(as_bytes(input)).needed, 7u);
}

TEST(LengthPrefixed, GivesAViewIntoTheInput) {
  LengthPrefixed codec;
  const std::string input = hex("00000001") + "a";
  const DecodeResult result = codec.decode(as_bytes(input));
  EXPECT_EQ(result.status, Status::message);
  EXPECT_EQ(result.consumed, 5u);
  EXPECT_EQ(result.frame.data(), as_bytes(input).data() + 4);
  EXPECT_EQ(codec.message().data(), result.frame.data());
}

TEST(LengthPrefixed, PassesAFrameOfExactlyTheLimit) {
  EXPECT_EQ(decode_all(LengthPrefixed({.max_frame_bytes = 3}), hex("00000003 616263")),
            (Events{"message abc", "end"}));
}

TEST(LengthPrefixed, CountsOnlyTheBodyOfALengthThatCountsItself) {
  const LengthPrefixed codec({.includes_itself = true, .max_frame_bytes = 3});
  EXPECT_EQ(decode_all(codec, hex("00000007 616263")), (Events{"message abc", "end"}));
  EXPECT_EQ(decode_all(codec, hex("00000008")),
            (Events{"error frame of 4 bytes exceeds max_frame_bytes 3"}));
}

TEST(LengthPrefixed, RefusesALengthOverTheLimitOnItsHeader) {
  EXPECT_EQ(decode_all(LengthPrefixed({.max_frame_bytes = 3}), hex("00000004")),
            (Events{"error frame of 4 bytes exceeds max_frame_bytes 3"}));
}

TEST(LengthPrefixed, RefusesFourGigabytesOnTheHeader) {
  EXPECT_EQ(decode_all(LengthPrefixed(), hex("ffffffff")),
            (Events{"error frame of 4294967295 bytes exceeds max_frame_bytes 1048576"}));
  EXPECT_EQ(decode_all(LengthPrefixed(), hex("80000000")),
            (Events{"error frame of 2147483648 bytes exceeds max_frame_bytes 1048576"}));
}

TEST(LengthPrefixed, DoesNotWrapAroundOnEightByteLengths) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8}), hex("ffffffffffffffff")),
            (Events{"error frame of 18446744073709551615 bytes exceeds max_frame_bytes 1048576"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8}), hex("8000000000000000")),
            (Events{"error frame of 9223372036854775808 bytes exceeds max_frame_bytes 1048576"}));
  EXPECT_EQ(
      decode_all(LengthPrefixed({.width = 8, .includes_itself = true}), hex("ffffffffffffffff")),
      (Events{"error frame of 18446744073709551607 bytes exceeds max_frame_bytes 1048576"}));
}

TEST(LengthPrefixed, DoesNotWrapAroundWithoutALimit) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8, .max_frame_bytes = no_limit}),
                       hex("fffffffffffffff8") + "abc"),
            (Events{"error frame of 18446744073709551608 bytes exceeds max_frame_bytes "
                    "18446744073709551607"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8, .max_frame_bytes = no_limit}),
                       hex("fffffffffffffff7") + "abc"),
            (Events{"end stream ended inside a message, 11 bytes into it"}));
}

TEST(LengthPrefixed, RefusesALengthSmallerThanItself) {
  EXPECT_EQ(decode_all(LengthPrefixed({.includes_itself = true}), hex("00000003 616263")),
            (Events{"error length 3 is smaller than the least that is possible here, 4"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2, .includes_itself = true}), hex("0000")),
            (Events{"error length 0 is smaller than the least that is possible here, 2"}));
}

TEST(LengthPrefixed, RefusesALengthSmallerThanItselfEvenWhenItSkips) {
  const LengthPrefixed codec({.includes_itself = true, .on_oversize = Oversize::skip});
  EXPECT_EQ(decode_all(codec, hex("00000000")),
            (Events{"error length 0 is smaller than the least that is possible here, 4"}));
}

TEST(LengthPrefixed, SkipsExactlyTheOversizeFrame) {
  const LengthPrefixed codec({.width = 1, .max_frame_bytes = 3, .on_oversize = Oversize::skip});
  EXPECT_EQ(decode_all(codec, hex("01 61 05 0102030405 02 6263 04 01010101 00")),
            (Events{"message a", "skipped frame of 5 bytes exceeds max_frame_bytes 3", "message bc",
                    "skipped frame of 4 bytes exceeds max_frame_bytes 3", "message ", "end"}));
}

TEST(LengthPrefixed, ReportsASkippedFrameOnFirstSight) {
  LengthPrefixed codec({.max_frame_bytes = 3, .on_oversize = Oversize::skip});
  const std::string header = hex("40000000");
  const DecodeResult result = codec.decode(as_bytes(header));
  EXPECT_EQ(result.status, Status::skipped);
  EXPECT_EQ(result.consumed, 4u);
}

TEST(LengthPrefixed, AsksForNoRoomForAFrameThatItSkips) {
  LengthPrefixed codec({.max_frame_bytes = 3, .on_oversize = Oversize::skip});
  const std::string input = hex("40000000") + "abc";
  EXPECT_EQ(codec.decode(as_bytes(input)).consumed, 7u);
  const DecodeResult result = codec.decode(as_bytes("defg"));
  EXPECT_EQ(result.status, Status::incomplete);
  EXPECT_EQ(result.consumed, 4u);
  EXPECT_EQ(result.needed, 0u);
}

TEST(LengthPrefixed, EndsInsideAMessageOrBetweenTwo) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), ""), (Events{"end"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("00")),
            (Events{"end stream ended inside a message, 1 bytes into it"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2}), hex("0002 61")),
            (Events{"end stream ended inside a message, 3 bytes into it"}));
}

TEST(LengthPrefixed, EndsInsideASkippedMessage) {
  const LengthPrefixed codec({.width = 1, .max_frame_bytes = 3, .on_oversize = Oversize::skip});
  EXPECT_EQ(decode_all(codec, hex("05 01020304")),
            (Events{"skipped frame of 5 bytes exceeds max_frame_bytes 3",
                    "end stream ended inside a message, 0 bytes into it"}));
}

TEST(LengthPrefixed, WritesTheHeaderBeforeTheBody) {
  EXPECT_EQ(encoded(LengthPrefixed(), "A"), "0000000141");
  EXPECT_EQ(encoded(LengthPrefixed({.includes_itself = true}), "A"), "0000000541");
  EXPECT_EQ(encoded(LengthPrefixed({.order = ByteOrder::little}), "A"), "0100000041");
  EXPECT_EQ(encoded(LengthPrefixed({.width = 1}), "A"), "0141");
  EXPECT_EQ(encoded(LengthPrefixed({.width = 3}), std::string(0x0102, 'A')).substr(0, 8),
            "00010241");
  EXPECT_EQ(encoded(LengthPrefixed({.width = 8, .order = ByteOrder::little}), "A"),
            "010000000000000041");
  EXPECT_EQ(encoded(LengthPrefixed({.width = 2}), ""), "0000");
}

TEST(LengthPrefixed, WritesABodyInPlace) {
  const LengthPrefixed codec({.width = 2, .includes_itself = true});
  ByteBuffer out;
  out.append("before");
  const std::size_t mark = codec.begin_frame(out);
  out.append("AB");
  EXPECT_FALSE(codec.end_frame(out, mark));
  EXPECT_EQ(to_hex(out.view().subspan(6)), "00044142");
}

TEST(LengthPrefixed, RefusesToWriteABodyOverTheLimit) {
  const LengthPrefixed codec({.max_frame_bytes = 3});
  ByteBuffer out;
  out.append("before");
  const CodecError expected = {CodecErrc::frame_too_long, 4, 3};
  EXPECT_EQ(codec.encode(as_bytes("abcd"), out), expected);
  const std::size_t mark = codec.begin_frame(out);
  out.append("abcd");
  EXPECT_EQ(codec.end_frame(out, mark), expected);
  EXPECT_EQ(text_of(out), "before");
}

TEST(LengthPrefixed, RefusesToWriteABodyLongerThanTheWidthHolds) {
  ByteBuffer out;
  EXPECT_FALSE(LengthPrefixed({.width = 1}).encode(as_bytes(std::string(255, 'x')), out));
  out.clear();
  EXPECT_EQ(LengthPrefixed({.width = 1}).encode(as_bytes(std::string(256, 'x')), out),
            (CodecError{CodecErrc::frame_too_long, 256, 255}));
  EXPECT_EQ(LengthPrefixed({.width = 2, .includes_itself = true})
                .encode(as_bytes(std::string(65'534, 'x')), out),
            (CodecError{CodecErrc::frame_too_long, 65'534, 65'533}));
  EXPECT_TRUE(out.empty());
}

TEST(LengthPrefixed, TellsTheLimitInForce) {
  EXPECT_EQ(LengthPrefixed().max_frame_bytes(), 1'048'576u);
  EXPECT_EQ(LengthPrefixed({.width = 2}).max_frame_bytes(), 65'535u);
  EXPECT_EQ(LengthPrefixed({.width = 3, .max_frame_bytes = no_limit}).max_frame_bytes(),
            16'777'215u);
}

TEST(LengthPrefixed, ReadsBackWhatItWrote) {
  for (const std::size_t width : {1u, 2u, 3u, 4u, 8u}) {
    for (const ByteOrder order : {ByteOrder::big, ByteOrder::little}) {
      for (const bool includes_itself : {false, true}) {
        const LengthPrefixed codec(
            {.width = width, .order = order, .includes_itself = includes_itself});
        ByteBuffer out;
        EXPECT_FALSE(codec.encode(as_bytes("hello"), out));
        EXPECT_FALSE(codec.encode(as_bytes(""), out));
        EXPECT_EQ(decode_all(codec, text_of(out)), (Events{"message hello", "message ", "end"}));
      }
    }
  }
}

TEST(LengthPrefixed, AppendsABodyThatLiesInTheBufferItWritesTo) {
  const LengthPrefixed codec({.width = 1});
  ByteBuffer out;
  out.append(std::string(200, 'x'));
  EXPECT_FALSE(codec.encode(out.view(), out));
  EXPECT_EQ(text_of(out), std::string(200, 'x') + hex("c8") + std::string(200, 'x'));
}

TEST(LengthPrefixed, RefusesAWidthThatIsNone) {
  for (const std::size_t width : {0u, 5u, 6u, 7u, 9u, 260u}) {
    EXPECT_THROW(LengthPrefixed({.width = width}), std::invalid_argument) << width;
  }
}

// The body is what was just encoded, in the buffer that has to grow for it, or just not.
TEST(LengthPrefixedEncoding, TakesABodyFromItsOwnOutput) {
  const LengthPrefixed codec;
  for (std::size_t size = 1; size <= 600; ++size) {
    const std::string body(size, 'b');
    ByteBuffer out;
    ASSERT_FALSE(codec.encode(as_bytes(body), out));
    ASSERT_FALSE(codec.encode(out.view().subspan(4), out));
    ASSERT_EQ(as_text(out.view().subspan(4, size)), body);
    ASSERT_EQ(as_text(out.view().subspan(8 + size)), body) << size;
  }
}

// A header of one byte, a length that counts the whole message, one more byte of header.
LengthPrefixedOptions whole_message() {
  return {.width = 2, .length_offset = 1, .length_adjustment = -3};
}

// Type, length, body: the message is all of it.
LengthPrefixedOptions kept_header() {
  return {.width = 2, .length_offset = 1, .stripped_bytes = 0};
}

// What end_frame makes of the same message has to be the same, and is checked too.
CodecError encode_both_ways(const LengthPrefixed& codec, std::string_view message,
                            std::string& wire) {
  ByteBuffer out;
  out.append("before");
  const CodecError error = codec.encode(as_bytes(message), out);
  ByteBuffer in_place;
  in_place.append("before");
  const std::size_t mark = codec.begin_frame(in_place);
  in_place.append(message);
  EXPECT_EQ(codec.end_frame(in_place, mark), error);
  EXPECT_EQ(text_of(in_place), text_of(out));
  wire = to_hex(out.view().subspan(6));
  return error;
}

std::string wire_of(const LengthPrefixedOptions& options, std::string_view message) {
  std::string wire;
  const CodecError error = encode_both_ways(LengthPrefixed(options), message, wire);
  EXPECT_FALSE(error) << error.message();
  return wire;
}

CodecError refusal(const LengthPrefixedOptions& options, std::string_view message) {
  std::string wire;
  const CodecError error = encode_both_ways(LengthPrefixed(options), message, wire);
  EXPECT_EQ(wire, "");
  return error;
}

std::string why_not(const LengthPrefixedOptions& options) {
  try {
    const LengthPrefixed codec(options);
    return "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(LengthPrefixedHeader, MayBeKept) {
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2, .stripped_bytes = 0}), hex("0002") + "HI"),
            (Events{"message " + hex("0002") + "HI", "end"}));
  EXPECT_EQ(decode_all(LengthPrefixed(kept_header()), "T" + hex("0002") + "HIU" + hex("0000")),
            (Events{"message T" + hex("0002") + "HI", "message U" + hex("0000"), "end"}));
}

TEST(LengthPrefixedHeader, MayGoOnAfterTheLength) {
  const LengthPrefixed codec(
      {.width = 2, .length_offset = 1, .length_adjustment = 1, .stripped_bytes = 3});
  EXPECT_EQ(decode_all(codec, hex("ca 0002 fe") + "HI"),
            (Events{"message " + hex("fe") + "HI", "end"}));
}

TEST(LengthPrefixedHeader, MayBeCountedByTheLength) {
  EXPECT_EQ(decode_all(LengthPrefixed(whole_message()), hex("ca 0006 fe") + "HI" + hex("ca 0003")),
            (Events{"message " + hex("fe") + "HI", "message ", "end"}));
}

TEST(LengthPrefixedHeader, MayBeStrippedBeyondTheLength) {
  const LengthPrefixed codec({.width = 2, .stripped_bytes = 4});
  EXPECT_EQ(decode_all(codec, hex("0005 abcd") + "abc" + hex("0002 ffff")),
            (Events{"message abc", "message ", "end"}));
}

TEST(LengthPrefixedHeader, MayBeStrippedInTheMiddleOfTheLength) {
  const LengthPrefixedOptions options = {.width = 2, .stripped_bytes = 1};
  EXPECT_EQ(decode_all(LengthPrefixed(options), hex("0002") + "HI"),
            (Events{"message " + hex("02") + "HI", "end"}));
  EXPECT_EQ(wire_of(options, "xHI"), "00024849");
}

TEST(LengthPrefixedHeader, IsAskedForFirst) {
  LengthPrefixed codec(whole_message());
  const std::string input = hex("ca 0006 fe");
  EXPECT_EQ(codec.decode(ByteView()).needed, 3u);
  EXPECT_EQ(codec.decode(as_bytes(input).first(3)).needed, 3u);
  EXPECT_EQ(codec.decode(as_bytes(input)).needed, 2u);
}

TEST(LengthPrefixedHeader, IsWhereALengthSmallerThanWhatItCountsIsRefused) {
  EXPECT_EQ(decode_all(LengthPrefixed(whole_message()), hex("ca 0002")),
            (Events{"error length 2 is smaller than the least that is possible here, 3"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 2, .stripped_bytes = 5}), hex("0002")),
            (Events{"error length 2 is smaller than the least that is possible here, 3"}));
  EXPECT_EQ(
      decode_all(LengthPrefixed({.width = 1, .includes_itself = true, .stripped_bytes = 0}), "\0"s),
      (Events{"error length 0 is smaller than the least that is possible here, 1"}));
}

TEST(LengthPrefixedHeader, DoesNotCountForTheLimit) {
  LengthPrefixedOptions options = kept_header();
  options.max_frame_bytes = 2;
  EXPECT_EQ(decode_all(LengthPrefixed(options), "T" + hex("0002") + "HI"),
            (Events{"message T" + hex("0002") + "HI", "end"}));
  EXPECT_EQ(decode_all(LengthPrefixed(options), "T" + hex("0003")),
            (Events{"error frame of 3 bytes exceeds max_frame_bytes 2"}));
}

TEST(LengthPrefixedHeader, IsSkippedWithItsFrame) {
  LengthPrefixedOptions options = whole_message();
  options.max_frame_bytes = 2;
  options.on_oversize = Oversize::skip;
  EXPECT_EQ(decode_all(LengthPrefixed(options),
                       hex("ca 0006 010203 ca 0004 61 ca 0008") + "abcde" + hex("ca 0003")),
            (Events{"skipped frame of 3 bytes exceeds max_frame_bytes 2", "message a",
                    "skipped frame of 5 bytes exceeds max_frame_bytes 2", "message ", "end"}));
}

TEST(LengthPrefixedHeader, DoesNotWrapAround) {
  const std::string too_long = " bytes exceeds max_frame_bytes ";
  EXPECT_EQ(
      decode_all(LengthPrefixed({.width = 8, .length_adjustment = 100}), hex("ffffffffffffffff")),
      (Events{"error frame of 18446744073709551615" + too_long + "1048576"}));
  EXPECT_EQ(
      decode_all(LengthPrefixed({.width = 8, .includes_itself = true, .length_adjustment = -100}),
                 hex("ffffffffffffffff")),
      (Events{"error frame of 18446744073709551507" + too_long + "1048576"}));
  EXPECT_EQ(decode_all(LengthPrefixed({.width = 8, .length_adjustment = -2'147'483'647 - 1}),
                       hex("0000000000000000")),
            (Events{"error length 0 is smaller than the least that is possible here, 2147483648"}));
  EXPECT_EQ(
      decode_all(LengthPrefixed({.width = 8, .max_frame_bytes = no_limit, .length_offset = 2}),
                 hex("0000 fffffffffffffff6")),
      (Events{"error frame of 18446744073709551606" + too_long + "18446744073709551605"}));
}

TEST(LengthPrefixedHeader, ThatIsKeptIsExpectedInTheMessageAndItsLengthFilledIn) {
  EXPECT_EQ(wire_of(kept_header(), "T??HI"), "5400024849");
  EXPECT_EQ(wire_of(kept_header(), "T" + hex("ffff")), "540000");
  EXPECT_EQ(wire_of({.includes_itself = true, .stripped_bytes = 0}, "????A"), "0000000541");
}

TEST(LengthPrefixedHeader, ThatIsStrippedIsSentAsZeros) {
  EXPECT_EQ(wire_of(whole_message(), "HI"), "0000054849");
  EXPECT_EQ(wire_of({.width = 2, .stripped_bytes = 4}, "abc"), "00050000616263");
}

TEST(LengthPrefixedHeader, IsPartOfAMessageOrElseNothingIsWritten) {
  EXPECT_EQ(refusal(kept_header(), "T?"), (CodecError{CodecErrc::unencodable, 2, 3}));
  EXPECT_EQ(refusal(kept_header(), ""), (CodecError{CodecErrc::unencodable, 0, 3}));
}

TEST(LengthPrefixedHeader, CannotSayLessThanNothing) {
  EXPECT_EQ(wire_of({.length_adjustment = 1}, "A"), "0000000041");
  EXPECT_EQ(refusal({.length_adjustment = 2}, "A"), (CodecError{CodecErrc::unencodable, 1, 2}));
  EXPECT_EQ(wire_of({.width = 2, .includes_itself = true, .length_adjustment = 3}, "A"), "000041");
}

TEST(LengthPrefixedHeader, RefusesABodyOverTheLimitInBothDirections) {
  LengthPrefixedOptions options = kept_header();
  options.max_frame_bytes = 2;
  EXPECT_EQ(wire_of(options, "T??HI"), "5400024849");
  EXPECT_EQ(refusal(options, "T??HIJ"), (CodecError{CodecErrc::frame_too_long, 3, 2}));
}

TEST(LengthPrefixedHeader, LowersTheLimitToWhatItsLengthCanSay) {
  EXPECT_EQ(LengthPrefixed({.width = 1, .length_adjustment = -3}).max_frame_bytes(), 252u);
  EXPECT_EQ(LengthPrefixed({.width = 1, .length_adjustment = 10}).max_frame_bytes(), 265u);
  EXPECT_EQ(wire_of({.width = 1, .length_adjustment = 10}, std::string(265, 'x')).substr(0, 2),
            "ff");
}

TEST(LengthPrefixedHeader, ReadsBackWhatItWrote) {
  for (const std::size_t offset : {0u, 1u, 5u}) {
    for (const std::int32_t adjustment : {-9, -1, 0, 2}) {
      for (const std::size_t stripped : {0u, 1u, 3u, 6u, 12u}) {
        LengthPrefixed codec({.width = 3,
                              .order = ByteOrder::little,
                              .length_offset = offset,
                              .length_adjustment = adjustment,
                              .stripped_bytes = stripped});
        ByteBuffer out;
        ASSERT_FALSE(codec.encode(as_bytes("a message of some length"), out));
        const std::string sent = text_of(out).substr(stripped);
        EXPECT_EQ(decode_all(codec, text_of(out)), (Events{"message " + sent, "end"}));
        ByteBuffer again;
        ASSERT_FALSE(codec.encode(as_bytes(sent), again));
        EXPECT_EQ(text_of(again), text_of(out));
      }
    }
  }
}

TEST(LengthPrefixedHeader, MayHoldAMessageThatLiesInTheBufferItIsWrittenTo) {
  const LengthPrefixed codec(whole_message());
  ByteBuffer out;
  out.append(std::string(200, 'x'));
  EXPECT_FALSE(codec.encode(out.view(), out));
  EXPECT_EQ(text_of(out), std::string(200, 'x') + hex("00 00cb") + std::string(200, 'x'));
}

TEST(LengthPrefixedHeader, HasToBePossible) {
  EXPECT_EQ(why_not({.width = 5}), "LengthPrefixed: width 5 is none of 1, 2, 3, 4 and 8");
  EXPECT_EQ(why_not({.length_offset = 1'025}), "LengthPrefixed: length_offset 1025 is over 1024");
  EXPECT_EQ(why_not({.stripped_bytes = 65'536}),
            "LengthPrefixed: stripped_bytes 65536 is over 1024");
  EXPECT_EQ(why_not({.width = 1, .length_adjustment = -256}),
            "LengthPrefixed: no frame meets length_adjustment -256 and stripped_bytes 1 within "
            "max_frame_bytes 0");
  EXPECT_NE(why_not({.max_frame_bytes = 9, .length_adjustment = 10}), "");
  EXPECT_NE(why_not({.max_frame_bytes = 9, .stripped_bytes = 14}), "");
  EXPECT_EQ(why_not({.max_frame_bytes = 10, .stripped_bytes = 14}), "");
}

}  // namespace
}  // namespace twister
