// src/loop_monitor.hpp - how long a loop's turns take, and how late its timers are.
//
// Made only when somebody asks (LoopCore::enable_monitor): it reads the clock twice a turn and wakes
// an idle loop four times a second.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <twister/io_loop.hpp>

namespace twister::detail {

class LoopCore;

// How often a duration fell between two bounds. Plain numbers, of the loop's thread.
class DurationHistogram {
 public:
  // Seconds. The shortest is what a healthy turn takes at most, the longest what people notice.
  static constexpr std::array<double, 8> bounds{0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1};

  void observe(Duration duration) noexcept;
  // counts()[i] is of bounds[i], and not of a smaller one; the last is of what exceeds them all.
  std::span<const std::uint64_t> counts() const noexcept { return counts_; }
  double sum() const noexcept { return sum_; }

 private:
  std::array<std::uint64_t, bounds.size() + 1> counts_{};
  double sum_ = 0;
};

class LoopMonitor {
 public:
  LoopMonitor(LoopCore& loop, const Clock& clock);

  void turn_began() noexcept { began_ = clock_.now(); }
  void turn_ended() noexcept;

  const DurationHistogram& turns() const noexcept { return turns_; }
  const DurationHistogram& lag() const noexcept { return lag_; }
  // The longest turn of the last one to two minutes: a maximum since the start would only ever show
  // how the program started.
  Duration longest_turn() const noexcept;

 private:
  static constexpr Duration window = std::chrono::minutes(1);
  // Four wakings a second cost an idle loop about 0.01 % of a processor.
  static constexpr Duration lag_interval = std::chrono::milliseconds(250);

  void arm(TimePoint due);

  LoopCore& loop_;
  const Clock& clock_;
  TimePoint began_;
  TimePoint window_began_;
  Duration longest_{};         // in this window
  Duration longest_before_{};  // in the one before
  DurationHistogram turns_;
  DurationHistogram lag_;
};

}  // namespace twister::detail
