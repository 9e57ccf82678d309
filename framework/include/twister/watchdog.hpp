// twister/watchdog.hpp - says which callback blocks a loop.
//
//   twister::Watchdog watchdog({&loop});
//   watchdog.start();
//   loop.run();
//
//   level=error event=loop_stalled loop=0 callback=on_data milliseconds=1000
//   level=warning event=loop_stall_ended loop=0 callback=on_data milliseconds=2250 peer=10.0.0.7:51022
//
// Not a profiler: a callback that is slow, but within the limit, is not noticed. AdminServer's
// twister_loop_turn_seconds shows those.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include <twister/clock.hpp>

namespace twister {

class IOLoop;

struct WatchdogOptions {
  // A loop that gets nowhere for so long is stalled. A second: players notice, and no callback that
  // was meant to be short takes it.
  std::chrono::milliseconds limit = std::chrono::seconds(1);
  // Of the durations in the log.
  const Clock* clock = &Clock::system();
};

// Watches loops from a thread of its own.
//
// It posts an empty callback to each loop four times within the limit. A loop that has not come to
// it, nor to the end of a turn, in four looks running, is stalled: that is logged once, with the name
// of the callback ("asio" for a handler of Asio's own, such as a coroutine's timer), and once more
// when it is over, with the peer if the connection is still there. As of any event of the log, a
// second line within a second is counted and not written.
//
// Ownership: the loops outlive it. Threads: any, one at a time.
// Timing: looks are counted, not seconds, so that a process that was stopped and continued has no
//   stall; durations are exact to a quarter of the limit.
class Watchdog {
 public:
  // Throws std::invalid_argument for a limit below 4 ms.
  explicit Watchdog(std::vector<IOLoop*> loops, WatchdogOptions options = {});
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Starts the thread. Started already: no effect.
  void start();
  void stop();

  // One look, as the thread has four within the limit: for tests, and for programs that have a
  // thread to do it. Not while the thread runs.
  void check();
  // Stalls so far. Any thread.
  std::size_t stalls() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace twister
