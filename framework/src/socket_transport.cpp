#include "socket_transport.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "connecting_socket.hpp"
#include "socket_options.hpp"

namespace twister::detail {
namespace {

IoResult failed(int error) noexcept {
  return {.status = IoResult::Status::failed,
          .bytes = 0,
          .error = std::error_code(error, std::generic_category())};
}

IoResult result_of_error(int error) noexcept {
  if (error == EAGAIN || error == EWOULDBLOCK) {
    return {.status = IoResult::Status::would_block, .bytes = 0, .error = {}};
  }
  return failed(error);
}

}  // namespace

void SocketTransport::start(TransportEvents& events) {
  if (descriptor_ < 0) return;
  if (std::exchange(started_, true)) {
    reactor_.remove(descriptor_, events_);
    watch_.reset();
  }
  events_ = &events;
  watch_ = reactor_.add(descriptor_, events);
}

IoResult SocketTransport::establish() {
  if (connect_error_ != 0) return failed(connect_error_);
  const std::error_code error = connect_outcome(descriptor_);
  if (error == std::errc::not_connected) {
    if (watch_ != nullptr) watch_->want_writable();
    return result_of_error(EAGAIN);
  }
  if (error) return failed(error.value());
  connecting_ = false;
  return {};
}

IoResult SocketTransport::receive(std::span<std::byte> room) {
  for (;;) {
    const ssize_t got = ::recv(descriptor_, room.data(), room.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (watch_ != nullptr && got != 0 && (got < 0 || static_cast<std::size_t>(got) < room.size())) {
      const int error = errno;
      watch_->want_readable();
      errno = error;
    }
    if (got < 0) return result_of_error(errno);
    if (got == 0) return {.status = IoResult::Status::end_of_stream, .bytes = 0, .error = {}};
    return {.status = IoResult::Status::ok, .bytes = static_cast<std::size_t>(got), .error = {}};
  }
}

IoResult SocketTransport::send(std::span<const ByteView> pieces) {
  std::size_t offered = 0;
  ssize_t sent = 0;
  do {
    if (pieces.size() == 1) {
      offered = pieces[0].size();
      sent = ::send(descriptor_, pieces[0].data(), offered, MSG_NOSIGNAL);
      continue;
    }
    std::array<iovec, 16> vectors;
    const std::size_t count = std::min(pieces.size(), vectors.size());
    offered = 0;
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
      offered += pieces[i].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  const int error = errno;
  if (watch_ != nullptr && (sent < 0 || static_cast<std::size_t>(sent) < offered)) {
    watch_->want_writable();
  }
  if (sent < 0) return result_of_error(error);
  return {.status = IoResult::Status::ok, .bytes = static_cast<std::size_t>(sent), .error = {}};
}

void SocketTransport::shutdown_send() {
  ::shutdown(descriptor_, SHUT_WR);
}

std::size_t SocketTransport::unread_bytes() const noexcept {
  int bytes = 0;
  return ::ioctl(descriptor_, FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

void SocketTransport::close() noexcept {
  if (descriptor_ < 0) return;
  // Closing alone would do, were there no copy of the descriptor in a process that was just forked:
  // then events would go on arriving for a transport that is gone.
  reactor_.remove(descriptor_, events_);
  watch_.reset();
  ::close(descriptor_);
  descriptor_ = -1;
}

void SocketTransport::reset() noexcept {
  if (descriptor_ < 0) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

Address SocketTransport::local_address() const {
  return local_address_of(descriptor_);
}

PeerIdentity SocketTransport::peer_identity() const {
  // Of TCP the kernel would say that it is nobody, and not that there is nothing to say.
  int domain = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX) {
    return {};
  }
  ucred process{};
  size = sizeof process;
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_PEERCRED, &process, &size) != 0 ||
      process.uid == static_cast<uid_t>(-1)) {
    return {};
  }
  PeerIdentity peer;
  peer.kind = PeerIdentityKind::credentials;
  peer.uid = process.uid;
  peer.gid = process.gid;
  peer.pid = process.pid;
  return peer;
}

}  // namespace twister::detail
