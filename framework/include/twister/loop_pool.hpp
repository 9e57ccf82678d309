// twister/loop_pool.hpp - many cores: one loop a thread, one server a loop.
//
//   twister::LoopPool pool(4);
//   pool.start([](twister::IOLoop& loop) {
//     auto server = std::make_shared<EchoServer>(loop, ":8888", with_reuse_port);
//     server->start();
//     return server;  // kept until the loop ends, destroyed on its thread
//   });
//   pool.run_until_signal();
//
// Not for work that blocks: these are event loops, not a thread pool for jobs.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <twister/io_loop.hpp>

namespace twister {

// A fixed number of loops, each on a thread of its own.
//
// Threads: the pool belongs to the thread that made it. A server made by `setup` lives on its
//   loop's thread alone, so its hooks never run on two.
// Ownership: the destructor stops the loops and joins the threads.
class LoopPool {
 public:
  // Makes what lives on one loop. The result is kept as long as the loop runs.
  using Setup = std::function<std::shared_ptr<void>(IOLoop&)>;

  // `options` are of each loop. Throws std::invalid_argument for no threads at all.
  explicit LoopPool(std::size_t threads, const IOLoopOptions& options = {});
  ~LoopPool();
  LoopPool(const LoopPool&) = delete;
  LoopPool& operator=(const LoopPool&) = delete;

  // Starts the threads, one after the other; each calls `setup` with its loop before it runs it.
  // Returns when all are running. If one throws, the others are stopped and the exception is thrown
  // here.
  // A pool is started once: std::logic_error the second time.
  void start(const Setup& setup);
  // Waits until SIGINT or SIGTERM and drains the servers of every loop, as
  // IOLoop::run_until_signal. Calls `waiting`, on this thread, once signals are heeded: the time to
  // tell others that the servers are there.
  void run_until_signal(IOLoop::Callback waiting = {});
  // Stops the loops and waits for their threads.
  void stop();

  std::size_t size() const noexcept { return loops_.size(); }
  IOLoop& loop(std::size_t index) { return *loops_.at(index); }

 private:
  IOLoop control_;  // on the owner's thread: waits for signals and for the last thread
  std::vector<std::unique_ptr<IOLoop>> loops_;
  std::vector<std::thread> threads_;
  std::size_t running_ = 0;
  bool started_ = false;
};

}  // namespace twister
