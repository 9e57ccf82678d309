// twister/rpc/detail/stream_memory.hpp - what all streams of one connection keep.
#pragma once

#include <cstddef>

#include <twister/memory_budget.hpp>

namespace twister::detail {

// Counts messages that were received and not taken, and messages that were sent without credit: they have a
// limit together, and count for the budget of all connections.
//
// Ownership: shared by the connection and its streams, some of which live longer. Threads: the loop's.
class RpcStreamMemory {
 public:
  RpcStreamMemory(MemoryBudget& budget, std::size_t limit) noexcept
      : budget_(&budget), limit_(limit) {}
  RpcStreamMemory(const RpcStreamMemory&) = delete;
  RpcStreamMemory& operator=(const RpcStreamMemory&) = delete;

  bool has_room(std::size_t bytes) const noexcept {
    return used_ <= limit_ && bytes <= limit_ - used_ &&
           (budget_ == nullptr || !budget_->is_used_up());
  }
  void change(std::size_t before, std::size_t after) noexcept {
    used_ += after - before;  // wraps, as it should
    if (budget_ != nullptr) budget_->change(before, after);
  }
  // The connection is gone, and the budget may be: what is still kept is the user's.
  void leave_budget() noexcept {
    if (budget_ != nullptr) budget_->change(used_, 0);
    budget_ = nullptr;
  }

 private:
  MemoryBudget* budget_;
  const std::size_t limit_;
  std::size_t used_ = 0;
};

}  // namespace twister::detail
