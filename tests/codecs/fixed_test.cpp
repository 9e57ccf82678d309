#include "twister/codecs/fixed.hpp"

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

static_assert(Framing<Fixed>);
static_assert(std::is_trivially_copyable_v<Fixed>);

TEST(Fixed, CutsTheStreamIntoFramesOfOneSize) {
  EXPECT_EQ(decode_all(Fixed(3), "abcdefghi"),
            (Events{"message abc", "message def", "message ghi", "end"}));
  EXPECT_EQ(decode_all(Fixed(1), "ab"), (Events{"message a", "message b", "end"}));
  EXPECT_EQ(decode_all(Fixed(3), ""), (Events{"end"}));
}

TEST(Fixed, EndsInsideAMessage) {
  EXPECT_EQ(decode_all(Fixed(3), "abcd"),
            (Events{"message abc", "end stream ended inside a message, 1 bytes into it"}));
}

TEST(Fixed, TellsHowManyBytesItNeeds) {
  Fixed codec(16);
  EXPECT_EQ(codec.decode(ByteView()).needed, 16u);
  EXPECT_EQ(codec.decode(as_bytes("abc")).needed, 13u);
  EXPECT_EQ(Fixed(std::numeric_limits<std::size_t>::max()).decode(as_bytes("a")).needed,
            std::numeric_limits<std::size_t>::max() - 1);
}

TEST(Fixed, GivesAViewIntoTheInput) {
  Fixed codec(2);
  const ByteView input = as_bytes("abc");
  EXPECT_EQ(codec.decode(input).frame.data(), input.data());
  EXPECT_EQ(codec.message().size(), 2u);
}

TEST(Fixed, WritesAMessageAsItIs) {
  ByteBuffer out;
  EXPECT_FALSE(Fixed(3).encode(as_bytes("abc"), out));
  const std::size_t mark = Fixed(3).begin_frame(out);
  out.append("def");
  EXPECT_FALSE(Fixed(3).end_frame(out, mark));
  EXPECT_EQ(text_of(out), "abcdef");
}

TEST(Fixed, RefusesToWriteAMessageOfAnotherSize) {
  ByteBuffer out;
  out.append("before");
  for (const std::string_view message : {"", "ab", "abcd"}) {
    const CodecError expected = {CodecErrc::wrong_size, message.size(), 3};
    EXPECT_EQ(Fixed(3).encode(as_bytes(message), out), expected);
    const std::size_t mark = Fixed(3).begin_frame(out);
    out.append(message);
    EXPECT_EQ(Fixed(3).end_frame(out, mark), expected);
  }
  EXPECT_EQ(text_of(out), "before");
}

TEST(Fixed, RefusesASizeOfNothing) {
  EXPECT_THROW(Fixed(0), std::invalid_argument);
}

}  // namespace
}  // namespace twister
