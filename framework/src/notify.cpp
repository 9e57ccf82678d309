#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "twister/inherited_sockets.hpp"
#include "twister/spawn_with_listeners.hpp"

#include "descriptor.hpp"

namespace twister {
namespace {

constexpr std::size_t max_notification_bytes = 4096;  // as systemd's

[[noreturn]] void throw_errno(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

struct UnixAddress {
  sockaddr_un raw{};
  socklen_t size = 0;
};

// `/path`, or `@name` in Linux's abstract name space.
UnixAddress parse(const std::string& text, const std::string& what) {
  UnixAddress address;
  if (text.empty() || (text[0] != '/' && text[0] != '@')) throw_errno(EAFNOSUPPORT, what);
  if (text.size() >= sizeof address.raw.sun_path) throw_errno(ENAMETOOLONG, what);
  address.raw.sun_family = AF_UNIX;
  std::memcpy(address.raw.sun_path, text.data(), text.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
  if (text[0] == '@') {
    address.raw.sun_path[0] = '\0';  // an abstract name has no end but its length
  } else {
    ++address.size;
  }
  return address;
}

// True unless the message came from another user: who is not the superuser either.
bool is_from_us(const msghdr& message) {
  for (const cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(part))) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
    return sender.uid == ::geteuid() || sender.uid == 0;
  }
  return false;
}

}  // namespace

bool notify(std::string_view state) {
  const char* variable = std::getenv("NOTIFY_SOCKET");
  if (variable == nullptr) return false;
  const std::string what = std::string("cannot notify NOTIFY_SOCKET=\"") + variable + "\"";
  const UnixAddress address = parse(variable, what);
  const detail::Descriptor fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno(errno, what);
  // Its queue may be full; a manager that hangs must not hang us.
  const timeval second{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.raw);
  for (;;) {
    if (::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, raw, address.size) >= 0)
      return true;
    if (errno != EINTR) throw_errno(errno, what);
  }
}

NotifySocket::NotifySocket() {
  const std::string what = "cannot make a notify socket";
  detail::Descriptor fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw_errno(errno, what);
  const int on = 1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  // An address of the family alone: the kernel chooses an abstract name.
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      ::bind(fd.get(), raw, sizeof(sa_family_t)) != 0) {
    throw_errno(errno, what);
  }
  socklen_t size = sizeof address;
  if (::getsockname(fd.get(), raw, &size) != 0) throw_errno(errno, what);
  const std::size_t name_bytes = size - offsetof(sockaddr_un, sun_path) - 1;
  variable_ = "NOTIFY_SOCKET=@" + std::string(address.sun_path + 1, name_bytes);
  descriptor_ = fd.release();
}

NotifySocket::~NotifySocket() {
  ::close(descriptor_);
}

std::optional<std::string> NotifySocket::receive() {
  while (lines_.empty()) {
    std::optional<std::string> message = receive_message();
    if (!message) return std::nullopt;
    lines_ = std::move(*message);
  }
  const std::size_t end = lines_.find('\n');
  std::string line = lines_.substr(0, end);
  lines_.erase(0, end == lines_.npos ? end : end + 1);
  return line;
}

std::optional<std::string> NotifySocket::receive_message() {
  std::array<char, max_notification_bytes> text;
  for (;;) {
    iovec where{.iov_base = text.data(), .iov_len = text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    msghdr message{};
    message.msg_iov = &where;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    // Descriptors that somebody attaches find no room, and are closed by the kernel.
    const ssize_t size = ::recvmsg(descriptor_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::nullopt;
    if ((message.msg_flags & MSG_TRUNC) != 0 || !is_from_us(message)) continue;
    return std::string(text.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace twister
