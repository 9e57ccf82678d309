#include "twister/signal_watch.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <system_error>
#include <utility>

#include "asio_parts.hpp"
#include "loop_core.hpp"

namespace twister {
namespace {

// What a signal did before the first watch of the process: Asio would leave it at its default, and a
// program that nohup has started would die of the next SIGHUP.
struct FormerAction {
  int watches = 0;
  struct sigaction action {};
};

// Loops of several threads may watch at once. Held while Asio changes actions, too.
std::mutex actions_mutex;
std::array<FormerAction, NSIG> former_actions;

}  // namespace

struct SignalWatch::State : std::enable_shared_from_this<State> {
  State(detail::LoopCore& core, int number, IOLoop::Callback function)
      : loop(core), signal(number), signals(core.io()), callback(std::move(function)) {
    const std::lock_guard lock(actions_mutex);
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) != 0)
      throw std::system_error(errno, std::generic_category(), "SignalWatch");
    signals.add(signal);
    FormerAction& former = former_actions[static_cast<std::size_t>(signal)];
    if (former.watches++ == 0) former.action = before;
  }
  ~State() { end(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void wait() {
    signals.async_wait([self = shared_from_this()](asio::error_code error, int) {
      // Asio cannot call back what it has queued already.
      if (error || !self->watching) return;
      self->wait();
      self->loop.call(self->callback);
    });
  }

  void end() {
    if (!std::exchange(watching, false)) return;
    const std::lock_guard lock(actions_mutex);
    asio::error_code ignored;
    signals.clear(ignored);
    signals.cancel(ignored);
    FormerAction& former = former_actions[static_cast<std::size_t>(signal)];
    if (--former.watches > 0) return;
    // Anything but the default is the work of somebody who wants the signal now.
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_DFL)
      ::sigaction(signal, &former.action, nullptr);
  }

  detail::LoopCore& loop;
  const int signal;
  asio::signal_set signals;
  IOLoop::Callback callback;
  bool watching = true;
};

SignalWatch::SignalWatch(IOLoop& loop, int signal, IOLoop::Callback callback)
    : state_(std::make_shared<State>(loop.core(), signal, std::move(callback))) {
  state_->wait();
}

SignalWatch::~SignalWatch() {
  state_->end();
}

}  // namespace twister
