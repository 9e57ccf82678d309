// src/signal_drain.hpp - SIGINT and SIGTERM end a program gracefully, twice ends it at once.
#pragma once

#include <memory>
#include <span>

#include <twister/io_loop.hpp>

namespace twister::detail {

class LoopCore;

// While it lives, the first SIGINT or SIGTERM drains the servers of all `loops` and stops each loop
// when its own are done; the second one aborts their connections and stops them.
//
// Threads: made and destroyed on the thread of `host`, one of `loops`; the others may run on
//   theirs.
class SignalDrain {
 public:
  SignalDrain(LoopCore& host, std::span<IOLoop* const> loops);
  ~SignalDrain();
  SignalDrain(const SignalDrain&) = delete;
  SignalDrain& operator=(const SignalDrain&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace twister::detail
