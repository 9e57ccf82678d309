#include "twister/codecs/framed.hpp"

#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/lines.hpp"

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;
using testing_codecs::text_of;

// Text in capital letters; refuses digits. Counts how often it is told to forget.
class Capitals {
 public:
  using Message = std::string;
  using Received = std::string&;

  CodecError decode(ByteView frame) { return check(text_ = as_text(frame)); }
  std::string& message() { return text_; }
  CodecError encode(const std::string& text, ByteBuffer& out) const {
    out.append(text);
    return check(text);
  }
  void forget() noexcept { ++forgotten; }

  int forgotten = 0;

 private:
  static CodecError check(std::string_view text) {
    return {text.find_first_of("0123456789") == text.npos ? CodecErrc{} : CodecErrc::unencodable};
  }

  std::string text_;
};

struct Itself {
  std::string operator()(const std::string& text) const { return text; }
};

using Words = Framed<LengthPrefixed, Capitals>;

static_assert(Payload<Capitals>);
static_assert(Codec<Words>);
static_assert(!Framing<Words>);
static_assert(std::is_same_v<Words::Message, std::string>);
static_assert(std::is_same_v<Words::Received, std::string&>);

Words words(BadPayload on_bad_payload = BadPayload::fail) {
  return Words(LengthPrefixed({.width = 1, .max_frame_bytes = 4}), Capitals(), on_bad_payload);
}

TEST(Framed, GivesThePayloadOfEachFrame) {
  EXPECT_EQ(decode_all(words(), hex("02 4142 00 01 43"), Itself()),
            (Events{"message AB", "message ", "message C", "end"}));
}

TEST(Framed, TellsTheErrorsOfTheFraming) {
  EXPECT_EQ(decode_all(words(), hex("01 41 05"), Itself()),
            (Events{"message A", "error frame of 5 bytes exceeds max_frame_bytes 4"}));
  EXPECT_EQ(decode_all(words(), hex("02 41"), Itself()),
            (Events{"end stream ended inside a message, 2 bytes into it"}));
}

TEST(Framed, EndsTheStreamAtABadPayload) {
  EXPECT_EQ(decode_all(words(), hex("01 41 01 31 01 42"), Itself()),
            (Events{"message A", "error message has no form on the wire"}));
}

TEST(Framed, StepsOverABadPayloadWhenToldTo) {
  EXPECT_EQ(decode_all(words(BadPayload::skip), hex("01 41 01 31 01 42"), Itself()),
            (Events{"message A", "skipped message has no form on the wire", "message B", "end"}));
}

TEST(Framed, WritesTheFrameAroundThePayload) {
  ByteBuffer out;
  EXPECT_FALSE(words().encode("AB", out));
  EXPECT_FALSE((Framed<Lines, Capitals>().encode("CD", out)));
  EXPECT_EQ(text_of(out), hex("02 4142") + "CD\n");
}

TEST(Framed, LeavesNothingBehindAfterAFailedEncode) {
  ByteBuffer out;
  out.append("before");
  EXPECT_EQ(words().encode("A1", out).code, CodecErrc::unencodable);
  EXPECT_EQ(words().encode("ABCDE", out), (CodecError{CodecErrc::frame_too_long, 5, 4}));
  EXPECT_EQ((Framed<Lines, Capitals>().encode("A\nB", out).code), CodecErrc::embedded_delimiter);
  EXPECT_EQ(text_of(out), "before");
}

TEST(Framed, TellsThePayloadToForgetWhenTheInputRunsDry) {
  Words codec = words();
  const std::string input = hex("01 41");
  codec.decode(as_bytes(input));
  EXPECT_EQ(codec.payload().forgotten, 0);
  codec.decode(ByteView());
  EXPECT_EQ(codec.payload().forgotten, 1);
}

TEST(Framed, LetsTheMessageBeMovedFrom) {
  Words codec = words();
  const std::string input = hex("01 41 01 42");
  codec.decode(as_bytes(input));
  EXPECT_EQ(std::string(std::move(codec.message())), "A");
  codec.decode(as_bytes(input).subspan(2));
  EXPECT_EQ(codec.message(), "B");
}

}  // namespace
}  // namespace twister
