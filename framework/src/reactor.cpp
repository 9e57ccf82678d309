#include "reactor.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <system_error>

#include "asio_parts.hpp"
#include "loop_core.hpp"

namespace twister::detail {
namespace {

Readiness readiness_of(std::uint32_t events) noexcept {
  Readiness readiness = Readiness::none;
  if ((events & EPOLLIN) != 0) readiness = readiness | Readiness::readable;
  if ((events & EPOLLOUT) != 0) readiness = readiness | Readiness::writable;
  // At an urgent mark a receive ends early, as it does before a FIN.
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLPRI)) != 0) readiness = readiness | Readiness::hangup;
  if ((events & EPOLLERR) != 0) readiness = readiness | Readiness::failed;
  return readiness;
}

class EpollReactor final : public Reactor {
 public:
  explicit EpollReactor(LoopCore& loop) : loop_(loop), set_(loop.io()) {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    set_.assign(fd);
    wait();
  }

  std::unique_ptr<Watch> add(int fd, TransportEvents& events) override {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
    event.data.ptr = &events;
    if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
    return nullptr;
  }

  void remove(int fd, const TransportEvents* events) noexcept override {
    ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
    if (events == nullptr) return;
    for (epoll_event& event : waiting_) {
      if (event.data.ptr == events) event.data.ptr = nullptr;
    }
  }

 private:
  // 256 events a batch: 64 to 512 made no difference that could be measured.
  static constexpr std::size_t batch_size = 256;

  void wait() {
    set_.async_wait(asio::posix::stream_descriptor::wait_read, [this](asio::error_code error) {
      if (!error) poll_again();
    });
  }

  void poll_again() {
    const bool more = poll();
    loop_.set_round_goes_on(more);
    if (more) {
      asio::post(loop_.io(), [this] { poll_again(); });
    } else {
      wait();
    }
  }

  // True when there may be more.
  bool poll() {
    const LoopCore::Turn turn(loop_);
    loop_.activity().begin("on_data");
    const int count =
        ::epoll_wait(set_.native_handle(), batch_.data(), static_cast<int>(batch_.size()), 0);
    waiting_ = std::span(batch_).first(count > 0 ? static_cast<std::size_t>(count) : 0);
    while (!waiting_.empty()) {
      const epoll_event event = waiting_.front();
      waiting_ = waiting_.subspan(1);
      auto* const events = static_cast<TransportEvents*>(event.data.ptr);
      if (events == nullptr) continue;  // removed since
      loop_.activity().note(events);
      events->on_ready(readiness_of(event.events));
    }
    loop_.activity().begin(LoopActivity::between_turns);
    return count == static_cast<int>(batch_.size());
  }

  LoopCore& loop_;
  asio::posix::stream_descriptor set_;
  std::array<epoll_event, batch_size> batch_;
  std::span<epoll_event> waiting_;  // of the batch, not yet told
};

// One socket under AsioReactor. Completions hold the shared half, so that a removed watch is
// silent.
class AsioWatch final : public Watch {
 public:
  AsioWatch(LoopCore& loop, int fd, TransportEvents& events)
      : shared_(std::make_shared<Shared>(loop, fd, events)) {
    arm(asio::posix::stream_descriptor::wait_read, Readiness::readable);
    arm(asio::posix::stream_descriptor::wait_write, Readiness::writable);
    arm(asio::posix::stream_descriptor::wait_error, Readiness::failed);
  }

  ~AsioWatch() override {
    shared_->events = nullptr;
    shared_->descriptor.release();  // the descriptor is the transport's; this cancels the waits
  }

  void want_readable() override {
    arm(asio::posix::stream_descriptor::wait_read, Readiness::readable);
  }
  void want_writable() override {
    arm(asio::posix::stream_descriptor::wait_write, Readiness::writable);
  }

 private:
  struct Shared {
    Shared(LoopCore& owner, int fd, TransportEvents& target)
        : loop(owner), descriptor(owner.io(), fd), events(&target) {}
    LoopCore& loop;
    asio::posix::stream_descriptor descriptor;
    TransportEvents* events;
    Readiness armed = Readiness::none;
  };

  void arm(asio::posix::stream_descriptor::wait_type kind, Readiness readiness) {
    if (has(shared_->armed, readiness)) return;
    shared_->armed = shared_->armed | readiness;
    shared_->descriptor.async_wait(kind, [shared = shared_, readiness](asio::error_code error) {
      if (error || shared->events == nullptr) return;
      shared->armed = static_cast<Readiness>(static_cast<unsigned>(shared->armed) &
                                             ~static_cast<unsigned>(readiness));
      const LoopCore::Turn turn(shared->loop);
      const Doing doing(shared->loop.activity(), "on_data", shared->events);
      shared->events->on_ready(readiness == Readiness::failed ? what_failed(*shared) : readiness);
    });
  }

  // Asio's wait for errors also ends when both sides have sent FIN, which is no error.
  static Readiness what_failed(Shared& shared) noexcept {
    pollfd state{.fd = shared.descriptor.native_handle(), .events = 0, .revents = 0};
    ::poll(&state, 1, 0);
    return (state.revents & POLLERR) != 0 ? Readiness::failed : Readiness::hangup;
  }

  std::shared_ptr<Shared> shared_;
};

class AsioReactor final : public Reactor {
 public:
  explicit AsioReactor(LoopCore& loop) : loop_(loop) {}

  std::unique_ptr<Watch> add(int fd, TransportEvents& events) override {
    return std::make_unique<AsioWatch>(loop_, fd, events);
  }
  void remove(int, const TransportEvents*) noexcept override {}  // destroying the watch is enough

 private:
  LoopCore& loop_;
};

}  // namespace

std::unique_ptr<Reactor> make_reactor(ReactorKind kind, LoopCore& loop) {
  if (kind == ReactorKind::asio_waits) return std::make_unique<AsioReactor>(loop);
  return std::make_unique<EpollReactor>(loop);
}

}  // namespace twister::detail
