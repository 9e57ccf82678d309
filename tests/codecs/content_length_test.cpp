#include "twister/codecs/content_length.hpp"

#include <limits>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::text_of;

static_assert(Framing<ContentLength>);
static_assert(std::is_trivially_copyable_v<ContentLength>);

using Status = DecodeResult::Status;

ContentLength limited_to(std::size_t bytes, Oversize on_oversize = Oversize::fail) {
  return ContentLength({.max_frame_bytes = bytes, .on_oversize = on_oversize});
}

std::string bad_at(std::size_t byte) {
  return "error no length where one has to be, at byte " + std::to_string(byte);
}

// The first event that a header alone leads to, with nothing behind it.
std::string verdict(const std::string& header) {
  return decode_all(ContentLength(), header).front();
}

TEST(ContentLength, SaysHowLongTheBodyIs) {
  EXPECT_EQ(
      decode_all(ContentLength(), "Content-Length: 2\r\n\r\n{}Content-Length: 5\r\n\r\na\r\n\r\n"),
      (Events{"message {}", "message a\r\n\r\n", "end"}));
}

TEST(ContentLength, MayBeZero) {
  EXPECT_EQ(decode_all(ContentLength(), "Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\nx"),
            (Events{"message ", "message x", "end"}));
}

TEST(ContentLength, StandsAmongOtherFields) {
  EXPECT_EQ(decode_all(ContentLength(),
                       "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n"
                       "Content-Length: 2\r\nX-Empty:\r\n\r\nhi"),
            (Events{"message hi", "end"}));
  EXPECT_EQ(decode_all(ContentLength(), "Content-Lengths: 9\r\nContent-Length: 2\r\n\r\nhi"),
            (Events{"message hi", "end"}));
}

TEST(ContentLength, IsFoundInCapitalsAndBetweenBlanks) {
  EXPECT_EQ(
      decode_all(ContentLength(), "CONTENT-length:2\r\n\r\nhicontent-LENGTH: \t 2\t \r\n\r\nho"),
      (Events{"message hi", "message ho", "end"}));
}

TEST(ContentLength, MayBeRepeatedButNotContradicted) {
  EXPECT_EQ(decode_all(ContentLength(), "Content-Length: 2\r\nContent-Length: 002\r\n\r\nhi"),
            (Events{"message hi", "end"}));
  EXPECT_EQ(decode_all(ContentLength(), "Content-Length: 2\r\ncontent-length: 3\r\n\r\nhi"),
            (Events{bad_at(19)}));
}

TEST(ContentLength, IsNeededBeforeTheEmptyLine) {
  EXPECT_EQ(decode_all(ContentLength(), "Content-Type: text\r\n\r\nhi"), (Events{bad_at(20)}));
  EXPECT_EQ(decode_all(ContentLength(), "\r\nContent-Length: 2\r\n\r\nhi"), (Events{bad_at(0)}));
}

TEST(ContentLength, IsDecimalDigitsAlone) {
  for (const std::string value : {"", " ", "-1", "+1", "1 2", "0x10", "1.0", "1e3", "1,1", "\"1\"",
                                  "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_EQ(verdict("Content-Length: " + value + "\r\n"), bad_at(0)) << value;
  }
}

TEST(ContentLength, IsInLinesThatAreFields) {
  for (const std::string line :
       {"Content-Length", ": 5", " Content-Length: 5", "Content-Length : 5", "Content Length: 5",
        "POST / HTTP/1.1", "A: b\x01", "A: b\x7f", "A\x80: b", "A: b\rc"}) {
    EXPECT_EQ(verdict(line + "\r\n"), bad_at(0)) << line;
  }
  EXPECT_EQ(verdict(std::string("A\0: b\r\n", 7)), bad_at(0));
  EXPECT_EQ(verdict("A: \xc3\xa4\r\n"), "end stream ended inside a message, 7 bytes into it");
}

TEST(ContentLength, IsInLinesThatEndWithBothBytes) {
  EXPECT_EQ(verdict("Content-Length: 2\n\nhi"), bad_at(0));
  EXPECT_EQ(verdict("Content-Length: 2\r\n\nhi"), bad_at(19));
  EXPECT_EQ(verdict("Content-Length: 2\r\r\n"), bad_at(0));
}

TEST(ContentLength, PassesAtExactlyTheLimit) {
  EXPECT_EQ(decode_all(limited_to(4), "Content-Length: 4\r\n\r\nabcd"),
            (Events{"message abcd", "end"}));
  EXPECT_EQ(decode_all(limited_to(4), "Content-Length: 5\r\n\r\n"),
            (Events{"error frame of 5 bytes exceeds max_frame_bytes 4"}));
  EXPECT_EQ(decode_all(ContentLength(), "Content-Length: 18446744073709551615\r\n\r\n"),
            (Events{"error frame of 18446744073709551615 bytes exceeds max_frame_bytes 1048576"}));
}

TEST(ContentLength, OverTheLimitIsSteppedOver) {
  EXPECT_EQ(decode_all(limited_to(2, Oversize::skip),
                       "Content-Length: 7\r\nA: b\r\n\r\n\r\n\r\nabcContent-Length: 2\r\n\r\nhi"
                       "Content-Length: 3\r\n\r\nx"),
            (Events{"skipped frame of 7 bytes exceeds max_frame_bytes 2", "message hi",
                    "skipped frame of 3 bytes exceeds max_frame_bytes 2",
                    "end stream ended inside a message, 0 bytes into it"}));
}

TEST(ContentLength, HasAHeaderOfLimitedSize) {
  const std::string rest = "Content-Length: 2\r\n\r\n";
  const std::string pad = "A: " + std::string(8 * 1024 - rest.size() - 5, 'x') + "\r\n";
  EXPECT_EQ(decode_all(ContentLength(), pad + rest + "hi"), (Events{"message hi", "end"}));
  const Events expected = {"error line of at least 8193 bytes exceeds max_line_bytes 8192"};
  EXPECT_EQ(decode_all(ContentLength(), "B" + pad + rest + "hi"), expected);
  EXPECT_EQ(decode_all(ContentLength(), std::string(8 * 1024, 'x')), expected);
  EXPECT_EQ(decode_all(limited_to(0, Oversize::skip), std::string(9'000, 'x')), expected);
}

TEST(ContentLength, SaysHowMuchIsMissing) {
  ContentLength codec;
  EXPECT_EQ(codec.decode(as_bytes("Content-Length: 100\r\n")).needed, 0u);
  EXPECT_EQ(codec.decode(as_bytes("Content-Length: 100\r\n\r\nabc")).needed, 97u);
}

// Bytes once scanned are changed behind the codec's back: it does not look at them a second time.
TEST(ContentLength, IsReadOnce) {
  ContentLength codec;
  EXPECT_EQ(codec.decode(as_bytes("Content-Length: 2\r\nAbc")).status, Status::incomplete);
  EXPECT_EQ(codec.decode(as_bytes("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nAbc: d\r\n\r\n")).status,
            Status::incomplete);
  EXPECT_EQ(
      codec.decode(as_bytes("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nhi"))
          .status,
      Status::message);
}

TEST(ContentLength, IsWrittenAloneAndInPlace) {
  const ContentLength codec;
  for (const std::size_t size : {0u, 7u, 42u, 123u, 1'234u, 100'000u}) {
    const std::string body(size, 'x');
    const std::string expected = "Content-Length: " + std::to_string(size) + "\r\n\r\n" + body;
    ByteBuffer out;
    out.append("before ");
    EXPECT_FALSE(codec.encode(as_bytes(body), out));
    const std::size_t mark = codec.begin_frame(out);
    out.append(body);
    EXPECT_FALSE(codec.end_frame(out, mark));
    EXPECT_EQ(text_of(out), "before " + expected + expected) << size;
  }
}

TEST(ContentLength, IsNotWrittenOverTheLimit) {
  const ContentLength codec = limited_to(4);
  ByteBuffer out;
  out.append("before");
  EXPECT_EQ(codec.encode(as_bytes("12345"), out), (CodecError{CodecErrc::frame_too_long, 5, 4}));
  const std::size_t mark = codec.begin_frame(out);
  out.append("12345");
  EXPECT_EQ(codec.end_frame(out, mark), (CodecError{CodecErrc::frame_too_long, 5, 4}));
  EXPECT_EQ(text_of(out), "before");
}

TEST(ContentLength, HasOptionsThatItsOwnHeadersMeet) {
  EXPECT_THROW(ContentLength({.max_header_bytes = 39}), std::invalid_argument);
  const ContentLength codec({.max_frame_bytes = std::numeric_limits<std::size_t>::max(),
                             .max_header_bytes = std::numeric_limits<std::size_t>::max()});
  EXPECT_EQ(decode_all(codec, "Content-Length: 1\r\n\r\nx"), (Events{"message x", "end"}));
  EXPECT_EQ(decode_all(ContentLength({.max_header_bytes = 40}), "Content-Length: 1\r\n\r\nx"),
            (Events{"message x", "end"}));
}

}  // namespace
}  // namespace twister
