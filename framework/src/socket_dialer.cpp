#include "socket_dialer.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "loop_core.hpp"
#include "socket_options.hpp"
#include "socket_transport.hpp"

namespace twister::detail {
namespace {

std::error_code error_of(int number) noexcept {
  return {number, std::generic_category()};
}

void set_options(int fd, const DialOptions& options) noexcept {
  if (options.no_delay) set_no_delay(fd, true);
  if (options.keep_alive) set_keep_alive(fd, options.keep_alive);
}

struct RawAddress {
  explicit RawAddress(const Address& address)
      : size(static_cast<socklen_t>(address.to_sockaddr(get()))) {}
  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }

  sockaddr_storage storage{};
  socklen_t size;
};

// A port alone goes with every family: the wildcard address is that of the attempt.
Address source_for(const Address& to, const Address& source) {
  const std::string host = source.host();
  if (source.family() == to.family() || (host != "0.0.0.0" && host != "::")) return source;
  const bool v6 = to.family() == Address::Family::ipv6;
  return Address::parse((v6 ? "[::]:" : "0.0.0.0:") + std::to_string(source.port()));
}

// Two sockets that connect to each other at once are one connection. So a socket whose own port, of
// those that the kernel deals out, is the one it dials connects to itself when nobody listens there.
bool connected_to_itself(int fd) noexcept {
  sockaddr_storage theirs{};
  socklen_t size = sizeof theirs;
  auto* const raw = reinterpret_cast<sockaddr*>(&theirs);
  if (::getpeername(fd, raw, &size) != 0 || theirs.ss_family == AF_UNIX) return false;
  return local_address_of(fd) == Address::from_sockaddr(*raw, size);
}

// One attempt. While the kernel is at it, the loop owns it, as part of the descriptor's handler.
struct Dial : std::enable_shared_from_this<Dial> {
  Dial(IOLoop& owner, Address address, Dialer::Handler function)
      : loop(owner), to(std::move(address)), handler(std::move(function)) {}
  ~Dial() {
    if (fd >= 0) ::close(fd);
  }
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  void begin(const DialOptions& options) {
    const int error = open(options);
    if (error == EINPROGRESS || error == EINTR) {
      try {
        loop.add_handler(fd, Readiness::writable, [self = shared_from_this()](Readiness) {
          self->loop.remove_handler(self->fd);
          self->finish(self->outcome());
        });
        waits = true;
        return;
      } catch (const std::system_error& cause) {
        return finish_soon(cause.code());
      }
    }
    finish_soon(error_of(error));
  }

  // The errno; EINPROGRESS while the kernel is at it.
  int open(const DialOptions& options) {
    RawAddress target(to);
    fd = ::socket(target.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    set_options(fd, options);
    if (options.source.family() != Address::Family::none && !to.is_unix()) {
      const Address source = source_for(to, options.source);
      if (source.family() != to.family()) return EAFNOSUPPORT;
      if (source.port() == 0) {
        // Leaves the choice of a port to connect(), which may then share it among destinations.
        set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
      } else {
        // What earlier connections have left of the port, and IPv4's use of it, is not in the way.
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      }
      RawAddress from(source);
      if (::bind(fd, from.get(), from.size) != 0) return errno;
    }
    return ::connect(fd, target.get(), target.size) == 0 ? 0 : errno;
  }

  std::error_code outcome() const noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    return error_of(error);
  }

  void finish_soon(std::error_code error) {
    loop.add_callback([self = shared_from_this(), error] { self->finish(error); });
  }

  void finish(std::error_code error) {
    waits = false;
    const auto told = std::exchange(handler, nullptr);
    if (!told) return;  // given up
    if (!error && connected_to_itself(fd)) error = error_of(ECONNREFUSED);
    if (error) {
      if (fd >= 0) ::close(std::exchange(fd, -1));
      return told(error, nullptr);
    }
    told({}, std::make_unique<SocketTransport>(loop.core().reactor(), std::exchange(fd, -1), to));
  }

  void give_up() {
    const auto forgotten = std::exchange(handler, nullptr);
    if (std::exchange(waits, false)) loop.remove_handler(fd);
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }

  IOLoop& loop;
  Address to;
  Dialer::Handler handler;
  int fd = -1;
  bool waits = false;  // the descriptor has a handler
};

}  // namespace

std::function<void()> SocketDialer::dial(const Address& to, const DialOptions& options,
                                         Handler handler) {
  const auto dial = std::make_shared<Dial>(loop_, to, std::move(handler));
  dial->begin(options);
  return [weak = std::weak_ptr<Dial>(dial)] {
    if (const auto self = weak.lock()) self->give_up();
  };
}

}  // namespace twister::detail
