#include "support/client.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <random>
#include <system_error>
#include <utility>

namespace twister::testing {
namespace {

int connect_to(const Address& server, const ClientOptions& options) {
  sockaddr_storage storage{};
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  const auto size = static_cast<socklen_t>(server.to_sockaddr(raw));
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto set = [fd](int name, int value) {
    if (value > 0) ::setsockopt(fd, SOL_SOCKET, name, &value, sizeof value);
  };
  set(SO_SNDBUF, options.send_buffer_bytes);
  set(SO_RCVBUF, options.receive_buffer_bytes);
  if (fd >= 0 && ::connect(fd, raw, size) == 0) return fd;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  throw std::system_error(error, std::generic_category(), "connect to " + server.to_string());
}

}  // namespace

Client::Client(const Address& server, const ClientOptions& options)
    : fd_(connect_to(server, options)) {}

Client::~Client() {
  close();
}

Client::Client(Client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      received_(std::move(other.received_)),
      ended_(other.ended_),
      error_(other.error_) {}

Client& Client::operator=(Client&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(received_, other.received_);
  std::swap(ended_, other.ended_);
  std::swap(error_, other.error_);
  return *this;
}

std::size_t Client::send_some(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t taken =
        ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0) {
      if (errno != EAGAIN) error_ = errno;
      break;
    }
    sent += static_cast<std::size_t>(taken);
  }
  return sent;
}

void Client::send(std::string_view bytes) {
  if (send_some(bytes) != bytes.size()) {
    throw std::system_error(error_, std::generic_category(), "the socket did not take it all");
  }
}

const Client& Client::receive() {
  std::array<char, 64 * 1024> room;
  while (!over()) {
    const ssize_t got = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) error_ = errno;
    if (got == 0) ended_ = true;
    if (got > 0) received_.append(room.data(), static_cast<std::size_t>(got));
  }
  return *this;
}

void Client::shutdown_write() {
  ::shutdown(fd_, SHUT_WR);
}

void Client::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void Client::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool localhost_resolves() {
  addrinfo* found = nullptr;
  const bool resolves = ::getaddrinfo("localhost", nullptr, nullptr, &found) == 0;
  if (resolves) ::freeaddrinfo(found);
  return resolves;
}

bool connect_refused(const Address& server) {
  try {
    const Client client(server);
    return false;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::connection_refused;
  }
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

int socket_option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  ::getsockopt(fd, level, name, &value, &size);
  return value;
}

std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  std::minstd_rand random(1);
  for (char& c : text) c = static_cast<char>('!' + random() % 90);
  return text;
}

}  // namespace twister::testing
