// What a connection has written and the kernel has not taken: in order, and bounded.
#include "output_queue.hpp"

#include <array>
#include <deque>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace twister::testing {
namespace {

using detail::OutputQueue;

// What the next gathered send would take.
std::string bytes_of(const OutputQueue& queue) {
  std::array<ByteView, 16> pieces;
  const std::size_t count = queue.gather(pieces);
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += as_text(pieces[i]);
  return bytes;
}

TEST(Output, IsWhatWasAppendedAndNotConsumedHoweverItIsMixed) {
  std::mt19937 random(1);
  OutputQueue queue;
  std::string model;
  for (int step = 0; step < 20'000; ++step) {
    const std::string piece(random() % 1500, static_cast<char>('a' + step % 26));
    switch (random() % 4) {
      case 0:
        queue.append(as_bytes(piece));
        model += piece;
        break;
      case 1:
        queue.append(SharedBytes(piece));
        model += piece;
        break;
      default: {
        const std::size_t taken = queue.size() == 0 ? 0 : random() % (queue.size() + 1);
        queue.consume(taken);
        model.erase(0, taken);
      }
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.front().empty(), model.empty());
    ASSERT_EQ(bytes_of(queue), model.substr(0, bytes_of(queue).size()));
  }
}

TEST(Output, DropsTheOldestAndKeepsTheRestInOrder) {
  std::mt19937 random(2);
  OutputQueue queue;
  std::deque<std::pair<std::string, bool>> model;  // and whether it may be dropped
  for (int step = 0; step < 20'000; ++step) {
    const std::string piece(1 + random() % 40, static_cast<char>('a' + step % 26));
    const bool droppable = random() % 3 != 0;
    if (droppable) {
      queue.append_droppable(SharedBytes(piece));
    } else {
      queue.append(as_bytes(piece));
    }
    model.emplace_back(piece, droppable);
    if (random() % 3 != 0) continue;
    std::string before;
    auto oldest = model.begin();
    for (; oldest != model.end() && !oldest->second; ++oldest) before += oldest->first;
    const std::size_t dropped = queue.drop_oldest(1, [&](std::size_t offset, std::size_t size) {
      EXPECT_EQ(offset, before.size());
      EXPECT_EQ(size, oldest->first.size());
    });
    EXPECT_EQ(dropped, oldest == model.end() ? 0U : 1U);
    if (oldest != model.end()) model.erase(oldest);
    if (step % 50 == 0) {  // the first leaves, and what is behind it
      const std::size_t size = model.empty() ? 0 : model.front().first.size();
      if (size > 0) queue.consume(size);
      if (size > 0) model.pop_front();
    }
  }
  std::string rest;
  for (const auto& [piece, droppable] : model) rest += piece;
  std::string left;
  while (queue.size() > 0) {
    const std::string some = bytes_of(queue);
    left += some;
    queue.consume(some.size());
  }
  EXPECT_EQ(left, rest);
}

// A peer that takes a byte of the first message now and then, while all the others are dropped.
TEST(Output, KeepsNothingOfWhatItHasDropped) {
  OutputQueue queue;
  queue.append_droppable(SharedBytes(std::string(100, 'f')));
  queue.consume(1);
  for (int i = 0; i < 100'000; ++i) {
    queue.append_droppable(SharedBytes(std::string(100, 'x')));
    queue.drop_oldest(1);
  }
  EXPECT_EQ(queue.size(), 99U);
  EXPECT_LT(queue.capacity(), 100'000U);
}

TEST(Output, SmallPiecesCountWithWhatTheirEntriesNeed) {
  OutputQueue queue;
  for (int i = 0; i < 1000; ++i)
    queue.append_droppable(SharedBytes(std::string("16 bytes of text")));
  EXPECT_GE(queue.held_bytes(), 1000 * (16 + sizeof(SharedBytes)));
  queue.clear();
  EXPECT_EQ(queue.held_bytes(), 0U);
  queue.release_memory();
  EXPECT_EQ(queue.capacity(), 0U);
}

}  // namespace
}  // namespace twister::testing
