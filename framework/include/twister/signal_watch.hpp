// twister/signal_watch.hpp - a signal as an event of a loop.
//
//   twister::SignalWatch reload(loop, SIGHUP, [&] { tls.reload(); });
//
// Not for SIGINT and SIGTERM: IOLoop::run_until_signal() heeds them.
#pragma once

#include <functional>
#include <memory>

#include <twister/io_loop.hpp>

namespace twister {

// While it lives, the signal does not do what it would (SIGHUP would end the process) but calls the
// function, from the loop. Several watches of one signal, on several loops too, are all called. After
// the last one the signal does again what it did before the first.
//
// Ownership: goes before its loop. Threads: the loop's.
// Errors: std::system_error for a signal that cannot be caught.
class SignalWatch {
 public:
  SignalWatch(IOLoop& loop, int signal, IOLoop::Callback callback);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace twister
