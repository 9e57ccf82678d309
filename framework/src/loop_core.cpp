#include "loop_core.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include <twister/log.hpp>

#include "server_core.hpp"
#include "stream.hpp"

namespace twister::detail {
namespace {

thread_local IOLoop* running_loop = nullptr;
std::atomic<int> loops_alive = 0;

// Marks the loop as the running one of this thread; loops may be nested.
class Running {
 public:
  explicit Running(IOLoop& loop) noexcept
      : before_(std::exchange(running_loop, &loop)), running_(loop.core().activity().running) {
    running_.fetch_add(1, std::memory_order_relaxed);
  }
  ~Running() {
    running_.fetch_sub(1, std::memory_order_relaxed);
    running_loop = before_;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  IOLoop* before_;
  std::atomic<int>& running_;
};

void log_exception(std::string_view where) noexcept {
  try {
    throw;
  } catch (const std::exception& error) {
    log(LogLevel::error, "callback_threw", {{"callback", where}, {"what", error.what()}});
  } catch (...) {
    log(LogLevel::error, "callback_threw", {{"callback", where}, {"what", "not an exception"}});
  }
}

}  // namespace

bool RemoteLoop::post(IOLoop::Callback callback) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return false;
  loop_->add_callback(std::move(callback));
  return true;
}

void RemoteLoop::detach() noexcept {
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
}

struct LoopCore::Handler {
  Handler(asio::io_context& io, int fd, std::function<void(Readiness)> call)
      : descriptor(io, fd), callback(std::move(call)) {}
  ~Handler() { descriptor.release(); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

  asio::posix::stream_descriptor descriptor;
  std::function<void(Readiness)> callback;
  Readiness interest = Readiness::none;
  Readiness waiting = Readiness::none;
};

LoopCore::LoopCore(IOLoop& owner, const IOLoopOptions& options)
    : owner_(owner),
      clock_(*options.clock),
      busy_poll_(options.busy_poll),
      io_(1),
      work_(io_.get_executor()),
      receive_buffer_(std::make_unique_for_overwrite<std::byte[]>(receive_buffer_bytes)),
      alarm_(io_),
      reactor_(make_reactor(options.reactor, *this)) {
  clock_.attach(owner_);
  ++loops_alive;
}

LoopCore::~LoopCore() {
  --loops_alive;
  clock_.detach(owner_);
  remote_->detach();
  // From here on nothing is served later: every stream ends now.
  ending_ = true;
  while (streams_ != nullptr) {
    if (streams_->too_late_) {  // a callback of the end would begin again, without end
      streams_->discard();
      continue;
    }
    CloseReason reason{.code = Errc::loop_stopped, .detail = {}};
    // A reset, unless the peer has had its FIN: what was cut off shall not look like an end.
    if (streams_->state_ < Stream::State::lingering) {
      streams_->abort(std::move(reason));
    } else {
      streams_->fail(std::move(reason));
    }
    streams_->finish();
  }
  // Callbacks that are never called may own what uses the loop to its own end (a PeriodicCallback, a
  // server): they go while the loop is whole, and each is taken out before it is destroyed.
  io_.shutdown();
  while (!timers_.empty()) timers_.extract(timers_.begin());
  while (!handlers_.empty()) handlers_.extract(handlers_.begin());
  lifetime_.reset();
}

IOLoop* LoopCore::current() noexcept {
  return running_loop;
}

int LoopCore::alive() noexcept {
  return loops_alive;
}

void LoopCore::run() {
  const Running running(owner_);
  activity_.ended.store(false, std::memory_order_relaxed);
  for (;;) {
    try {
      if (busy_poll_ > Duration::zero()) {
        run_busily();
      } else {
        io_.run();
      }
      break;
    } catch (...) {
      log_exception("asio");
    }
  }
  io_.restart();
  activity_.ended.store(true, std::memory_order_relaxed);
}

void LoopCore::run_busily() {
  using Real = std::chrono::steady_clock;
  while (!io_.stopped()) {
    for (auto idle_since = Real::now(); !io_.stopped() && Real::now() - idle_since < busy_poll_;) {
      if (io_.poll() > 0) idle_since = Real::now();
    }
    io_.run_one();
  }
}

void LoopCore::run_until_idle() {
  const Running running(owner_);
  for (;;) {
    std::size_t ran = 0;
    try {
      ran = io_.poll();
    } catch (...) {
      log_exception("asio");
      continue;
    }
    const bool due = !timers_.empty() && timers_.begin()->first.due <= now();
    if (due) fire_due_timers();
    if (io_.stopped() || (ran == 0 && !due)) break;
  }
  if (io_.stopped()) io_.restart();
}

void LoopCore::call(const IOLoop::Callback& callback, const char* what) noexcept {
  const Turn turn(*this);
  const Doing doing(activity_, what);
  ++callbacks_;
  try {
    callback();
  } catch (...) {
    log_exception("loop");
  }
}

void LoopCore::enable_monitor() {
  if (monitor_ != nullptr) return;
  monitor_ = std::make_unique<LoopMonitor>(*this, clock_);
  if (depth_ > 0) monitor_->turn_began();
}

void LoopCore::add_callback(IOLoop::Callback callback) {
  asio::post(io_, [this, callback = std::move(callback)] { call(callback); });
}

// ---- timers ----

TimerId LoopCore::call_later(Duration delay, IOLoop::Callback callback) {
  const TimePoint from = now();
  const Duration wait = std::max(delay, Duration::zero());
  return call_at(wait > TimePoint::max() - from ? TimePoint::max() : from + wait,
                 std::move(callback));
}

TimerId LoopCore::call_at(TimePoint due, IOLoop::Callback callback) {
  const TimerId id{due, ++last_timer_};
  timers_.emplace(id, std::move(callback));
  arm_alarm();
  return id;
}

bool LoopCore::cancel(TimerId timer) {
  return timers_.erase(timer) > 0;
}

void LoopCore::fire_due_timers() {
  const TimePoint until = now();
  const std::uint64_t last = last_timer_;  // timers made meanwhile wait for the next round
  for (;;) {
    auto next = timers_.begin();
    while (next != timers_.end() && next->first.due <= until && next->first.sequence > last) ++next;
    if (next == timers_.end() || next->first.due > until) break;
    const auto node = timers_.extract(next);
    call(node.mapped(), "timer");
  }
}

void LoopCore::arm_alarm() {
  // A deadline of the clock's maximum is never.
  if (!clock_.real() || timers_.empty()) return;
  const TimePoint earliest = timers_.begin()->first.due;
  if (earliest >= alarm_at_) return;
  alarm_at_ = earliest;
  alarm_.expires_at(earliest);
  alarm_.async_wait([this](asio::error_code error) {
    if (error) return;  // replaced by an earlier one
    alarm_at_ = TimePoint::max();
    fire_due_timers();
    arm_alarm();
  });
}

// ---- foreign descriptors ----

void LoopCore::add_handler(int fd, Readiness interest, std::function<void(Readiness)> handler) {
  if (handlers_.contains(fd)) {
    throw std::invalid_argument("descriptor " + std::to_string(fd) + " has a handler already");
  }
  struct stat file {};
  if (::fstat(fd, &file) == 0 && (S_ISREG(file.st_mode) || S_ISDIR(file.st_mode))) {
    throw std::invalid_argument("descriptor " + std::to_string(fd) +
                                " is a file, which is always ready: read it at once");
  }
  handlers_.emplace(fd, std::make_shared<Handler>(io_, fd, std::move(handler)));
  update_handler(fd, interest);
}

void LoopCore::update_handler(int fd, Readiness interest) {
  const auto found = handlers_.find(fd);
  if (found == handlers_.end()) {
    throw std::invalid_argument("descriptor " + std::to_string(fd) + " has no handler");
  }
  const std::shared_ptr<Handler> handler = found->second;
  handler->interest = interest;
  wait_for_handler(handler, Readiness::readable);
  wait_for_handler(handler, Readiness::writable);
}

void LoopCore::remove_handler(int fd) {
  const auto found = handlers_.find(fd);
  if (found == handlers_.end()) return;
  // Its waits, and a callback that is running, hold it a little longer.
  found->second->interest = Readiness::none;
  found->second->descriptor.release();
  handlers_.erase(found);
}

void LoopCore::wait_for_handler(const std::shared_ptr<Handler>& handler, Readiness direction) {
  if (!has(handler->interest, direction) || has(handler->waiting, direction)) return;
  handler->waiting = handler->waiting | direction;
  const auto kind = direction == Readiness::readable ? asio::posix::stream_descriptor::wait_read
                                                     : asio::posix::stream_descriptor::wait_write;
  handler->descriptor.async_wait(kind, [this, handler, direction](asio::error_code error) {
    handler->waiting = static_cast<Readiness>(static_cast<unsigned>(handler->waiting) &
                                              ~static_cast<unsigned>(direction));
    if (error == asio::error::operation_aborted || !has(handler->interest, direction)) return;
    if (error) handler->interest = Readiness::none;  // not a descriptor that can be waited for
    call([&] { handler->callback(error ? Readiness::failed : direction); }, "handler");
    wait_for_handler(handler, direction);
  });
}

// ---- streams ----

void LoopCore::schedule(Stream& stream) {
  if (stream.queued_ || ending_) return;
  stream.queued_ = true;
  stream.next_pending_ = nullptr;
  if (pending_head_ == nullptr) {
    pending_head_ = &stream;
  } else {
    pending_tail_->next_pending_ = &stream;
  }
  pending_tail_ = &stream;
  if (depth_ == 0) post_pending();
}

void LoopCore::serve_pending() {
  ++depth_;
  const Doing doing(activity_, "on_data");
  Stream* next = std::exchange(pending_head_, nullptr);
  while (next != nullptr) {
    Stream& stream = *next;
    next = stream.next_pending_;
    stream.queued_ = false;
    activity_.note(&stream);
    stream.serve();  // may delete it
  }
  --depth_;
  // What this round made ready waits for the next, so that the loop's other work gets its turn.
  if (pending_head_ != nullptr) post_pending();
}

void LoopCore::post_pending() {
  if (std::exchange(pending_posted_, true)) return;
  asio::post(io_, [this] {
    pending_posted_ = false;
    const Turn turn(*this);
  });
}

void LoopCore::link(Stream& stream) noexcept {
  stream.previous_ = nullptr;
  stream.next_ = streams_;
  if (streams_ != nullptr) streams_->previous_ = &stream;
  streams_ = &stream;
  ++stream_count_;
}

void LoopCore::unlink(Stream& stream) noexcept {
  (stream.previous_ != nullptr ? stream.previous_->next_ : streams_) = stream.next_;
  if (stream.next_ != nullptr) stream.next_->previous_ = stream.previous_;
  --stream_count_;
}

void LoopCore::for_each_stream(const std::function<void(Stream&)>& visit, std::size_t most) {
  for (Stream *stream = streams_, *next = nullptr; stream != nullptr && most > 0; stream = next) {
    --most;
    next = stream->next_;
    visit(*stream);
  }
}

// ---- servers ----

void LoopCore::drain(IOLoop::Callback done) {
  // Each server counts down, and so does this function, so that `done` never runs inside it.
  auto left = std::make_shared<std::size_t>(servers_.size() + 1);
  const auto finished = [left, done = std::move(done)] {
    if (--*left == 0) done();
  };
  // Held: a server's hook may destroy that server, or another.
  std::vector<std::shared_ptr<ServerCore>> servers;
  for (ServerCore* server : servers_) servers.push_back(server->shared_from_this());
  for (const auto& server : servers) server->drain(finished, std::nullopt);
  add_callback(finished);
}

void LoopCore::abort_servers() {
  for (ServerCore* server : servers_) server->abort_connections(Errc::server_draining);
}

}  // namespace twister::detail
