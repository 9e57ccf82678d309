#include "twister/io_loop.hpp"

#include <array>
#include <stdexcept>
#include <utility>

#include <twister/loop_lifetime.hpp>

#include "loop_core.hpp"
#include "signal_drain.hpp"

namespace twister {

IOLoop::IOLoop(IOLoopOptions options) : core_(std::make_unique<detail::LoopCore>(*this, options)) {}

IOLoop::~IOLoop() = default;

void IOLoop::run() {
  core_->run();
}

void IOLoop::run_until_signal() {
  const std::array<IOLoop*, 1> loops{this};
  const detail::SignalDrain signals(*this, loops);
  core_->run();
}

void IOLoop::run_until_idle() {
  core_->run_until_idle();
}
void IOLoop::stop() {
  core_->stop();
}
IOLoop* IOLoop::current() noexcept {
  return detail::LoopCore::current();
}

void IOLoop::add_callback(Callback callback) {
  core_->add_callback(std::move(callback));
}

TimerId IOLoop::call_later(Duration delay, Callback callback) {
  return core_->call_later(delay, std::move(callback));
}

TimerId IOLoop::call_at(TimePoint due, Callback callback) {
  return core_->call_at(due, std::move(callback));
}

bool IOLoop::cancel(TimerId timer) {
  return core_->cancel(timer);
}
TimePoint IOLoop::now() const {
  return core_->now();
}
std::uint64_t IOLoop::round() const noexcept {
  return core_->round();
}
std::optional<TimePoint> IOLoop::next_timer() const {
  return core_->next_timer();
}

void IOLoop::add_handler(int fd, Readiness interest, std::function<void(Readiness)> handler) {
  core_->add_handler(fd, interest, std::move(handler));
}

void IOLoop::update_handler(int fd, Readiness interest) {
  core_->update_handler(fd, interest);
}
void IOLoop::remove_handler(int fd) {
  core_->remove_handler(fd);
}
void IOLoop::drain(Callback done) {
  core_->drain(std::move(done));
}

std::weak_ptr<void> loop_lifetime(IOLoop& loop) noexcept {
  return loop.core().lifetime();
}

// ---- PeriodicCallback ----

struct PeriodicCallback::State {
  IOLoop& loop;
  Duration interval;
  IOLoop::Callback callback;
  TimePoint next{};
  TimerId timer{};
  std::weak_ptr<void> lifetime = loop.core().lifetime();

  static void arm(const std::shared_ptr<State>& state) {
    state->timer = state->loop.call_at(state->next, [state] { tick(state); });
  }

  static void tick(const std::shared_ptr<State>& state) {
    const TimePoint now = state->loop.now();
    // The next point of the grid that is still to come.
    state->next += state->interval * ((now - state->next) / state->interval + 1);
    arm(state);  // before the call, which may throw, stop or restart
    state->callback();
  }
};

PeriodicCallback::PeriodicCallback(IOLoop& loop, Duration interval, IOLoop::Callback callback)
    : state_(std::make_shared<State>(State{loop, interval, std::move(callback)})) {
  if (interval <= Duration::zero()) {
    throw std::invalid_argument("PeriodicCallback: the interval must be positive");
  }
}

PeriodicCallback::~PeriodicCallback() {
  stop();
}

void PeriodicCallback::start() {
  if (running()) return;
  const TimePoint now = state_->loop.now();
  // An interval too long for the clock is never, as a delay is.
  const bool too_long = state_->interval > TimePoint::max() - now;
  state_->next = too_long ? TimePoint::max() : now + state_->interval;
  State::arm(state_);
}

void PeriodicCallback::stop() {
  const TimerId timer = std::exchange(state_->timer, {});
  if (timer && !state_->lifetime.expired()) state_->loop.cancel(timer);
}

bool PeriodicCallback::running() const noexcept {
  return static_cast<bool>(state_->timer);
}

}  // namespace twister
