#include "twister/make_connection.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "loop_core.hpp"
#include "socket_options.hpp"
#include "socket_transport.hpp"
#include "stream.hpp"

namespace twister {
namespace detail {
namespace {

// Makes a socket and begins to connect it; `descriptor` stays -1 when there is none.
std::error_code begin_connect(const Address& address, const ConnectOptions& options,
                              int& descriptor) {
  const auto failed = [] { return std::error_code(errno, std::generic_category()); };
  sockaddr_storage storage{};
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  const auto size = static_cast<socklen_t>(address.to_sockaddr(raw));
  if (size == 0) return std::make_error_code(std::errc::destination_address_required);
  descriptor = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return failed();
  if (options.no_delay) set_no_delay(descriptor, true);
  if (options.source.family() != Address::Family::none) {
    sockaddr_storage from{};
    auto* raw_from = reinterpret_cast<sockaddr*>(&from);
    const auto from_size = static_cast<socklen_t>(options.source.to_sockaddr(raw_from));
    if (::bind(descriptor, raw_from, from_size) != 0) return failed();
  }
  // EAGAIN: a unix-domain listener whose queue is full does not let anybody wait.
  if (::connect(descriptor, raw, size) != 0 && errno != EINPROGRESS && errno != EINTR) {
    return failed();
  }
  return {};
}

}  // namespace
}  // namespace detail

Protocol& make_connection(IOLoop& loop, std::unique_ptr<Transport> transport,
                          std::unique_ptr<Protocol> protocol, const StreamOptions& options) {
  return detail::Stream::open(loop.core(), std::move(transport), std::move(protocol),
                              std::make_shared<const detail::StreamShared>(options))
      .protocol();
}

std::unique_ptr<Transport> make_socket_transport(IOLoop& loop, int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "make_socket_transport");
  }
  detail::set_no_delay(descriptor, true);
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  Address peer;
  if (::getpeername(descriptor, raw, &size) == 0) peer = Address::from_sockaddr(*raw, size);
  return std::make_unique<detail::SocketTransport>(loop.core().reactor(), descriptor, peer);
}

std::unique_ptr<Transport> make_connecting_transport(IOLoop& loop, const Address& address,
                                                     const ConnectOptions& options) {
  int descriptor = -1;
  const std::error_code error = detail::begin_connect(address, options, descriptor);
  return std::make_unique<detail::SocketTransport>(loop.core().reactor(), descriptor, address,
                                                   error);
}

}  // namespace twister
