// src/loop_core.hpp - what is behind an IOLoop.
//
// Asio runs the loop. On top of it: the streams' reactor, a timer queue that can be moved by hand,
// the buffers that all streams of the loop share, and the list of streams that have something left
// to do.
//
// The turn. Whatever the loop calls runs inside a Turn. Streams that were written to, closed or
// held up during it put themselves on the pending list; when the outermost Turn ends, each is
// served once: one send for all it wrote, its closing, its deletion. So nothing is called back, and
// no stream dies, inside a call that a user made.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <twister/io_loop.hpp>

#include "asio_parts.hpp"
#include "loop_activity.hpp"
#include "loop_monitor.hpp"
#include "output_queue.hpp"
#include "reactor.hpp"
#include "stream_shared.hpp"

namespace twister::detail {

class LoopCore;
class ServerCore;
class Stream;

// A loop, for threads that may outlive it.
class RemoteLoop {
 public:
  explicit RemoteLoop(LoopCore& loop) noexcept : loop_(&loop) {}
  // Runs `callback` on the loop. False once the loop is being destroyed: it is destroyed here, then.
  bool post(IOLoop::Callback callback);
  void detach() noexcept;

 private:
  std::mutex mutex_;
  LoopCore* loop_;
};

class LoopCore {
 public:
  class Turn {
   public:
    explicit Turn(LoopCore& loop) noexcept : loop_(loop) {
      if (loop_.depth_++ > 0) return;
      if (!loop_.round_goes_on_) ++loop_.round_;
      if (loop_.monitor_ != nullptr) [[unlikely]]
        loop_.monitor_->turn_began();
    }
    ~Turn() {
      if (--loop_.depth_ == 0) loop_.end_turn();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    LoopCore& loop_;
  };

  LoopCore(IOLoop& owner, const IOLoopOptions& options);
  ~LoopCore();

  IOLoop& owner() noexcept { return owner_; }
  asio::io_context& io() noexcept { return io_; }
  Reactor& reactor() noexcept { return *reactor_; }
  static IOLoop* current() noexcept;
  // How many loops this process has.
  static int alive() noexcept;
  // Expires when the loop is destroyed.
  std::weak_ptr<void> lifetime() const noexcept { return lifetime_; }
  std::shared_ptr<RemoteLoop> remote() const noexcept { return remote_; }

  void run();
  void run_until_idle();
  void stop() { io_.stop(); }

  // ---- for those who watch the loop ----

  LoopActivity& activity() noexcept { return activity_; }
  // Measures turns and lag from now on: two readings of the clock a turn, four timers a second.
  void enable_monitor();
  // Null until it was enabled.
  LoopMonitor* monitor() noexcept { return monitor_.get(); }
  std::uint64_t callbacks() const noexcept { return callbacks_; }
  std::uint64_t round() const noexcept { return round_; }
  // A reactor has found more than it takes at once, and goes on as soon as others had their turn.
  void set_round_goes_on(bool on) noexcept { round_goes_on_ = on; }
  std::size_t pending_timers() const noexcept { return timers_.size(); }

  void add_callback(IOLoop::Callback callback);
  TimerId call_later(Duration delay, IOLoop::Callback callback);
  TimerId call_at(TimePoint due, IOLoop::Callback callback);
  bool cancel(TimerId timer);
  TimePoint now() const { return clock_.now(); }
  std::optional<TimePoint> next_timer() const {
    return timers_.empty() ? std::nullopt : std::optional(timers_.begin()->first.due);
  }

  void add_handler(int fd, Readiness interest, std::function<void(Readiness)> handler);
  void update_handler(int fd, Readiness interest);
  void remove_handler(int fd);

  // Runs a user's function in a Turn; an exception is logged.
  void call(const IOLoop::Callback& callback, const char* what = "callback") noexcept;

  // ---- for streams ----

  // The receive buffer that all streams of this loop share.
  std::span<std::byte> receive_buffer() noexcept {
    return {receive_buffer_.get(), receive_buffer_bytes};
  }
  // It is being destroyed: what begins now ends at once.
  bool ending() const noexcept { return ending_; }
  std::unique_ptr<OutputQueue> acquire_output() { return output_pool_.acquire(); }
  void release_output(std::unique_ptr<OutputQueue> queue) {
    output_pool_.release(std::move(queue));
  }
  // Serves the stream when the current turn ends, or soon if there is none. Once, however often
  // called.
  void schedule(Stream& stream);
  void link(Stream& stream) noexcept;
  void unlink(Stream& stream) noexcept;
  std::size_t stream_count() const noexcept { return stream_count_; }
  // The streams of this loop, for walks that do not destroy any; the newest first.
  void for_each_stream(const std::function<void(Stream&)>& visit, std::size_t most = unlimited);

  // ---- for servers ----

  const std::vector<ServerCore*>& servers() const noexcept { return servers_; }
  void add_server(ServerCore& server) { servers_.push_back(&server); }
  void remove_server(ServerCore& server) noexcept { std::erase(servers_, &server); }
  void drain(IOLoop::Callback done);
  void abort_servers();

 private:
  struct Handler;
  // With the means to destroy what is queued while all the rest still exists.
  struct Io : asio::io_context {
    using asio::io_context::io_context;
    using asio::io_context::shutdown;
  };

  void end_turn() {
    if (pending_head_ != nullptr) serve_pending();
    activity_.count_turn();
    if (monitor_ != nullptr) [[unlikely]]
      monitor_->turn_ended();
  }
  void run_busily();
  void serve_pending();
  void post_pending();
  void fire_due_timers();
  void arm_alarm();
  void wait_for_handler(const std::shared_ptr<Handler>& handler, Readiness direction);

  IOLoop& owner_;
  Clock& clock_;
  const Duration busy_poll_;
  std::shared_ptr<void> lifetime_ = std::make_shared<char>();
  std::shared_ptr<RemoteLoop> remote_ = std::make_shared<RemoteLoop>(*this);
  Io io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;

  LoopActivity activity_;
  int depth_ = 0;
  std::uint64_t round_ = 0;
  bool round_goes_on_ = false;
  bool pending_posted_ = false;
  bool ending_ = false;  // being destroyed: nothing is served later
  Stream* pending_head_ = nullptr;
  Stream* pending_tail_ = nullptr;
  Stream* streams_ = nullptr;
  std::size_t stream_count_ = 0;
  std::uint64_t callbacks_ = 0;
  std::unique_ptr<std::byte[]> receive_buffer_;
  OutputPool output_pool_;

  std::map<TimerId, IOLoop::Callback> timers_;
  std::uint64_t last_timer_ = 0;
  asio::steady_timer alarm_;
  TimePoint alarm_at_ = TimePoint::max();

  std::unordered_map<int, std::shared_ptr<Handler>> handlers_;
  std::vector<ServerCore*> servers_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<LoopMonitor> monitor_;
};

}  // namespace twister::detail
