// Every codec of this library, by every rule of the kit. What is special about one is in its own test.
#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/any_framing.hpp"
#include "twister/codecs/bytes.hpp"
#include "twister/codecs/content_length.hpp"
#include "twister/codecs/delimited.hpp"
#include "twister/codecs/fixed.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/json_texts.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/lines.hpp"
#include "twister/codecs/netstring.hpp"
#include "twister/codecs/text.hpp"
#include "twister/codecs/varint.hpp"
#include <twister/testing/codec_conformance.hpp>

#include "decode_all.hpp"
#include "support/allocation_counter.hpp"

#ifdef TWISTER_TEST_JSON
#include "twister/codecs/json.hpp"
#include "twister/codecs/msgpack.hpp"
#endif
#ifdef TWISTER_TEST_PROTOBUF
#include <google/protobuf/stubs/logging.h>

#include "twister/codecs/protobuf.hpp"

#include "person.pb.h"
#endif

#ifdef TWISTER_TEST_ZLIB
#include "twister/codecs/zlib.hpp"
#endif
#ifdef TWISTER_TEST_ZSTD
#include "twister/codecs/zstd.hpp"
#endif

namespace twister {
namespace {

using testing::allocated_bytes;
using testing::check_codec;
using testing::CodecCases;
using testing::ConformanceReport;
using testing_codecs::hex;

// A limit that the cases can break, and a page or ten below it.
constexpr std::size_t limit = 60'000;

const std::string largest(limit, 'x');
const std::string too_large(limit + 1, 'x');

// Kept, all of it, but for rules that cannot be tried: those are named.
void expect_conformance(const ConformanceReport& report, std::size_t untried = 0) {
  EXPECT_TRUE(report.ok()) << report.text();
  EXPECT_EQ(report.untried.size(), untried) << report.text();
}

// The cases of a codec whose messages are frames.
template <class C>
CodecCases<C> frames(const std::function<C(Oversize)>& make) {
  return {
      .make = [make] { return make(Oversize::fail); },
      .messages = {as_bytes("one"), as_bytes(""), as_bytes("three\t\x01\x7f"), as_bytes("four")},
      .longest = as_bytes(largest),
      .unencodable = {as_bytes(too_large)},
      .make_skipping = [make] { return make(Oversize::skip); },
      .allocated_bytes = allocated_bytes,
      .own_bytes = 0};
}

class LengthPrefixedConforms : public ::testing::TestWithParam<LengthPrefixedOptions> {};

TEST_P(LengthPrefixedConforms, WithEveryWidthAndOrder) {
  const auto make = [](Oversize oversize) {
    LengthPrefixedOptions options = GetParam();
    options.max_frame_bytes = limit;
    options.on_oversize = oversize;
    return LengthPrefixed(options);
  };
  CodecCases<LengthPrefixed> cases = frames<LengthPrefixed>(make);
  const std::size_t largest_body = make(Oversize::fail).max_frame_bytes();
  const std::size_t longest = std::min(largest_body, limit);
  cases.longest = as_bytes(largest).first(longest);
  cases.unencodable = {as_bytes(too_large).first(longest + 1)};
  ByteBuffer wire;
  LengthPrefixed wide({.width = GetParam().width,
                       .order = GetParam().order,
                       .includes_itself = GetParam().includes_itself,
                       .max_frame_bytes = limit + 1});
  if (!wide.encode(as_bytes(too_large), wire)) {
    cases.skipped = {std::string(as_text(wire.view()))};
    cases.too_long = {std::string(as_text(wire.view().first(GetParam().width)))};
  }
  wire.clear();
  ASSERT_FALSE(wide.encode(as_bytes(largest).first(longest), wire));
  cases.announcements = {std::string(as_text(wire.view().first(GetParam().width)))};
  // Nothing is malformed unless the length counts itself.
  if (GetParam().includes_itself) cases.malformed = {std::string(GetParam().width, '\0')};
  const ConformanceReport report = check_codec<LengthPrefixed>(cases);
  EXPECT_TRUE(report.ok()) << report.text();
}

INSTANTIATE_TEST_SUITE_P(
    All, LengthPrefixedConforms,
    ::testing::Values(LengthPrefixedOptions{.width = 1}, LengthPrefixedOptions{.width = 2},
                      LengthPrefixedOptions{.width = 3, .order = ByteOrder::little},
                      LengthPrefixedOptions{}, LengthPrefixedOptions{.order = ByteOrder::little},
                      LengthPrefixedOptions{.width = 8, .includes_itself = true}));

// A magic byte, a length that counts all of the frame, and a version behind it, all kept.
TEST(Codecs, OfLengthsInsideAHeaderConform) {
  const auto make = [](Oversize oversize) {
    return LengthPrefixed({.width = 4,
                           .max_frame_bytes = limit,
                           .on_oversize = oversize,
                           .length_offset = 1,
                           .length_adjustment = -5,
                           .stripped_bytes = 0});
  };
  static const std::string one = hex("ca 0000000a fe") + "four";
  static const std::string none = hex("ca 00000006 fe");
  static const std::string longest = hex("ca 0000ea65") + largest;
  static const std::string too_long = hex("ca 0000ea66") + too_large;
  CodecCases<LengthPrefixed> cases = frames<LengthPrefixed>(make);
  cases.messages = {as_bytes(one), as_bytes(none), as_bytes(one)};
  cases.longest = as_bytes(longest);
  cases.unencodable = {as_bytes(too_long), as_bytes("four"), as_bytes("")};
  cases.malformed = {hex("ca 00000004")};
  cases.too_long = {hex("ca 0000ea66")};
  cases.skipped = {too_long};
  cases.announcements = {hex("ca 0000ea65")};
  expect_conformance(check_codec<LengthPrefixed>(cases));
}

TEST(Codecs, OfLinesConform) {
  const auto make = [](Oversize oversize) {
    return Lines({.max_line_bytes = limit, .on_oversize = oversize});
  };
  CodecCases<Lines> cases = frames<Lines>(make);
  cases.unencodable.push_back(as_bytes("a\nb"));
  cases.too_long = {too_large};
  cases.skipped = {too_large + "\n"};
  cases.announcements = {largest};
  expect_conformance(check_codec<Lines>(cases), 1);  // no line is malformed
}

TEST(Codecs, OfLinesThatKeepTheirEndConform) {
  const auto make = [](Oversize oversize) {
    return Lines({.max_line_bytes = limit,
                  .on_oversize = oversize,
                  .accepted_ending = AcceptedEnding::crlf,
                  .terminator = Terminator::keep});
  };
  static const std::string line = largest + "\r\n";
  CodecCases<Lines> cases = frames<Lines>(make);
  cases.messages = {as_bytes("one\r\n"), as_bytes("\r\n"), as_bytes("\n\r\r\n")};
  cases.longest = as_bytes(line);
  cases.unencodable = {as_bytes("none"), as_bytes("two\r\n\r\n"), as_bytes("half\n")};
  cases.too_long = {too_large};
  cases.skipped = {too_large + "\r\n"};
  cases.announcements = {largest};
  expect_conformance(check_codec<Lines>(cases), 1);
}

TEST(Codecs, OfVarintConform) {
  const auto make = [](Oversize oversize) {
    return Varint({.max_frame_bytes = limit, .on_oversize = oversize});
  };
  CodecCases<Varint> cases = frames<Varint>(make);
  cases.malformed = {hex("8000"), hex("ffffffffff"), hex("8080808010")};
  cases.too_long = {hex("e1d403")};
  cases.skipped = {hex("e1d403") + too_large};
  cases.announcements = {hex("e0d403")};
  expect_conformance(check_codec<Varint>(cases));
}

TEST(Codecs, OfNetstringsConform) {
  const auto make = [](Oversize oversize) {
    return Netstring({.max_frame_bytes = limit, .on_oversize = oversize});
  };
  CodecCases<Netstring> cases = frames<Netstring>(make);
  cases.malformed = {"a", "01:", " 1:", "-1:", ":", "1:ab"};
  cases.too_long = {"60001"};
  cases.skipped = {"60001:" + too_large + ","};
  cases.announcements = {"60000:"};
  expect_conformance(check_codec<Netstring>(cases));
}

TEST(Codecs, OfContentLengthConform) {
  const auto make = [](Oversize oversize) {
    return ContentLength({.max_frame_bytes = limit, .on_oversize = oversize});
  };
  CodecCases<ContentLength> cases = frames<ContentLength>(make);
  cases.malformed = {"Content-Length: x\r\n", "\r\n", "Content-Length: 1\n", "a: b\r\n\r\n"};
  cases.too_long = {"Content-Length: 60001\r\n\r\n", std::string(8192, 'x')};
  cases.skipped = {"Content-Length: 60001\r\n\r\n" + too_large};
  cases.announcements = {"Content-Length: 60000\r\n\r\n", "Content-Length: 60000\r\n"};
  expect_conformance(check_codec<ContentLength>(cases));
}

TEST(Codecs, OfDelimitersConform) {
  const auto make = [](Oversize oversize) {
    return Delimited({.delimiters = {"\r\n.\r\n", "||", std::string(1, '\0')},
                      .max_frame_bytes = limit,
                      .on_oversize = oversize});
  };
  CodecCases<Delimited> cases = frames<Delimited>(make);
  cases.unencodable.push_back(as_bytes("a||b"));
  // Delimiters that are almost there.
  cases.messages.push_back(as_bytes("\r\n\r\n..|\r\n.\r"));
  cases.too_long = {too_large + "xxxxx"};
  cases.skipped = {too_large + "xxxxx||"};
  cases.announcements = {largest};
  expect_conformance(check_codec<Delimited>(cases), 1);  // no frame is malformed
}

TEST(Codecs, OfFixedSizeConform) {
  const CodecCases<Fixed> small{.make = [] { return Fixed(4); },
                                .messages = {as_bytes("four"), as_bytes("five")},
                                .unencodable = {as_bytes("six"), as_bytes("seven"), as_bytes("")}};
  expect_conformance(check_codec<Fixed>(small), 6);
  static const std::string other(limit, 'y');
  const CodecCases<Fixed> large{.make = [] { return Fixed(limit); },
                                .messages = {as_bytes(largest), as_bytes(other)},
                                .longest = as_bytes(largest),
                                .announcements = {"x"},
                                .allocated_bytes = allocated_bytes,
                                .own_bytes = 0};
  // Nothing is malformed or too long, and the sizes to refuse are above.
  expect_conformance(check_codec<Fixed>(large), 4);
}

TEST(Codecs, ChosenByNameConform) {
  const auto make = [](Oversize oversize) {
    return AnyFraming("length-prefixed:2be,offset=1,adjustment=-3",
                      {.max_frame_bytes = limit, .on_oversize = oversize});
  };
  CodecCases<AnyFraming> cases = frames<AnyFraming>(make);
  cases.malformed = {hex("ca 0002")};
  cases.too_long = {hex("ca ea64")};
  cases.skipped = {hex("ca ea64") + too_large};
  cases.announcements = {hex("ca ea63")};
  expect_conformance(check_codec<AnyFraming>(cases));
}

// Of messages that hardly shrink, so that the longest is long on the wire too.
template <class C>
void expect_compressed_to_conform(const std::string& wrong_header, const C& compressor) {
  using Packets = Framed<LengthPrefixed, Compressed<C, Bytes>>;
  constexpr std::size_t overhead = 1024;
  const auto make = [&](Oversize oversize, BadPayload bad) {
    return Packets(LengthPrefixed({.max_frame_bytes = limit + overhead, .on_oversize = oversize}),
                   Compressed<C, Bytes>(compressor), bad);
  };
  std::string noise;
  for (std::uint32_t state = 1; noise.size() < limit; state = state * 1664525u + 1013904223u) {
    noise += static_cast<char>(state >> 24);
  }
  const std::string bad_frame = hex("00000008") + wrong_header + "123456";
  const CodecCases<Packets> cases{
      .make = [=] { return make(Oversize::fail, BadPayload::fail); },
      .messages = {as_bytes("one"), as_bytes(""), as_bytes("two two two two two two two")},
      .longest = as_bytes(noise),
      .unencodable = {as_bytes(too_large)},
      .malformed = {bad_frame, hex("00000000")},
      .too_long = {hex("0000ee61")},
      .announcements = {hex("0000ee60")},
      .make_skipping = [=] { return make(Oversize::skip, BadPayload::skip); },
      .skipped = {bad_frame, hex("0000ee61") + std::string(limit + overhead + 1, 'x')},
      .allocated_bytes = allocated_bytes,
      .own_bytes = limit + std::size_t{512} * 1024};  // zlib's own, and a message of noise
  expect_conformance(check_codec<Packets>(cases));
}

#ifdef TWISTER_TEST_ZLIB
TEST(Codecs, OfMessagesThroughZlibConform) {
  expect_compressed_to_conform("xx", Zlib({.max_inflated_bytes = limit}));
}
#endif

#ifdef TWISTER_TEST_ZSTD
TEST(Codecs, OfMessagesThroughZstdConform) {
  expect_compressed_to_conform("xx", Zstd({.max_inflated_bytes = limit}));
}
#endif

using TextLines = Framed<Lines, Text>;

TEST(Codecs, OfTextConform) {
  const auto make = [](Oversize oversize, BadPayload bad) {
    return TextLines(Lines({.max_line_bytes = limit, .on_oversize = oversize}), Text(), bad);
  };
  const CodecCases<TextLines> cases{
      .make = [=] { return make(Oversize::fail, BadPayload::fail); },
      .messages = {"one", "", "\u20ac\U0001f600"},
      .longest = std::string_view(largest),
      .unencodable = {"\xff", "\n"},
      .malformed = {"\xff\n", "\xed\xa0\x80\n"},
      .too_long = {too_large},
      .announcements = {largest},
      .make_skipping = [=] { return make(Oversize::skip, BadPayload::skip); },
      .skipped = {"\xc0\x80\n", too_large + "\n"},
      .allocated_bytes = allocated_bytes,
      .own_bytes = 0};
  expect_conformance(check_codec<TextLines>(cases));
}

#ifdef TWISTER_TEST_JSON
using Packs = Framed<LengthPrefixed, Msgpack>;

TEST(Codecs, OfMsgpackConform) {
  const auto make = [](Oversize oversize, BadPayload bad) {
    return Packs(LengthPrefixed({.width = 2, .max_frame_bytes = limit, .on_oversize = oversize}),
                 Msgpack({.max_depth = 4, .max_items = 100}), bad);
  };
  const nlohmann::json deep = nlohmann::json::parse("[[[[[]]]]]");
  const CodecCases<Packs> cases{
      .make = [=] { return make(Oversize::fail, BadPayload::fail); },
      .messages = {nullptr, {{"a", {1, -2, 0.5}}, {"b", "\n"}}, "text", 7000},
      .longest = largest.substr(3),
      .unencodable = {deep, "\xff", too_large, nlohmann::json(std::vector<int>(101))},
      .malformed = {hex("0001c1"), hex("00020101"), hex("0000"), hex("0002 92 01"),
                    hex("0002 a1ff")},
      .too_long = {hex("ea61"), hex("0005 9191919191"), hex("0003 dc0065")},
      .announcements = {hex("ea60"), hex("ea60 dd00000064"), hex("ea60 c6ffffffff")},
      .make_skipping = [=] { return make(Oversize::skip, BadPayload::skip); },
      .skipped = {hex("0001c1"), hex("ea61") + too_large, hex("0005 9191919191")},
      .allocated_bytes = allocated_bytes,
      .own_bytes = 1024};
  expect_conformance(check_codec<Packs>(cases));
}

TEST(Codecs, OfJsonLinesConform) {
  const auto make = [](Oversize oversize, BadPayload bad) {
    return JsonLines(Lines({.max_line_bytes = limit, .on_oversize = oversize}),
                     Json({.max_depth = 8}), bad);
  };
  const nlohmann::json deep = nlohmann::json::parse("[[[[[[[[[]]]]]]]]]");
  const CodecCases<JsonLines> cases{
      .make = [=] { return make(Oversize::fail, BadPayload::fail); },
      .messages = {nullptr, {{"a", {1, -2, 0.5}}, {"b", "\n"}}, "text", 7},
      .longest = largest.substr(2),
      .unencodable = {deep, std::nan(""), "\xff", too_large},
      .malformed = {"{\n", "[1] 2\n", "\n", "\"\xff\"\n", "1e400\n", "nul\n"},
      .too_long = {too_large, "[[[[[[[[[\n"},
      .announcements = {largest},
      .make_skipping = [=] { return make(Oversize::skip, BadPayload::skip); },
      .skipped = {"{\n", too_large + "\n", "[[[[[[[[[\n"},
      .allocated_bytes = allocated_bytes,
      .own_bytes = 1024};
  expect_conformance(check_codec<JsonLines>(cases));
}
#endif

#ifdef TWISTER_TEST_PROTOBUF
using People = Framed<LengthPrefixed, Protobuf<testing_codecs::Person>>;

TEST(Codecs, OfProtobufConform) {
  using testing_codecs::Person;
  const google::protobuf::LogSilencer silencer;  // of strings that noise makes no UTF-8
  const auto make = [](Oversize oversize, BadPayload bad) {
    return People(LengthPrefixed({.max_frame_bytes = limit, .on_oversize = oversize}),
                  Protobuf<Person>(), bad);
  };
  Person ada;
  ada.set_name("Ada");
  ada.add_friends()->set_id(7);
  Person longest;
  longest.set_name(largest.substr(4));
  Person too_long;
  too_long.set_name(too_large);
  const CodecCases<People> cases{
      .make = [=] { return make(Oversize::fail, BadPayload::fail); },
      .messages = {ada, Person(), ada},
      .longest = longest,
      .unencodable = {too_long},
      .malformed = {hex("00000001 07"), hex("00000002 0a05")},
      .too_long = {hex("0000ea61")},
      .announcements = {hex("0000ea60")},
      .make_skipping = [=] { return make(Oversize::skip, BadPayload::skip); },
      .skipped = {hex("00000001 07"), hex("0000ea61") + too_large},
      .allocated_bytes = allocated_bytes,
      .own_bytes = 1024};
  const auto content = [](const google::protobuf::MessageLite& person) {
    return person.SerializeAsString();
  };
  expect_conformance(check_codec<People>(cases, content));
}
#endif

}  // namespace
}  // namespace twister
