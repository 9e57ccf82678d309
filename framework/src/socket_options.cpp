#include "socket_options.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace twister::detail {

void set_option(int descriptor, int level, int name, int value) noexcept {
  ::setsockopt(descriptor, level, name, &value, sizeof value);
}

void set_no_delay(int descriptor, bool on) noexcept {
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
}

void set_keep_alive(int descriptor, const std::optional<KeepAlive>& options) noexcept {
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, options ? 1 : 0);
  if (!options) return;
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(options->idle.count()));
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(options->interval.count()));
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, options->count);
}

Address local_address_of(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(descriptor, raw, &size) != 0) return {};
  return Address::from_sockaddr(*raw, size);
}

}  // namespace twister::detail
