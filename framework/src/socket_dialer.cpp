#include "socket_dialer.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "connecting_socket.hpp"
#include "loop_core.hpp"
#include "socket_transport.hpp"

namespace twister::detail {
namespace {

using std::chrono::milliseconds;

// How long a unix-domain attempt rests while the listener's queue is full: longer each time, since a
// server that is slow to accept is short of time.
constexpr milliseconds first_queue_wait = milliseconds(10);
constexpr milliseconds max_queue_wait = milliseconds(100);

// One attempt. Until it has ended the loop owns it, as part of the descriptor's handler, of the timer,
// or of a callback.
struct Dial : std::enable_shared_from_this<Dial> {
  Dial(IOLoop& owner, Address address, DialOptions wanted, Dialer::Handler function)
      : loop(owner),
        to(std::move(address)),
        options(std::move(wanted)),
        handler(std::move(function)) {}
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  void begin() {
    ConnectingSocket begun = begin_connect(to, options);
    socket = std::move(begun.descriptor);
    if (begun.error == std::errc::operation_in_progress) return wait_for_outcome();
    if (begun.error == std::errc::resource_unavailable_try_again && to.is_unix()) {
      return wait_for_queue();
    }
    finish_soon(begun.error);
  }

  void wait_for_outcome() {
    try {
      loop.add_handler(socket.get(), Readiness::writable, [self = shared_from_this()](Readiness) {
        self->loop.remove_handler(self->socket.get());
        self->waits = false;
        self->finish(connect_outcome(self->socket.get()));
      });
      waits = true;
    } catch (const std::system_error& cause) {
      finish_soon(cause.code());
    }
  }

  void wait_for_queue() {
    socket.reset();
    timer = loop.call_later(queue_wait, [self = shared_from_this()] {
      self->timer = {};
      self->begin();
    });
    queue_wait = std::min(queue_wait * 2, max_queue_wait);
  }

  void finish_soon(std::error_code error) {
    loop.add_callback([self = shared_from_this(), error] {
      self->finish(error ? error : connect_outcome(self->socket.get()));
    });
  }

  void finish(std::error_code error) {
    const auto told = std::exchange(handler, nullptr);
    if (!told) return;  // given up
    if (error) {
      socket.reset();
      return told(error, nullptr);
    }
    told({}, std::make_unique<SocketTransport>(loop.core().reactor(), socket.release(), to));
  }

  void give_up() {
    const auto forgotten = std::exchange(handler, nullptr);
    if (std::exchange(waits, false)) loop.remove_handler(socket.get());
    if (timer) loop.cancel(std::exchange(timer, {}));
    socket.reset();
  }

  IOLoop& loop;
  Address to;
  DialOptions options;
  Dialer::Handler handler;
  Descriptor socket;
  bool waits = false;  // the descriptor has a handler
  TimerId timer;       // until the listener's queue is tried again
  milliseconds queue_wait = first_queue_wait;
};

}  // namespace

std::function<void()> SocketDialer::dial(const Address& to, const DialOptions& options,
                                         Handler handler) {
  const auto dial = std::make_shared<Dial>(loop_, to, options, std::move(handler));
  dial->begin();
  return [weak = std::weak_ptr<Dial>(dial)] {
    if (const auto self = weak.lock()) self->give_up();
  };
}

}  // namespace twister::detail
