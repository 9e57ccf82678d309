// twister/io_loop.hpp - the event loop: one thread, its timers, its streams.
//
//   twister::IOLoop loop;
//   loop.call_later(1s, [] { puts("a second has passed"); });
//   loop.run();                 // until stop(); run_until_signal() also drains servers on SIGTERM
//
// Not for work that blocks: a callback that sleeps stops every connection of its loop.
// Asio's executor and coroutines over the same loop are in <twister/asio.hpp>.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <twister/clock.hpp>
#include <twister/transport.hpp>

namespace twister {

namespace detail {
class LoopCore;
}

// How a loop waits for its sockets. Both behave alike; the tests run over both.
enum class ReactorKind {
  epoll,       // the streams' own edge-triggered epoll set, watched by Asio: the fast one
  asio_waits,  // one Asio wait a socket: slower, and portable to wherever Asio is
};

struct IOLoopOptions {
  // Must outlive the loop.
  Clock* clock = &Clock::system();
  ReactorKind reactor = ReactorKind::epoll;
  // For so long after its last work run() looks for more, again and again, before it sleeps: what
  // comes in that time is served some microseconds earlier, because nobody has to wake the thread.
  // It takes the whole of a core while it looks; for loops that have one each, and for tens of
  // microseconds. Zero: it sleeps at once. Real time, whatever the clock.
  Duration busy_poll{};
};

// Names a timer so that it can be cancelled. Worth nothing once the timer has fired.
struct TimerId {
  TimePoint due{};
  std::uint64_t sequence = 0;  // 0: no timer
  explicit operator bool() const noexcept { return sequence != 0; }
  friend auto operator<=>(const TimerId&, const TimerId&) = default;
};

// An event loop.
//
// Ownership: owns the connections made on it; whatever is left when the loop is destroyed is
//   aborted, and every Protocol still gets its on_close.
// Threads: used on one thread, the one that runs it; add_callback() and stop() may be called from
//   any.
// Errors: an exception from a callback is logged and the loop goes on.
class IOLoop {
 public:
  using Callback = std::function<void()>;

  explicit IOLoop(IOLoopOptions options = {});
  explicit IOLoop(Clock& clock) : IOLoop(IOLoopOptions{.clock = &clock}) {}
  ~IOLoop();
  IOLoop(const IOLoop&) = delete;
  IOLoop& operator=(const IOLoop&) = delete;

  // Runs until stop(). Does not touch signals.
  void run();
  // Runs until stop(), or until SIGINT or SIGTERM: then every server on the loop drains (each
  // within its own drain_timeout) and the call returns. A second signal aborts what is left at
  // once.
  void run_until_signal();
  // Runs what is ready or due, and what that makes ready, without ever waiting; for tests, and for
  // programs that have a loop of their own. Inside on_data it would overwrite the bytes that were
  // handed over, which lie in the loop's receive buffer: copy them before.
  void run_until_idle();
  // Makes run() return after the current callback. Called before run(), run() returns at once.
  void stop();

  // The loop that is running on this thread, or null.
  static IOLoop* current() noexcept;

  // Runs `callback` soon, on the loop's thread, in the order of the calls of each thread.
  void add_callback(Callback callback);

  // Runs `callback` once, after `delay`. A negative delay is zero; one too long for the clock is
  // never.
  TimerId call_later(Duration delay, Callback callback);
  // Runs `callback` once, at `due` on now()'s clock. Timers fire in the order of their times, those
  // of one time in the order of the calls.
  TimerId call_at(TimePoint due, Callback callback);
  // After this the timer does not fire, even if it is due. False when it had fired or been
  // cancelled.
  bool cancel(TimerId timer);
  TimePoint now() const;
  // A number that changes whenever the loop has done all that it found ready, and looks again. What is called
  // back while it stays the same became ready about when the first of it did, and waited for the others.
  std::uint64_t round() const noexcept;
  // When the next timer is due; empty without one.
  std::optional<TimePoint> next_timer() const;

  // Watches a descriptor that is not twister's own. `interest` is any of readable and writable; the
  // handler is called again as long as the condition holds. Throws std::invalid_argument when `fd`
  // is watched already or a file, which is always ready; std::system_error when it cannot be. The descriptor stays the caller's, who
  // removes the handler before closing it.
  void add_handler(int fd, Readiness interest, std::function<void(Readiness)> handler);
  // Changes what is waited for; `none` suspends the handler.
  void update_handler(int fd, Readiness interest);
  // Unknown descriptors are ignored.
  void remove_handler(int fd);

  // Closes every server on this loop as a signal would: stop accepting, let each connection end,
  // abort what is left at the server's drain_timeout; then calls `done`.
  void drain(Callback done);

  // For the framework and <twister/asio.hpp>.
  detail::LoopCore& core() noexcept { return *core_; }

 private:
  std::unique_ptr<detail::LoopCore> core_;
};

// Calls a function every `interval`, without drift: the calls stay on the grid that start() laid,
// and ticks that could not be kept are skipped, not made up for.
//
// Threads: the loop's. Ownership: destroying it stops it, also inside its own callback.
class PeriodicCallback {
 public:
  // Throws std::invalid_argument unless `interval` is positive.
  PeriodicCallback(IOLoop& loop, Duration interval, IOLoop::Callback callback);
  ~PeriodicCallback();
  PeriodicCallback(const PeriodicCallback&) = delete;
  PeriodicCallback& operator=(const PeriodicCallback&) = delete;

  // The first call comes one interval from now. Started already: no effect.
  void start();
  void stop();
  bool running() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace twister
