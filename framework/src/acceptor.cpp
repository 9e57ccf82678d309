#include "acceptor.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include <twister/log.hpp>

#include "asio_parts.hpp"
#include "loop_core.hpp"

namespace twister::detail {
namespace {

constexpr int max_accepts_a_turn = 128;
// Of a listener that is about to close. As much as net.core.somaxconn lets wait, unless it was raised.
constexpr int max_last_accepts = 4096;
constexpr auto back_off = std::chrono::milliseconds(100);

int open_reserve() noexcept {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

// The connection failed before it was accepted, or a firewall forbids it: the next one may do.
bool concerns_one_connection(int error) noexcept {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    // accept(2): errors of the network that are already pending on the new socket
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Acceptor::State : std::enable_shared_from_this<State> {
  State(LoopCore& owner, ListeningSocket listening, OnAccept accepted,
        std::shared_ptr<ServerCounters> counted)
      : loop(owner),
        address(listening.local_address()),
        socket(std::move(listening)),
        listener(owner.io(), socket.native_handle()),
        on_accept(std::move(accepted)),
        counters(std::move(counted)),
        reserve(open_reserve()) {}

  ~State() {
    if (reserve >= 0) ::close(reserve);
    close();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // The descriptor is the socket's: Asio lets go of it, which cancels the wait, and it closes.
  void close() {
    if (listener.is_open()) listener.release();
    const ListeningSocket closing = std::move(socket);
  }

  void wait() {
    listener.async_wait(asio::posix::stream_descriptor::wait_read,
                        [self = shared_from_this()](asio::error_code error) {
                          if (!error && self->open) self->accept_burst();
                        });
  }

  void accept_burst() {
    const LoopCore::Turn turn(loop);
    accept(max_accepts_a_turn);
    if (open && !timer) wait();
  }

  void accept(int most) {
    for (int accepted = 0; open && accepted < most;) {
      sockaddr_storage peer;
      socklen_t size = sizeof peer;
      auto* raw = reinterpret_cast<sockaddr*>(&peer);
      const int fd = ::accept4(listener.native_handle(), raw, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        ++accepted;
        try {
          on_accept(fd, Address::from_sockaddr(*raw, size));
        } catch (const std::bad_alloc&) {
          return rest(ENOMEM);
        }
        continue;
      }
      const int error = errno;
      if (error == EAGAIN || error == EWOULDBLOCK) return;
      // Out of descriptors or memory, or something unheard of that may stay: no busy loop.
      if (!concerns_one_connection(error)) return rest(error);
      ++accepted;
    }
  }

  void rest(int error) {
    const std::string at = address.to_string();
    const int shed = shed_queue();
    ++counters->accept_failures;
    counters->refused_descriptors += static_cast<unsigned>(shed);
    log(LogLevel::error, "accept_failed",
        {{"listener", at}, {"what", std::strerror(error)}, {"shed", std::to_string(shed)}});
    timer = loop.call_later(back_off, [self = shared_from_this()] {
      self->timer = {};
      if (self->open) self->wait();
    });
  }

  // Closes what waits in the queue, by means of the reserve descriptor. The clients see their
  // connection end at once and can go elsewhere.
  int shed_queue() noexcept {
    int shed = 0;
    while (reserve >= 0 && shed < max_accepts_a_turn) {
      ::close(reserve);
      const int fd =
          ::accept4(listener.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) ::close(fd);
      reserve = open_reserve();
      if (fd < 0) break;
      ++shed;
    }
    if (reserve < 0) reserve = open_reserve();
    return shed;
  }

  LoopCore& loop;
  Address address;
  ListeningSocket socket;
  asio::posix::stream_descriptor listener;
  OnAccept on_accept;
  std::shared_ptr<ServerCounters> counters;
  int reserve;
  bool open = true;
  TimerId timer;
};

Acceptor::Acceptor(LoopCore& loop, ListeningSocket socket, OnAccept on_accept,
                   std::shared_ptr<ServerCounters> counters)
    : state_(std::make_shared<State>(loop, std::move(socket), std::move(on_accept),
                                     std::move(counters))) {
  state_->wait();
}

Acceptor::~Acceptor() {
  state_->open = false;
  if (state_->timer) state_->loop.cancel(state_->timer);
  state_->close();
}

void Acceptor::accept_waiting() {
  const auto state = state_;  // on_accept may destroy this
  if (state->timer) return;   // it rests: there is nothing to accept with
  state->accept(max_last_accepts);
}

const Address& Acceptor::local_address() const noexcept {
  return state_->address;
}

}  // namespace twister::detail
