// arena_ticks.hpp - the clock of the arena sample: so many calls a second, and how well they were kept.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/metrics.hpp>

// How late ticks began: as a metric, and for what there is to say at the end. Each bucket reaches a fifth
// further than the one before it, from 20 us to 1.1 s.
class Lateness {
 public:
  explicit Lateness(twister::MetricsRegistry& metrics)
      : metric_(metrics.histogram("arena_tick_lateness_seconds", "How late ticks began.",
                                  {bounds().begin(), bounds().end()})) {}

  void observe(double seconds) {
    metric_.observe(seconds);
    max_ = std::max(max_, seconds);
    ++total_;
    const auto bound = std::lower_bound(bounds().begin(), bounds().end(), seconds);
    ++counts_[static_cast<std::size_t>(bound - bounds().begin())];
  }

  // In seconds: `share` of all ticks were not later than that.
  double quantile(double share) const {
    auto rank = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    for (std::size_t i = 0; i < bounds().size(); rank -= counts_[i++]) {
      if (rank < counts_[i]) return std::min(bounds()[i], max_);
    }
    return max_;
  }
  double max() const noexcept { return max_; }

 private:
  static constexpr std::size_t count = 60;
  static const std::array<double, count>& bounds() {
    static const auto made = [] {
      std::array<double, count> values{};
      for (std::size_t i = 0; i < count; ++i)
        values[i] = 20e-6 * std::pow(1.2, static_cast<double>(i));
      return values;
    }();
    return made;
  }

  twister::Histogram metric_;
  std::array<std::uint64_t, count + 1> counts_{};
  std::uint64_t total_ = 0;
  double max_ = 0;
};

// Calls a function at times that are fixed beforehand, so that it does not drift. A tick that is late is
// run at once, and counted as an overrun from a quarter of the interval on: players may feel it. Ticks that
// were missed are left out and counted: a burst of them would only make the next one late.
//
// Ownership: outlives the loop, whose timer refers to it.
class Ticks {
 public:
  Ticks(twister::MetricsRegistry& metrics, twister::Duration interval, std::function<void()> tick)
      : interval_(interval),
        tick_(std::move(tick)),
        lateness_(metrics),
        run_(metrics.counter("arena_ticks_total", "Ticks that were run.")),
        overruns_(metrics.counter("arena_tick_overruns_total", "Ticks that began late.")),
        skipped_(metrics.counter("arena_ticks_skipped_total", "Ticks that were left out.")) {}

  // Goes on as long as the loop runs.
  void start(twister::IOLoop& loop) {
    loop_ = &loop;
    due_ = loop.now() + interval_;
    wait();
  }

  std::uint64_t run() const noexcept { return run_.value(); }
  std::uint64_t overruns() const noexcept { return overruns_.value(); }
  std::uint64_t skipped() const noexcept { return skipped_.value(); }
  const Lateness& lateness() const noexcept { return lateness_; }

 private:
  void wait() {
    loop_->call_at(due_, [this] { on_time(); });
  }

  void on_time() {
    const twister::Duration late = loop_->now() - due_;
    lateness_.observe(std::chrono::duration<double>(late).count());
    if (late >= interval_ / 4) overruns_.add();
    const auto missed = late / interval_;
    skipped_.add(static_cast<std::uint64_t>(missed));
    run_.add();
    due_ += (missed + 1) * interval_;
    wait();
    tick_();
  }

  twister::Duration interval_;
  std::function<void()> tick_;
  twister::IOLoop* loop_ = nullptr;
  twister::TimePoint due_{};
  Lateness lateness_;
  twister::Counter run_, overruns_, skipped_;
};
