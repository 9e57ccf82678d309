#include "signal_drain.hpp"

#include <array>
#include <csignal>
#include <mutex>
#include <string>
#include <vector>

#include <twister/fork_processes.hpp>
#include <twister/log.hpp>

#include "asio_parts.hpp"
#include "loop_core.hpp"

namespace twister::detail {
namespace {

// What the signals did before the first drain of the process: Asio would leave them at their default.
class FormerActions {
 public:
  void save() {
    for (std::size_t i = 0; i < handled.size(); ++i) ::sigaction(handled[i], nullptr, &actions_[i]);
  }
  void restore() {
    for (std::size_t i = 0; i < handled.size(); ++i) ::sigaction(handled[i], &actions_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 2> handled{SIGINT, SIGTERM};
  std::array<struct sigaction, 2> actions_{};
};

// Loops of several threads may wait for signals at once.
std::mutex drains_mutex;
int drains = 0;
FormerActions former;

}  // namespace

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
    // A child of fork_processes is often told twice, by its parent and by the terminal or service
    // manager that signals every process. Whoever means a second signal tells the parent, who kills.
    if (!first && task_id()) return;
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

SignalDrain::SignalDrain(LoopCore& host, std::span<IOLoop* const> loops) {
  const std::lock_guard lock(drains_mutex);
  if (drains == 0) former.save();
  state_ = std::make_shared<State>(host, loops);
  ++drains;
  state_->wait();
}

SignalDrain::~SignalDrain() {
  const std::lock_guard lock(drains_mutex);
  asio::error_code ignored;
  state_->signals.cancel(ignored);
  state_->signals.clear(ignored);
  if (--drains == 0) former.restore();
}

}  // namespace twister::detail
