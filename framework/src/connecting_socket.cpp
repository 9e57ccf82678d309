#include "connecting_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>

#include "socket_options.hpp"

namespace twister::detail {
namespace {

std::error_code error_of(int number) noexcept {
  return {number, std::generic_category()};
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

// The errno; 0 when it is bound.
int bind_to(int fd, const Address& source) noexcept {
  if (source.port() == 0) {
    // Leaves the choice of a port to connect(), which may then share it among destinations.
    set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  } else {
    // What earlier connections have left of the port, and IPv4's use of it, is not in the way.
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }
  RawAddress from(source);
  return ::bind(fd, from.get(), from.size) == 0 ? 0 : errno;
}

}  // namespace

ConnectingSocket begin_connect(const Address& to, const DialOptions& options) {
  RawAddress target(to);
  if (target.size == 0) {
    return {Descriptor(), std::make_error_code(std::errc::destination_address_required)};
  }
  Descriptor made(
      ::socket(target.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made) return {Descriptor(), error_of(errno)};
  if (options.no_delay) set_no_delay(made.get(), true);
  if (options.keep_alive) set_keep_alive(made.get(), options.keep_alive);
  if (options.source.family() != Address::Family::none && !to.is_unix()) {
    const Address source = source_for(to, options.source);
    const int error = source.family() == to.family() ? bind_to(made.get(), source) : EAFNOSUPPORT;
    if (error != 0) return {std::move(made), error_of(error)};
  }
  const int error = ::connect(made.get(), target.get(), target.size) == 0 ? 0 : errno;
  return {std::move(made), error_of(error == EINTR ? EINPROGRESS : error)};
}

std::error_code connect_outcome(int descriptor) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return error_of(error);
  sockaddr_storage theirs{};
  socklen_t their_size = sizeof theirs;
  auto* const raw = reinterpret_cast<sockaddr*>(&theirs);
  if (::getpeername(descriptor, raw, &their_size) != 0) return error_of(errno);
  if (theirs.ss_family == AF_UNIX) return {};
  const bool to_itself = local_address_of(descriptor) == Address::from_sockaddr(*raw, their_size);
  return to_itself ? error_of(ECONNREFUSED) : std::error_code();
}

}  // namespace twister::detail
