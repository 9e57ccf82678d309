// twister/memory_budget.hpp - what all connections together may keep in memory.
//
//   twister::MemoryBudget budget(512 * 1024 * 1024);
//   options.stream.memory_budget = &budget;  // of as many servers as share it
//
// Not needed for the default: one budget for the process, of half the memory that it may use.
#pragma once

#include <atomic>
#include <cstddef>

namespace twister {

// A limit to the output that peers have not taken and the input that is not yet a whole message.
// Memory of the kernel, and of the user's own objects, is not counted.
//
// Above 90 % of it, connections that keep more than 64 KiB are not read from. When it is used up, new
// connections are refused, and of those that keep more than 64 KiB each that wants more is aborted
// (Errc::memory_limit). It is counted at the end of a turn, so it may be passed by what the
// connections of one turn have written.
//
// Ownership: outlives the connections that use it. Threads: any.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t bytes) noexcept : limit_(bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // The default one: half of the smallest of the machine's memory, the control group's limit, and
  // the process's own (RLIMIT_AS), as they were when it was first asked for.
  static MemoryBudget& of_process();

  std::size_t limit_bytes() const noexcept { return limit_; }
  std::size_t used_bytes() const noexcept { return used_.load(std::memory_order_relaxed); }
  bool is_short() const noexcept { return used_bytes() > limit_ - limit_ / 10; }
  bool is_used_up() const noexcept { return used_bytes() >= limit_; }

  // For who keeps memory: it was this much, and is that much now.
  void change(std::size_t before, std::size_t after) noexcept {
    used_.fetch_add(after - before, std::memory_order_relaxed);  // wraps, as it should
  }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace twister
