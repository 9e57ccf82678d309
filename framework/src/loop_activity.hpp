// src/loop_activity.hpp - what a loop is doing, for another thread to read.
#pragma once

#include <atomic>
#include <cstdint>

#include <twister/transport.hpp>

namespace twister::detail {

// Written by the loop's thread alone with plain stores, read by a Watchdog. On the way of a message
// there is one store, the stream's address; the rest is written once a batch of events, and around
// callbacks other than on_data.
struct LoopActivity {
  // Where Asio's own handlers run: users' timers, sockets and coroutines.
  static constexpr const char* between_turns = "asio";

  // Turns that have ended.
  std::atomic<std::uint64_t> turns{0};
  // The callback that runs: a string literal.
  std::atomic<const char*> callback{between_turns};
  // The connection it runs for, or null. Only to be compared: the stream may be gone.
  std::atomic<const TransportEvents*> stream{nullptr};
  // How many of run() and run_until_idle() are active; nested calls count.
  std::atomic<int> running{0};
  // run() came to its end, and was not called again.
  std::atomic<bool> ended{false};

  void begin(const char* name) noexcept { callback.store(name, std::memory_order_relaxed); }
  void note(const TransportEvents* events) noexcept {
    stream.store(events, std::memory_order_relaxed);
  }
  void count_turn() noexcept {
    turns.store(turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

// Says for its lifetime what the loop is doing.
class Doing {
 public:
  Doing(LoopActivity& activity, const char* callback,
        const TransportEvents* stream = nullptr) noexcept
      : activity_(activity),
        callback_(activity.callback.load(std::memory_order_relaxed)),
        stream_(activity.stream.load(std::memory_order_relaxed)) {
    activity_.callback.store(callback, std::memory_order_relaxed);
    activity_.note(stream);
  }
  ~Doing() {
    activity_.callback.store(callback_, std::memory_order_relaxed);
    activity_.note(stream_);
  }
  Doing(const Doing&) = delete;
  Doing& operator=(const Doing&) = delete;

 private:
  LoopActivity& activity_;
  const char* callback_;
  const TransportEvents* stream_;
};

}  // namespace twister::detail
