#include "loop_monitor.hpp"

#include <algorithm>

#include "loop_core.hpp"

namespace twister::detail {

void DurationHistogram::observe(Duration duration) noexcept {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto* const bound = std::lower_bound(bounds.begin(), bounds.end(), seconds);
  ++counts_[static_cast<std::size_t>(bound - bounds.begin())];
  sum_ += seconds;
}

LoopMonitor::LoopMonitor(LoopCore& loop, const Clock& clock)
    : loop_(loop), clock_(clock), began_(clock.now()), window_began_(began_) {
  arm(began_ + lag_interval);
}

void LoopMonitor::turn_ended() noexcept {
  const TimePoint now = clock_.now();
  const Duration took = now - began_;
  turns_.observe(took);
  if (now - window_began_ >= window) {
    // After a silence of more than a window nothing is left of the one before.
    longest_before_ = now - window_began_ < 2 * window ? longest_ : Duration::zero();
    longest_ = Duration::zero();
    window_began_ = now;
  }
  longest_ = std::max(longest_, took);
}

Duration LoopMonitor::longest_turn() const noexcept {
  return std::max(longest_, longest_before_);
}

void LoopMonitor::arm(TimePoint due) {
  loop_.call_at(due, [this, due] {
    const TimePoint now = clock_.now();
    lag_.observe(std::max(now - due, Duration::zero()));
    arm(now + lag_interval);
  });
}

}  // namespace twister::detail
