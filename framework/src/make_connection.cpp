#include "twister/make_connection.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "connecting_socket.hpp"
#include "loop_core.hpp"
#include "socket_options.hpp"
#include "socket_transport.hpp"
#include "stream.hpp"

namespace twister {

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
  detail::ConnectingSocket begun = detail::begin_connect(address, options);
  if (begun.error == std::errc::operation_in_progress) begun.error.clear();
  return std::make_unique<detail::SocketTransport>(
      loop.core().reactor(), begun.descriptor.release(), address, begun.error);
}

}  // namespace twister
