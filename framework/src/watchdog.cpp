#include "twister/watchdog.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <twister/log.hpp>

#include "loop_core.hpp"
#include "stream.hpp"

namespace twister {
namespace detail {
namespace {

constexpr unsigned looks_a_limit = 4;

// Longer is never, and can be added to a time without overflow.
constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365 * 10);

std::string milliseconds_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// What the watchdog knows of one loop; the loop answers here.
class WatchedLoop : public std::enable_shared_from_this<WatchedLoop> {
 public:
  WatchedLoop(LoopCore& core, std::size_t index, const WatchdogOptions& options)
      : core_(core), index_(std::to_string(index)), options_(options) {}

  // True when this look found a stall.
  bool look() {
    std::optional<Stall> over;
    std::optional<Stall> found;
    bool ask = false;
    {
      const std::lock_guard lock(mutex_);
      const LoopActivity& activity = core_.activity();
      const std::uint64_t turns = activity.turns.load(std::memory_order_relaxed);
      const bool running = activity.running.load(std::memory_order_relaxed) > 0;
      if (!running || !asked_ || turns != turns_) {
        over = std::exchange(stall_, std::nullopt);
        turns_ = turns;
        still_ = 0;
        since_ = options_.clock->now();
        ask = running && !asked_;
        asked_ = asked_ || ask;
      } else if (++still_ == looks_a_limit) {
        found = {.callback = activity.callback.load(std::memory_order_relaxed),
                 .stream = activity.stream.load(std::memory_order_relaxed),
                 .since = since_};
        stall_ = found;
      }
    }
    // Outside the lock: the log's sink is the user's.
    if (over) log_end(*over, "");
    if (found) log_stall(*found);
    if (ask) core_.add_callback([self = shared_from_this()] { self->answer(); });
    return found.has_value();
  }

 private:
  struct Stall {
    const char* callback = nullptr;
    const TransportEvents* stream = nullptr;  // only to be compared
    TimePoint since;
  };

  // On the loop's thread.
  void answer() {
    std::optional<Stall> over;
    {
      const std::lock_guard lock(mutex_);
      asked_ = false;
      over = std::exchange(stall_, std::nullopt);
    }
    if (over) log_end(*over, peer_of(*over));
  }

  std::string peer_of(const Stall& stall) {
    std::string peer;
    if (stall.stream == nullptr || stall.callback == LoopActivity::between_turns) return peer;
    core_.for_each_stream([&](const Stream& stream) {
      if (&stream == stall.stream) peer = stream.transport().peer_address().to_string();
    });
    return peer;
  }

  void log_stall(const Stall& stall) {
    log(LogLevel::error, "loop_stalled",
        {{"loop", index_},
         {"callback", stall.callback},
         {"milliseconds", milliseconds_text(options_.clock->now() - stall.since)}});
  }

  void log_end(const Stall& stall, const std::string& peer) {
    log(LogLevel::warning, "loop_stall_ended",
        {{"loop", index_},
         {"callback", stall.callback},
         {"milliseconds", milliseconds_text(options_.clock->now() - stall.since)},
         {"peer", peer}});
  }

  LoopCore& core_;
  const std::string index_;
  const WatchdogOptions options_;
  std::mutex mutex_;
  bool asked_ = false;  // a callback is on its way
  std::uint64_t turns_ = 0;
  unsigned still_ = 0;  // looks in a row that found the loop where it was
  TimePoint since_;     // the first of them
  std::optional<Stall> stall_;
};

}  // namespace
}  // namespace detail

struct Watchdog::Impl {
  WatchdogOptions options;
  std::vector<std::shared_ptr<detail::WatchedLoop>> loops;
  std::atomic<std::size_t> stalls{0};
  std::mutex mutex;
  std::condition_variable woken;
  bool stopping = false;
  std::thread thread;

  void check() {
    for (const auto& loop : loops)
      if (loop->look()) stalls.fetch_add(1, std::memory_order_relaxed);
  }

  void run() {
    const auto interval = std::min(options.limit, detail::longest) / detail::looks_a_limit;
    std::unique_lock lock(mutex);
    while (!woken.wait_for(lock, interval, [this] { return stopping; })) {
      lock.unlock();
      check();
      lock.lock();
    }
  }
};

Watchdog::Watchdog(std::vector<IOLoop*> loops, WatchdogOptions options)
    : impl_(std::make_unique<Impl>()) {
  if (options.limit < std::chrono::milliseconds(detail::looks_a_limit))
    throw std::invalid_argument("Watchdog: the limit must be 4 ms or more");
  impl_->options = options;
  for (IOLoop* loop : loops) {
    impl_->loops.push_back(
        std::make_shared<detail::WatchedLoop>(loop->core(), impl_->loops.size(), options));
  }
}

Watchdog::~Watchdog() {
  stop();
}

void Watchdog::start() {
  if (impl_->thread.joinable()) return;
  impl_->stopping = false;
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void Watchdog::stop() {
  if (!impl_->thread.joinable()) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->woken.notify_all();
  impl_->thread.join();
}

void Watchdog::check() {
  impl_->check();
}
std::size_t Watchdog::stalls() const noexcept {
  return impl_->stalls.load(std::memory_order_relaxed);
}

}  // namespace twister
