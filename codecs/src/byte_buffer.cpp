#include "twister/codecs/byte_buffer.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>

namespace twister {

namespace {

constexpr std::size_t not_inside = std::numeric_limits<std::size_t>::max();

// Where `part` begins within `whole`. Unlike `<`, std::less orders pointers into different blocks.
std::size_t offset_within(ByteView whole, ByteView part) noexcept {
  const std::less<const std::byte*> before;
  if (part.empty() || before(part.data(), whole.data()) ||
      !before(part.data(), whole.data() + whole.size())) {
    return not_inside;
  }
  return static_cast<std::size_t>(part.data() - whole.data());
}

}  // namespace

// Making room moves the content, and with it a source that is a view into the content.
void ByteBuffer::append_growing(ByteView first, ByteView second) {
  const std::size_t first_at = offset_within(view(), first);
  const std::size_t second_at = offset_within(view(), second);
  if (second.size() > not_inside - first.size()) {
    throw std::length_error("ByteBuffer: too long");
  }
  make_room(first.size() + second.size());
  if (first_at != not_inside) {
    first = view().subspan(first_at, first.size());
  }
  if (second_at != not_inside) {
    second = view().subspan(second_at, second.size());
  }
  append_in_room(first, second);
}

// Called when the room behind the content is too small for `count` bytes.
//
// Both ways of moving the content are paid for: in place by the bytes consumed since the last move
// (at least as many as are moved), into a larger block by those that made the block too small.
void ByteBuffer::make_room(std::size_t count) {
  constexpr std::size_t largest = std::numeric_limits<std::size_t>::max() / 2;
  if (size() > largest || count > largest - size()) {
    throw std::length_error("ByteBuffer: too long");
  }
  const std::size_t needed = size() + count;
  const bool oversized = capacity_ > 16 * kept_capacity && needed <= capacity_ / 4;
  if (oversized) {
    move_to_new_block(std::max(2 * needed, kept_capacity));
  } else if (needed <= capacity_ && begin_ >= size()) {
    std::memmove(storage_.get(), data(), size());
    end_ = size();
    begin_ = 0;
  } else {
    move_to_new_block(std::max({needed, std::min(2 * capacity_, largest), kept_capacity}));
  }
}

void ByteBuffer::move_to_new_block(std::size_t capacity) {
  auto block = std::make_unique_for_overwrite<std::byte[]>(capacity);
  copy(block.get(), view());
  storage_ = std::move(block);
  end_ = size();
  begin_ = 0;
  capacity_ = capacity;
}

}  // namespace twister
