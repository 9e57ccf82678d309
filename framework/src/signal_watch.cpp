#include "twister/signal_watch.hpp"

#include <utility>

#include "asio_parts.hpp"
#include "loop_core.hpp"

namespace twister {

struct SignalWatch::State : std::enable_shared_from_this<State> {
  State(detail::LoopCore& core, int signal, IOLoop::Callback function)
      : loop(core), signals(core.io(), signal), callback(std::move(function)) {}

  void wait() {
    signals.async_wait([self = shared_from_this()](asio::error_code error, int) {
      if (error || !self->watching) return;
      self->wait();
      self->loop.call(self->callback);
    });
  }

  detail::LoopCore& loop;
  asio::signal_set signals;
  IOLoop::Callback callback;
  bool watching = true;
};

SignalWatch::SignalWatch(IOLoop& loop, int signal, IOLoop::Callback callback)
    : state_(std::make_shared<State>(loop.core(), signal, std::move(callback))) {
  state_->wait();
}

SignalWatch::~SignalWatch() {
  state_->watching = false;
  asio::error_code ignored;
  state_->signals.clear(ignored);
  state_->signals.cancel(ignored);
}

}  // namespace twister
