// src/stream_limits.cpp - how fast a stream may receive, and how much it may keep.
#include <string>
#include <utility>

#include "loop_core.hpp"
#include "stream.hpp"
#include "stream_extras.hpp"
#include "token_bucket.hpp"

namespace twister::detail {
namespace {

// A connection that keeps less is not worth stopping when memory runs short.
constexpr std::size_t small_bytes = 64 * 1024;

// How often it is asked whether memory is still short.
constexpr auto short_of_memory_pause = std::chrono::milliseconds(100);

}  // namespace

Stream::Rates& Stream::rates() {
  Extras& more = extras();
  if (more.rates == nullptr) {
    more.rates = std::make_unique<Rates>();
    const TimePoint now = loop_.now();
    if (options_->bytes_rate) more.rates->bytes.emplace(*options_->bytes_rate, now);
    if (options_->message_rate) more.rates->messages.emplace(*options_->message_rate, now);
  }
  return *more.rates;
}

void Stream::count_received(std::size_t bytes) {
  if (auto& bucket = rates().bytes) {
    slow_down(bucket->take(bytes, loop_.now()), *options_->bytes_rate, "bytes_rate");
  }
}

void Stream::count_message() {
  if (auto& bucket = rates().messages) {
    slow_down(bucket->take(1, loop_.now()), *options_->message_rate, "message_rate");
  }
}

void Stream::slow_down(Duration wait, const RateLimit& limit, const char* name) {
  if (wait == Duration::zero() || state_ != State::open) return;
  if (limit.when_exceeded == RateExceeded::close) {
    return close({.code = Errc::rate_limit,
                  .detail = std::string(name) + " of " + std::to_string(limit.per_second) +
                            " a second was exceeded"});
  }
  hold(wait);
}

// Nothing is read for this time.
void Stream::hold(Duration wait) {
  Extras& more = extras();
  const TimePoint until = loop_.now() + wait;
  if (held_ && more.hold_timer.due >= until) return;
  held_ = true;
  loop_.cancel(more.hold_timer);
  more.hold_timer = loop_.call_at(until, [this] { end_hold(); });
}

void Stream::end_hold() {
  extras_->hold_timer = {};
  if (short_of_memory()) return hold(short_of_memory_pause);
  held_ = false;
  resumed_ = true;
  if (watches_idle_) {  // it was not for the peer to move bytes
    extras_->active_at = loop_.now();
    watch_deadlines();
  }
  loop_.schedule(*this);
}

// This connection is one of those that wait until there is more.
bool Stream::short_of_memory() const noexcept {
  return extras_->budget != nullptr && extras_->accounted_bytes > small_bytes &&
         extras_->budget->is_short() && state_ == State::open;
}

// What the connection keeps is counted in the budget of all.
void Stream::account() {
  Extras& more = extras();
  if (more.budget == nullptr) {
    more.budget =
        options_->memory_budget != nullptr ? options_->memory_budget : &MemoryBudget::of_process();
  }
  const std::size_t kept = unsent_bytes() + kept_bytes();
  const std::size_t before = std::exchange(more.accounted_bytes, kept);
  more.budget->change(before, kept);
  if (kept == 0) accounts_ = false;
  if (!short_of_memory()) return;
  if (kept > before && more.budget->is_used_up()) {
    return abort({.code = Errc::memory_limit,
                  .detail = "this connection keeps " + std::to_string(kept) +
                            " bytes, all of them " + std::to_string(more.budget->used_bytes()) +
                            " of " + std::to_string(more.budget->limit_bytes())});
  }
  hold(short_of_memory_pause);
}

void Stream::end_accounts() noexcept {
  if (extras_ == nullptr || extras_->budget == nullptr) return;
  extras_->budget->change(std::exchange(extras_->accounted_bytes, 0), 0);
  accounts_ = false;
}

}  // namespace twister::detail
