// src/signal_drain.hpp - SIGINT and SIGTERM end a program gracefully, twice ends it at once.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include <twister/io_loop.hpp>
#include <twister/signal_watch.hpp>

namespace twister::detail {

// While it lives, the first SIGINT or SIGTERM drains the servers of all `loops` and stops each loop
// when its own are done; the second one aborts their connections and stops them.
//
// Ownership: what it has asked of the loops and they have not done yet is void when it is gone: it
//   would stop their next run.
// Threads: made and destroyed on the thread of `host`, which may be one of `loops`; the others may run
//   on theirs.
class SignalDrain {
 public:
  SignalDrain(IOLoop& host, std::span<IOLoop* const> loops);

 private:
  void on_signal(int signal);

  std::vector<IOLoop*> loops_;
  bool draining_ = false;
  std::shared_ptr<void> alive_ = std::make_shared<char>();
  SignalWatch interrupt_;
  SignalWatch terminate_;
};

}  // namespace twister::detail
