// src/stream_deadlines.cpp - by when something has to have happened on a stream.
//
// A stream has at most one timer, and only while something is due: one that is idle has none. What
// is no longer due is not cancelled: the timer finds nothing, and is set to what is due next. So a
// condition that comes and goes with every message costs no timer a message.
#include <stdexcept>
#include <string>

#include "loop_core.hpp"
#include "stream.hpp"
#include "stream_extras.hpp"

namespace twister::detail {

// The earliest of several times, and what they are for.
struct Stream::Deadline {
  TimePoint due = TimePoint::max();
  Errc what{};

  void consider(TimePoint other, Errc meaning) noexcept {
    if (other >= due) return;
    due = other;
    what = meaning;
  }
};

Stream::Deadline Stream::next_deadline() const {
  Deadline next;
  const Extras& more = *extras_;
  if (establishing_) {
    next.consider(more.open_by, Errc::handshake_timeout);
  } else if (state_ == State::open) {
    if (output_ != nullptr || transport_->unsent().bytes > 0) {
      next.consider(later(more.output_since, options_->write_timeout), Errc::write_timeout);
    }
    if (keeps_input_ && !paused_ && !held_ && !held_by_output()) {  // otherwise the delay is ours
      next.consider(later(more.message_since, options_->message_timeout), Errc::message_timeout);
    }
    if (watches_idle_ && !held_) {
      next.consider(later(more.active_at, idle_timeout()), Errc::idle_timeout);
    }
  } else if (state_ < State::dying) {
    next.consider(more.close_by, Errc::close_timeout);
    if (state_ == State::closing) {
      next.consider(later(more.output_since, options_->close_timeout), Errc::close_timeout);
    }
  }
  return next;
}

// Something is due anew.
void Stream::watch_deadlines() {
  const TimePoint due = next_deadline().due;
  TimerId& timer = extras().timer;
  if (due == TimePoint::max() || (timer && timer.due <= due)) return;
  if (timer) loop_.cancel(timer);
  timer = loop_.call_at(due, [this] { on_timer(); });
}

void Stream::on_timer() {
  extras_->timer = {};
  const Deadline next = next_deadline();
  if (next.due > loop_.now()) return watch_deadlines();
  overdue(next.what);
}

void Stream::overdue(Errc what) {
  if (state_ == State::lingering) {
    state_ = State::dying;  // as agreed: the peer has had all there was
    return loop_.schedule(*this);
  }
  switch (what) {
    case Errc::write_timeout:
    case Errc::close_timeout:
      return abort(
          {.code = what, .detail = std::to_string(unsent_bytes()) + " bytes were not taken"});
    case Errc::handshake_timeout:
      return fail({.code = what, .detail = {}});
    default:
      return close({.code = what, .detail = {}});
  }
}

// Output waits for the peer: since when, without a byte of it being taken?
void Stream::watch_output() {
  Extras& more = extras();
  // What a layer has taken has not left yet.
  const Transport::Unsent unsent = transport_->unsent();
  const std::uint64_t sent = unsent.bytes > 0 ? unsent.sent : sent_bytes_;
  if (state_ == State::closing && more.close_by == TimePoint::max()) {
    more.close_by = later(loop_.now(), options_->max_close_time);
    more.output_since = loop_.now();
  } else if (more.sent_then != sent || more.output_since == TimePoint()) {
    more.output_since = loop_.now();
  }
  more.sent_then = sent;
  if (!accounts_) {
    accounts_ = true;
    account();
  }
  watch_deadlines();
}

std::chrono::milliseconds Stream::idle_timeout() const noexcept {
  return extras_ != nullptr && extras_->idle_timeout ? *extras_->idle_timeout
                                                     : options_->idle_timeout;
}

std::chrono::milliseconds Stream::set_idle_timeout(std::chrono::milliseconds timeout) {
  if (timeout <= std::chrono::milliseconds::zero()) {
    throw std::invalid_argument("set_idle_timeout: has to be positive; twister::never is for none");
  }
  const std::chrono::milliseconds before = idle_timeout();
  Extras& more = extras();
  more.idle_timeout = timeout;
  more.active_at = loop_.now();
  more.moved_then = received_bytes_ + sent_bytes_;
  watches_idle_ = timeout != never;
  watch_deadlines();
  return before;
}

void Stream::note_activity() {
  Extras& more = extras();
  const std::uint64_t moved = received_bytes_ + sent_bytes_;
  if (moved == more.moved_then && more.active_at != TimePoint()) return;
  more.moved_then = moved;
  more.active_at = loop_.now();
  if (!more.timer) watch_deadlines();
}

void Stream::keeps_input(std::size_t bytes, bool anew) {
  if (bytes == 0) {
    keeps_input_ = false;
    return;
  }
  accounts_ = true;
  if (keeps_input_ && !anew) return;
  keeps_input_ = true;
  extras().message_since = loop_.now();
  watch_deadlines();
}

}  // namespace twister::detail
