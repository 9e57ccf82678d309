#include "twister/loop_pool.hpp"

#include <exception>
#include <future>
#include <stdexcept>
#include <utility>

#include "loop_core.hpp"
#include "signal_drain.hpp"

namespace twister {

LoopPool::LoopPool(std::size_t threads, const IOLoopOptions& options) {
  if (threads == 0) throw std::invalid_argument("LoopPool: at least one thread is needed");
  for (std::size_t i = 0; i < threads; ++i) loops_.push_back(std::make_unique<IOLoop>(options));
}

LoopPool::~LoopPool() {
  stop();
}

void LoopPool::start(const Setup& setup) {
  if (std::exchange(started_, true)) throw std::logic_error("LoopPool: started twice");
  try {
    for (const auto& loop : loops_) {
      std::promise<void> ready;
      std::future<void> started = ready.get_future();
      threads_.emplace_back([this, &loop = *loop, &setup, ready = std::move(ready)]() mutable {
        std::shared_ptr<void> service;
        try {
          service = setup(loop);
        } catch (...) {
          ready.set_exception(std::current_exception());
          return;
        }
        ready.set_value();
        loop.run();
        service.reset();
        loop.run_until_idle();  // what it aborted ends on its own thread
        control_.add_callback([this] {
          if (--running_ == 0) control_.stop();
        });
      });
      started.get();
      ++running_;
    }
  } catch (...) {
    stop();
    throw;
  }
}

void LoopPool::run_until_signal(IOLoop::Callback waiting) {
  if (running_ == 0) return;
  std::vector<IOLoop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  const detail::SignalDrain signals(control_, loops);
  if (waiting) control_.add_callback(std::move(waiting));
  control_.run();
}

void LoopPool::stop() {
  for (const auto& loop : loops_) loop->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  control_.run_until_idle();  // the threads' last words
}

}  // namespace twister
