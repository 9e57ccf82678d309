#include "twister/testing/manual_clock.hpp"

#include <algorithm>

#include <twister/io_loop.hpp>

namespace twister::testing {

void ManualClock::run_loops() {
  // A copy: a callback may make or destroy a loop.
  for (IOLoop* loop : std::vector<IOLoop*>(loops_)) {
    if (std::find(loops_.begin(), loops_.end(), loop) != loops_.end()) loop->run_until_idle();
  }
}

void ManualClock::advance(Duration by) {
  const TimePoint target = now_ + by;
  run_loops();  // what is ready happens before time moves
  for (;;) {
    TimePoint next = target;
    for (const IOLoop* loop : loops_) {
      if (const auto due = loop->next_timer()) next = std::min(next, std::max(*due, now_));
    }
    now_ = next;
    run_loops();
    const bool more = std::any_of(loops_.begin(), loops_.end(), [&](const IOLoop* loop) {
      const auto due = loop->next_timer();
      return due && *due <= target;
    });
    if (now_ == target && !more) return;
  }
}

}  // namespace twister::testing
