#include "twister/inherited_sockets.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace twister {
namespace {

// The descriptors that are handed over begin behind standard error.
constexpr int first_descriptor = 3;

[[noreturn]] void refuse(int descriptor, int error, const char* why) {
  throw std::system_error(error, std::generic_category(),
                          "descriptor " + std::to_string(descriptor) + " " + why);
}

int option(int descriptor, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0) return value;
  const int error = errno;
  refuse(descriptor, error, error == EBADF ? "is not open" : "is not a socket");
}

void check_listener(int descriptor) {
  if (option(descriptor, SO_TYPE) != SOCK_STREAM) {
    refuse(descriptor, EPROTOTYPE, "is not a stream socket");
  }
  const int family = option(descriptor, SO_DOMAIN);
  if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) {
    refuse(descriptor, EAFNOSUPPORT, "has neither an IP nor a unix-domain address");
  }
  if (option(descriptor, SO_ACCEPTCONN) == 0) {
    refuse(descriptor, EINVAL, "is a socket that does not listen");
  }
}

void make_non_blocking(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
    refuse(descriptor, errno, "cannot be made non-blocking");
  }
}

// ---- the environment ----

// The value, and the variable is gone; empty when it is not set.
std::optional<std::string> take_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string taken = value;
  ::unsetenv(name);
  return taken;
}

// The numbers of what was announced are numbers, too.
constexpr int max_count = 1'000'000;

int parse_number(const char* name, const std::string& text, int most) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end || value < 0 || value > most) {
    throw std::invalid_argument(std::string(name) + "=\"" + text + "\" is not a number from 0 to " +
                                std::to_string(most));
  }
  return value;
}

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(':', begin);
    names.push_back(text.substr(begin, end == text.npos ? text.npos : end - begin));
    if (end == text.npos) return names;
    begin = end + 1;
  }
}

// One for each of `count` sockets.
std::vector<std::string> names_of(const std::optional<std::string>& text, std::size_t count) {
  if (!text) return std::vector<std::string>(count, "unknown");
  std::vector<std::string> names = split_names(*text);
  if (names.size() != count) {
    throw std::invalid_argument("LISTEN_FDNAMES=\"" + *text + "\" names " +
                                std::to_string(names.size()) + " sockets, LISTEN_FDS " +
                                std::to_string(count));
  }
  return names;
}

// Owns what was announced from the start, so that it closes when something is wrong with it: all of
// it, whatever is missing in between.
std::vector<ListeningSocket> take_over(int count) {
  std::vector<ListeningSocket> sockets;
  int missing = -1;
  for (int fd = first_descriptor; fd < first_descriptor + count; ++fd) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
      sockets.emplace_back(fd);
    } else if (missing < 0) {
      missing = fd;
    }
  }
  if (missing >= 0) refuse(missing, EBADF, "is not open");
  return sockets;
}

}  // namespace

ListeningSocket adopt_listener(int descriptor) {
  check_listener(descriptor);
  ListeningSocket adopted(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (adopted.native_handle() < 0) refuse(descriptor, errno, "cannot be duplicated");
  make_non_blocking(adopted.native_handle());
  return adopted;
}

InheritedSockets inherited_sockets() {
  const auto pid = take_variable("LISTEN_PID");
  const auto count = take_variable("LISTEN_FDS");
  const auto names = take_variable("LISTEN_FDNAMES");
  InheritedSockets inherited;
  constexpr pid_t max_pid = std::numeric_limits<pid_t>::max();
  if (!pid || !count || parse_number("LISTEN_PID", *pid, max_pid) != ::getpid()) return inherited;
  std::vector<ListeningSocket> sockets = take_over(parse_number("LISTEN_FDS", *count, max_count));
  std::vector<std::string> called =
      sockets.empty() ? std::vector<std::string>() : names_of(names, sockets.size());
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    check_listener(sockets[i].native_handle());
    make_non_blocking(sockets[i].native_handle());
    inherited.sockets_.push_back({std::move(called[i]), std::move(sockets[i])});
  }
  return inherited;
}

std::vector<std::string> InheritedSockets::names() const {
  std::vector<std::string> names;
  for (const Named& each : sockets_) names.push_back(each.name);
  return names;
}

std::vector<ListeningSocket> InheritedSockets::take(std::string_view name) {
  std::vector<ListeningSocket> taken;
  std::vector<Named> left;
  for (Named& each : sockets_) {
    if (each.name == name) {
      taken.push_back(std::move(each.socket));
    } else {
      left.push_back(std::move(each));
    }
  }
  sockets_ = std::move(left);
  return taken;
}

std::vector<ListeningSocket> InheritedSockets::take_all() {
  std::vector<ListeningSocket> taken;
  for (Named& each : sockets_) taken.push_back(std::move(each.socket));
  sockets_.clear();
  return taken;
}

}  // namespace twister
