#include "twister/codecs/byte_buffer.hpp"

#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::text_of;

ByteBuffer buffer_of(std::string_view text) {
  ByteBuffer buffer;
  buffer.append(text);
  return buffer;
}

TEST(ByteView, LooksAtTextAsBytesAndBack) {
  EXPECT_EQ(as_bytes("ab").size(), 2u);
  EXPECT_EQ(as_bytes("ab")[1], std::byte{'b'});
  EXPECT_EQ(as_text(as_bytes("ab")), "ab");
  EXPECT_EQ(as_text(ByteView()), "");
}

TEST(ByteBuffer, HoldsNoMemoryBeforeTheFirstByte) {
  const ByteBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 0u);
  EXPECT_EQ(buffer.view().size(), 0u);
  EXPECT_LE(sizeof buffer, 32u);
}

TEST(ByteBuffer, GivesBackInOrderWhatWasAppended) {
  ByteBuffer buffer = buffer_of("hello ");
  buffer.append(as_bytes("wor"), as_bytes("ld"));
  buffer.push_back(std::byte{'!'});
  EXPECT_EQ(text_of(buffer), "hello world!");
  buffer.consume(6);
  EXPECT_EQ(text_of(buffer), "world!");
  EXPECT_EQ(buffer.size(), 6u);
}

TEST(ByteBuffer, AppendsNothing) {
  ByteBuffer buffer;
  buffer.append(ByteView());
  buffer.append("");
  buffer.consume(0);
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(ByteBuffer, TakesPreparedBytesAsContentOnCommit) {
  ByteBuffer buffer = buffer_of("a");
  const std::span<std::byte> room = buffer.prepare(4);
  ASSERT_EQ(room.size(), 4u);
  EXPECT_EQ(text_of(buffer), "a");
  std::memcpy(room.data(), "bcde", 4);
  buffer.commit(2);
  EXPECT_EQ(text_of(buffer), "abc");
}

TEST(ByteBuffer, TruncatesFromTheBack) {
  ByteBuffer buffer = buffer_of("abcdef");
  buffer.consume(1);
  buffer.truncate(2);
  EXPECT_EQ(text_of(buffer), "bc");
  buffer.truncate(0);
  EXPECT_TRUE(buffer.empty());
}

TEST(ByteBuffer, AppendsAViewOfItselfWhenItHasToGrow) {
  ByteBuffer buffer = buffer_of("0123456789");
  std::string model = "0123456789";
  for (int i = 0; i < 10; ++i) {
    buffer.append(buffer.view());
    model += model;
  }
  EXPECT_EQ(text_of(buffer), model);
}

TEST(ByteBuffer, AppendsAViewOfItselfWhenItMovesItsContentToTheFront) {
  ByteBuffer buffer = buffer_of(std::string(ByteBuffer::kept_capacity - 4, '-'));
  buffer.append("abcd");
  ASSERT_EQ(buffer.capacity(), ByteBuffer::kept_capacity);
  buffer.consume(ByteBuffer::kept_capacity - 4);
  buffer.append(buffer.view().subspan(1), buffer.view().first(2));
  EXPECT_EQ(buffer.capacity(), ByteBuffer::kept_capacity);
  EXPECT_EQ(text_of(buffer), "abcdbcdab");
}

TEST(ByteBuffer, ReservesExactlyWhatIsAskedFor) {
  ByteBuffer buffer = buffer_of("abc");
  buffer.reserve(100'000);
  EXPECT_EQ(buffer.capacity(), 100'000u);
  const std::byte* const before = buffer.data();
  buffer.append(std::string(99'997, 'x'));
  EXPECT_EQ(buffer.data(), before);
}

TEST(ByteBuffer, GivesALargeBlockBackWhenItEmpties) {
  ByteBuffer buffer = buffer_of(std::string(100'000, 'x'));
  buffer.consume(99'999);
  EXPECT_GE(buffer.capacity(), 100'000u);
  buffer.consume(1);
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(ByteBuffer, KeepsASmallBlockWhenItEmpties) {
  ByteBuffer buffer = buffer_of("abc");
  buffer.consume(3);
  EXPECT_EQ(buffer.capacity(), 256u);
}

TEST(ByteBuffer, ShrinksThoughItNeverQuiteEmpties) {
  ByteBuffer buffer = buffer_of(std::string(1'000'000, 'x'));
  for (int i = 0; i < 300'000; ++i) {
    buffer.append("0123456789");
    buffer.consume(buffer.size() - 5);
  }
  EXPECT_LE(buffer.capacity(), 4096u);
  EXPECT_EQ(text_of(buffer), "56789");
}

TEST(ByteBuffer, DoesNotGrowWhileWhatItHoldsIsBounded) {
  ByteBuffer buffer;
  for (int i = 0; i < 300'000; ++i) {
    buffer.append(std::string_view("0123456789"));
    buffer.consume(buffer.size() > 100 ? 20 : 0);
  }
  EXPECT_LE(buffer.capacity(), 1024u);
}

TEST(ByteBuffer, ClearsKeepingItsMemoryAndReleasesGivingItBack) {
  ByteBuffer buffer = buffer_of(std::string(5'000, 'x'));
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_GE(buffer.capacity(), 5'000u);
  buffer.append("a");
  buffer.release();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(ByteBuffer, LeavesAnEmptyBufferWhereItWasMovedFrom) {
  ByteBuffer from = buffer_of("abc");
  ByteBuffer to(std::move(from));
  EXPECT_EQ(text_of(to), "abc");
  EXPECT_EQ(from.capacity(), 0u);  // NOLINT(bugprone-use-after-move): that is the question
  from = std::move(to);
  EXPECT_EQ(text_of(from), "abc");
}

TEST(ByteBuffer, RefusesASizeThatNoMemoryHolds) {
  ByteBuffer buffer = buffer_of("abc");
  EXPECT_THROW(buffer.prepare(std::numeric_limits<std::size_t>::max()), std::length_error);
  EXPECT_THROW(buffer.prepare(std::numeric_limits<std::size_t>::max() / 2), std::length_error);
  EXPECT_EQ(text_of(buffer), "abc");
}

TEST(ByteBufferDeathTest, AbortsOnACallersBug) {
  ByteBuffer buffer = buffer_of("abc");
  EXPECT_DEATH(buffer.consume(4), "twister: ByteBuffer::consume: more than there is");
  EXPECT_DEATH(buffer.truncate(4), "twister: ByteBuffer::truncate: more than there is");
  EXPECT_DEATH(buffer.commit(100'000), "twister: ByteBuffer::commit: more than was prepared");
}

// One step of the comparison with std::string: the operation and its size are drawn at random.
void take_a_step(ByteBuffer& buffer, std::string& model, std::mt19937& random) {
  const std::size_t size = random() % (random() % 8 == 0 ? 3000 : 40);
  const std::size_t part = model.empty() ? 0 : random() % (model.size() + 1);
  const std::string fresh(size, static_cast<char>('a' + random() % 26));
  switch (random() % 8) {
    case 0:
      buffer.append(fresh), model += fresh;
      break;
    case 1:
      buffer.append(as_bytes(fresh), as_bytes("|")), model += fresh + "|";
      break;
    case 2:
      buffer.append(buffer.view().first(part / 4)), model += model.substr(0, part / 4);
      break;
    case 3:
      buffer.push_back(std::byte{'.'}), model += '.';
      break;
    case 4:
      buffer.truncate(model.size() - part / 4), model.erase(model.size() - part / 4);
      break;
    case 5:
      std::fill_n(buffer.prepare(size + 1).data(), size, std::byte{'p'});
      buffer.commit(size), model.append(size, 'p');
      break;
    default:
      buffer.consume(part), model.erase(0, part);
      break;
  }
}

TEST(ByteBuffer, DoesWhatAStringDoes) {
  std::mt19937 random(20240607);  // fixed, so that a failure can be repeated
  ByteBuffer buffer;
  std::string model;
  for (int step = 0; step < 100'000; ++step) {
    take_a_step(buffer, model, random);
    ASSERT_EQ(as_text(buffer.view()), model) << "after step " << step;
    ASSERT_LE(buffer.size(), buffer.capacity());
  }
}

}  // namespace
}  // namespace twister
