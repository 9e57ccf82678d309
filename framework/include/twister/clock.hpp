// twister/clock.hpp - where a loop gets its time from.
//
// Programs never need this: a loop uses the system's steady clock. Tests hand a
// testing::ManualClock to the loop and move time by hand.
#pragma once

#include <chrono>

namespace twister {

using Duration = std::chrono::steady_clock::duration;
using TimePoint = std::chrono::steady_clock::time_point;

class IOLoop;

// Milliseconds in the loop's unit; what is too long for it is the longest there is, and never over.
constexpr Duration saturated(std::chrono::milliseconds time) noexcept {
  using std::chrono::milliseconds;
  return time >= std::chrono::duration_cast<milliseconds>(Duration::max()) ? Duration::max()
                                                                           : Duration(time);
}

// `from` plus a time; what is too long for the clock is its end.
constexpr TimePoint later(TimePoint from, std::chrono::milliseconds time) noexcept {
  const Duration wait = saturated(time);
  return wait > TimePoint::max() - from ? TimePoint::max() : from + wait;
}

// A source of monotonic time. A clock that is not `real()` is moved by somebody, who then calls
// IOLoop::run_until_idle() to fire what has become due.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const noexcept = 0;
  // True when time passes by itself, so that a loop may sleep until a timer is due.
  virtual bool real() const noexcept = 0;

  // A loop that goes by this clock was made, or is about to be destroyed.
  virtual void attach(IOLoop&) {}
  virtual void detach(IOLoop&) noexcept {}

  // The system's steady clock.
  static Clock& system() noexcept;
};

}  // namespace twister
