// twister/testing/manual_clock.hpp - time that a test moves by hand.
//
//   twister::testing::ManualClock clock;
//   twister::IOLoop loop(clock);
//   loop.call_later(10s, [&] { rang = true; });
//   clock.advance(10s);  // rang is true, and no second has passed
#pragma once

#include <vector>

#include <twister/clock.hpp>

namespace twister::testing {

// A clock that stands still until it is advanced.
//
// Ownership: outlives the loops that use it. Threads: one, that of the loops.
class ManualClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return now_; }
  bool real() const noexcept override { return false; }

  // Runs the loops until they are idle, then moves time on, stopping at every timer on the way.
  void advance(Duration by);

 private:
  void run_loops();
  void attach(IOLoop& loop) override { loops_.push_back(&loop); }
  void detach(IOLoop& loop) noexcept override { std::erase(loops_, &loop); }

  // Not zero: code that takes "now minus something" meets no negative times.
  TimePoint now_{std::chrono::hours(1)};
  std::vector<IOLoop*> loops_;
};

}  // namespace twister::testing
