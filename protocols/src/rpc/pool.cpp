#include "twister/rpc/detail/pool.hpp"

#include <array>
#include <cstdint>
#include <new>

namespace twister::detail {

namespace {

constexpr std::size_t step_bytes = 64;
constexpr std::size_t steps = 16;
constexpr std::uint32_t max_kept = 256;

struct Block {
  Block* next;
};

struct List {
  Block* first = nullptr;
  std::uint32_t count = 0;
};

// Calls may end while a thread's objects are destroyed: from then on the allocator is used.
struct Lists {
  std::array<List, steps> lists;
  bool open = true;
  ~Lists() {
    open = false;
    for (List& list : lists) {
      while (list.first != nullptr) {
        Block* const block = list.first;
        list.first = block->next;
        ::operator delete(block);
      }
    }
  }
};

thread_local Lists pool;

}  // namespace

void* pool_allocate(std::size_t bytes) {
  const std::size_t step = (bytes + step_bytes - 1) / step_bytes;
  if (step == 0 || step > steps) return ::operator new(bytes);
  List& list = pool.lists[step - 1];
  if (list.first == nullptr || !pool.open) return ::operator new(step* step_bytes);
  Block* const block = list.first;
  list.first = block->next;
  --list.count;
  return block;
}

void pool_free(void* block, std::size_t bytes) noexcept {
  const std::size_t step = (bytes + step_bytes - 1) / step_bytes;
  if (step == 0 || step > steps || !pool.open || pool.lists[step - 1].count == max_kept) {
    ::operator delete(block);
    return;
  }
  List& list = pool.lists[step - 1];
  list.first = new (block) Block{list.first};
  ++list.count;
}

}  // namespace twister::detail
