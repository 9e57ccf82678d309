#include "twister/codecs/any_framing.hpp"

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::to_hex;

static_assert(Framing<AnyFraming>);

using Status = DecodeResult::Status;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string wire_of(std::string_view name, std::string_view message) {
  const AnyFraming codec(name);
  ByteBuffer out;
  EXPECT_FALSE(codec.encode(as_bytes(message), out)) << name;
  ByteBuffer in_place;
  const std::size_t mark = codec.begin_frame(in_place);
  in_place.append(message);
  EXPECT_FALSE(codec.end_frame(in_place, mark)) << name;
  EXPECT_EQ(to_hex(in_place.view()), to_hex(out.view())) << name;
  return to_hex(out.view());
}

std::string why_not(std::string_view name, const AnyFramingOptions& options = {}) {
  try {
    const AnyFraming codec(name, options);
    return "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(AnyFraming, IsMadeFromAName) {
  EXPECT_EQ(wire_of("length-prefixed", "A"), "0000000141");
  EXPECT_EQ(wire_of("length-prefixed:4be", "A"), "0000000141");
  EXPECT_EQ(wire_of("length-prefixed:2le", "A"), "010041");
  EXPECT_EQ(wire_of("length-prefixed:1", "A"), "0141");
  EXPECT_EQ(wire_of("varint", "A"), "0141");
  EXPECT_EQ(wire_of("varint:10", "A"), "0141");
  EXPECT_EQ(wire_of("lines", "A"), "410a");
  EXPECT_EQ(wire_of("delimited:00", "A"), "4100");
  EXPECT_EQ(wire_of("fixed:1", "A"), "41");
  EXPECT_EQ(wire_of("netstring", "A"), "313a412c");
  EXPECT_EQ(wire_of("content-length:header=64", "A"),
            "436f6e74656e742d4c656e6774683a20310d0a0d0a41");
  EXPECT_EQ(wire_of("json-texts", "[]"), "5b5d");
}

TEST(AnyFraming, HasShortNamesForWidths) {
  EXPECT_EQ(wire_of("lp8", "A"), "0141");
  EXPECT_EQ(wire_of("lp16", "A"), "000141");
  EXPECT_EQ(wire_of("lp24", "A"), "00000141");
  EXPECT_EQ(wire_of("lp32", "A"), "0000000141");
  EXPECT_EQ(wire_of("lp64", "A"), "000000000000000141");
  EXPECT_EQ(wire_of("lp16le", "A"), "010041");
  EXPECT_EQ(wire_of("lp24le", "A"), "01000041");
  EXPECT_EQ(wire_of("lp32le", "A"), "0100000041");
  EXPECT_EQ(wire_of("lp64le", "A"), "010000000000000041");
}

TEST(AnyFraming, TakesAllThatALengthCanBe) {
  EXPECT_EQ(decode_all(AnyFraming("length-prefixed:2be,offset=1,adjustment=-3,strip=3"),
                       hex("ca 0006 fe") + "HI"),
            (Events{"message " + hex("fe") + "HI", "end"}));
  EXPECT_EQ(wire_of("lp16le:strip=0,offset=1", "T??A"), "54010041");
  EXPECT_EQ(wire_of("length-prefixed:includes-itself,2le", "A"), "030041");
}

TEST(AnyFraming, TakesAllThatALineEndCanBe) {
  EXPECT_EQ(wire_of("lines:send=crlf", "A"), "410d0a");
  EXPECT_EQ(wire_of("lines:crlf", "A\nB"), "410a420d0a");
  EXPECT_EQ(wire_of("lines:lf", "A\r"), "410d0a");
  EXPECT_EQ(wire_of("lines:crlf,keep", "A\r\n"), "410d0a");
  EXPECT_EQ(decode_all(AnyFraming("lines:keep"), "a\r\nb\n"),
            (Events{"message a\r\n", "message b\n", "end"}));
  EXPECT_EQ(decode_all(AnyFraming("lines:either"), "a\r\nb\n"),
            (Events{"message a", "message b", "end"}));
}

TEST(AnyFraming, TakesDelimitersInHexadecimalDigits) {
  EXPECT_EQ(decode_all(AnyFraming("delimited:0D0a,00"), "a\r\nb" + hex("00")),
            (Events{"message a", "message b", "end"}));
  EXPECT_EQ(wire_of("delimited:0d0a,00,keep", "A\r\n"), "410d0a");
}

TEST(AnyFraming, TakesADepth) {
  EXPECT_EQ(decode_all(AnyFraming("json-texts:depth=1"), "[][["),
            (Events{"message []", "error nesting of at least 2 levels exceeds max_depth 1"}));
}

TEST(AnyFraming, IsLimitedAsToldWhateverItIs) {
  const std::string eight = "12345678";
  for (const std::string_view name :
       {"length-prefixed", "varint", "lines", "delimited:00", "netstring", "content-length"}) {
    const std::string wire = hex(wire_of(name, eight));
    EXPECT_EQ(decode_all(AnyFraming(name, {.max_frame_bytes = 8}), wire),
              (Events{"message 12345678", "end"}));
    EXPECT_EQ(decode_all(AnyFraming(name, {.max_frame_bytes = 7}), wire).size(), 1u) << name;
    const Events skipped = decode_all(
        AnyFraming(name, {.max_frame_bytes = 7, .on_oversize = Oversize::skip}), wire + wire);
    EXPECT_THAT(skipped,
                ::testing::ElementsAre(StartsWith("skipped"), StartsWith("skipped"), "end"));
  }
  EXPECT_EQ(decode_all(AnyFraming("json-texts", {.max_frame_bytes = 3}), "[1][12]"),
            (Events{"message [1]", "error frame of 4 bytes exceeds max_frame_bytes 3"}));
}

TEST(AnyFraming, HasTheLimitOfTheFramingUnlessTold) {
  ByteBuffer out;
  const std::string long_line(65'537, 'x');
  EXPECT_EQ(AnyFraming("lines").encode(as_bytes(long_line), out).limit, 65'536u);
  EXPECT_FALSE(AnyFraming("lp32").encode(as_bytes(long_line), out));
}

TEST(AnyFraming, HasCopiesThatAreIndependent) {
  for (const std::string_view name : {"lines", "delimited:0a"}) {
    AnyFraming first(name);
    AnyFraming second = first;
    EXPECT_EQ(first.decode(as_bytes("aaa")).status, Status::incomplete);
    AnyFraming third = first;
    EXPECT_EQ(second.decode(as_bytes("\nab")).consumed, 1u) << name;
    EXPECT_EQ(third.decode(as_bytes("\nab\n")).consumed, 4u) << name;
    EXPECT_EQ(as_text(second.message()), "");
  }
}

TEST(AnyFraming, SaysWhatIsWrongWithANameWhereAndWhatThereIs) {
  EXPECT_EQ(
      why_not("lenght-prefixed"),
      "AnyFraming: bad name \"lenght-prefixed\" at character 1: no framing \"lenght-prefixed\"; "
      "there are: " +
          std::string(AnyFraming::names()));
  EXPECT_THAT(why_not("length-prefixed:4be,foo=1"),
              HasSubstr("at character 21: no parameter \"foo\" here, only a width as in 4be"));
  EXPECT_THAT(why_not("length-prefixed:5be"),
              HasSubstr("at character 17: LengthPrefixed: width 5 is none of 1, 2, 3, 4 and 8;"));
  EXPECT_THAT(why_not("delimited:3b3b,3b"),
              HasSubstr("Delimited: delimiter 2 is a prefix of delimiter 1 before it;"));
  EXPECT_THAT(why_not("lines:lf,send=crlf"), HasSubstr("Lines: line_ending crlf"));
  EXPECT_THAT(why_not("fixed:16", {.max_frame_bytes = 15}),
              HasSubstr("at character 7: 16 bytes exceed max_frame_bytes 15"));
}

TEST(AnyFraming, NamesEveryParameterThatThereIs) {
  for (const char* const parameter :
       {"[be|le]", "offset=", "adjustment=", "strip=", "includes-itself", "varint[:5|10]", "either",
        "send=lf|crlf", "keep", "HEX", "BYTES", "depth=", "header="}) {
    EXPECT_THAT(std::string(AnyFraming::names()), HasSubstr(parameter));
  }
}

TEST(AnyFraming, RefusesNamesThatSayTooMuchOrTooLittle) {
  for (const std::string_view name : {"",
                                      ":",
                                      "raw",
                                      "Lines",
                                      " lines",
                                      "lines ",
                                      "lines:",
                                      "lines:,keep",
                                      "lines:keep,",
                                      "lines:cr",
                                      "lines:lf,crlf",
                                      "lines:keep,keep",
                                      "lines:keep=1",
                                      "lines:send",
                                      "lines:send=cr",
                                      "length-prefixed:4xe",
                                      "length-prefixed:be",
                                      "length-prefixed:4be,4be",
                                      "length-prefixed:offset=",
                                      "length-prefixed:offset=-1",
                                      "length-prefixed:offset=+1",
                                      "length-prefixed:offset",
                                      "length-prefixed:offset=99999999999999999999",
                                      "length-prefixed:adjustment=2147483648",
                                      "length-prefixed:includes-itself=1",
                                      "lp16:2be",
                                      "lp8le",
                                      "lp",
                                      "varint:7",
                                      "varint:5,5",
                                      "varint:bytes=5",
                                      "varint:x",
                                      "delimited",
                                      "delimited:0",
                                      "delimited:0g",
                                      "delimited:keep",
                                      "delimited:00=1",
                                      "fixed",
                                      "fixed:0",
                                      "fixed:x",
                                      "fixed:1,2",
                                      "fixed:n=1",
                                      "netstring:1",
                                      "content-length:1",
                                      "content-length:header=39",
                                      "json-texts:1",
                                      "json-texts:depth",
                                      "json-texts:depth=1,depth=2"}) {
    EXPECT_THAT(why_not(name), HasSubstr("at character ")) << name;
  }
}

TEST(AnyFraming, ShowsNoControlCharactersOfAName) {
  EXPECT_THAT(why_not("lines\n\x1b[31m"), StartsWith("AnyFraming: bad name \"lines??[31m\""));
}

}  // namespace
}  // namespace twister
