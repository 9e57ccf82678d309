#include "signal_drain.hpp"

#include <csignal>
#include <string>
#include <vector>

#include <twister/log.hpp>

#include "asio_parts.hpp"
#include "loop_core.hpp"

namespace twister::detail {

struct SignalDrain::State : std::enable_shared_from_this<State> {
  State(LoopCore& host, std::span<IOLoop* const> all)
      : signals(host.io(), SIGINT, SIGTERM), loops(all.begin(), all.end()) {}

  void wait() {
    signals.async_wait([self = shared_from_this()](asio::error_code error, int signal) {
      if (error) return;
      self->on_signal(signal);
      self->wait();
    });
  }

  void on_signal(int signal) {
    const bool first = !draining;
    draining = true;
    log(LogLevel::info, first ? "draining" : "aborting", {{"signal", std::to_string(signal)}});
    for (IOLoop* loop : loops) {
      loop->add_callback([loop, first] {
        if (first) {
          loop->drain([loop] { loop->stop(); });
        } else {
          loop->core().abort_servers();
          // Behind the aborts, so that every on_close is still called.
          loop->add_callback([loop] { loop->stop(); });
        }
      });
    }
  }

  asio::signal_set signals;
  std::vector<IOLoop*> loops;
  bool draining = false;
};

SignalDrain::SignalDrain(LoopCore& host, std::span<IOLoop* const> loops)
    : state_(std::make_shared<State>(host, loops)) {
  state_->wait();
}

SignalDrain::~SignalDrain() {
  asio::error_code ignored;
  state_->signals.cancel(ignored);
  state_->signals.clear(ignored);  // the signals do again what they did before
}

}  // namespace twister::detail
