#include "twister/bind_sockets.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "lookup.hpp"
#include "socket_options.hpp"

namespace twister {

// The file of a unix-domain socket, shared by the duplicates of one ListeningSocket.
class detail::SocketFile {
 public:
  explicit SocketFile(std::string path) : path_(std::move(path)), owner_(::getpid()) {}
  ~SocketFile() {
    // A child that was forked later closes its copies, and the file is still its parent's.
    if (!kept_ && owner_ == ::getpid()) ::unlink(path_.c_str());
  }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  void keep() noexcept { kept_ = true; }

  static void attach(ListeningSocket& socket, const std::string& path) {
    socket.file_ = std::make_shared<SocketFile>(path);
  }

 private:
  std::string path_;
  pid_t owner_;
  std::atomic<bool> kept_ = false;  // duplicates may be on other threads
};

namespace {

[[noreturn]] void throw_errno(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

void set_option(int fd, int level, int name, const std::string& where) {
  const int on = 1;
  if (::setsockopt(fd, level, name, &on, sizeof on) != 0) throw_errno(errno, where);
}

// Binds one address. Empty when the machine does not speak the family.
std::vector<ListeningSocket> bind_one(const Address& address, const BindOptions& options,
                                      const std::string& where) {
  sockaddr_storage storage{};
  const auto size =
      static_cast<socklen_t>(address.to_sockaddr(reinterpret_cast<sockaddr*>(&storage)));
  std::vector<ListeningSocket> bound;
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && errno == EAFNOSUPPORT) return bound;
  if (fd < 0) throw_errno(errno, where);
  ListeningSocket socket(fd);
  if (!address.is_unix()) set_option(fd, SOL_SOCKET, SO_REUSEADDR, where);
  if (options.reuse_port && !address.is_unix()) set_option(fd, SOL_SOCKET, SO_REUSEPORT, where);
  if (address.family() == Address::Family::ipv6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, where);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) != 0) throw_errno(errno, where);
  if (address.is_unix() && !address.host().starts_with('@')) {
    detail::SocketFile::attach(socket, address.host());
    if (::chmod(address.host().c_str(), options.unix_mode) != 0) throw_errno(errno, where);
  }
  if (::listen(fd, options.backlog) != 0) throw_errno(errno, where);
  bound.push_back(std::move(socket));
  return bound;
}

// Removes the file of a unix socket that nobody listens on any more; any other file stays.
void remove_stale(const Address& address, const std::string& where) {
  const std::string path = address.host();
  struct stat status {};
  if (path.starts_with('@') || ::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) throw_errno(EEXIST, where);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) throw_errno(errno, where);
  sockaddr_storage storage{};
  const auto size =
      static_cast<socklen_t>(address.to_sockaddr(reinterpret_cast<sockaddr*>(&storage)));
  const bool alive = ::connect(probe, reinterpret_cast<const sockaddr*>(&storage), size) == 0 ||
                     errno != ECONNREFUSED;
  ::close(probe);
  if (alive) throw_errno(EADDRINUSE, where);
  ::unlink(path.c_str());
}

struct HostAndPort {
  std::string host;
  std::string port;
};

HostAndPort split(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  std::string_view host = address.substr(0, colon == address.npos ? 0 : colon);
  const std::string_view port = colon == address.npos ? "" : address.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (port.empty() || error != std::errc{} || end != port.data() + port.size() ||
      host.find('\0') != host.npos || (!bracketed && host.find_first_of("[]:") != host.npos)) {
    throw std::invalid_argument("cannot listen on \"" + std::string(address) +
                                "\": not HOST:PORT, [v6]:PORT, :PORT or unix:PATH");
  }
  if (bracketed) host = host.substr(1, host.size() - 2);
  return {std::string(host), std::string(port)};
}

std::vector<Address> resolve(const HostAndPort& where, const std::string& what) {
  std::error_code error;
  std::vector<Address> addresses = detail::look_up(
      {.host = where.host, .port = where.port, .family = Address::Family::none, .passive = true},
      error);
  if (error) throw std::system_error(error, what);
  std::stable_sort(addresses.begin(), addresses.end(),
                   [](const Address& a, const Address& b) { return a.family() < b.family(); });
  return addresses;
}

// Binds all, port 0 becoming the first one's port for the others.
std::vector<ListeningSocket> bind_all(const std::vector<Address>& addresses, bool localhost,
                                      const BindOptions& options, const std::string& where) {
  std::vector<ListeningSocket> sockets;
  for (Address address : addresses) {
    if (!sockets.empty() && address.port() == 0) {
      address = address.with_port(sockets.front().local_address().port());
    }
    try {
      for (ListeningSocket& socket : bind_one(address, options, where)) {
        sockets.push_back(std::move(socket));
      }
    } catch (const std::system_error& error) {
      // Machines whose localhost names ::1 without having it.
      const bool absent = localhost && address.family() == Address::Family::ipv6 &&
                          error.code() == std::errc::address_not_available;
      if (!absent) throw;
    }
  }
  if (sockets.empty()) throw_errno(EADDRNOTAVAIL, where);
  return sockets;
}

}  // namespace

ListeningSocket::~ListeningSocket() {
  // The file first: nobody can bind a new one there before this is over, and lose it to us.
  file_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(file_, other.file_);
  return *this;
}

ListeningSocket ListeningSocket::duplicate() const {
  ListeningSocket copy(::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0));
  if (copy.descriptor_ < 0) {
    throw_errno(errno, "cannot duplicate the listener on " + local_address().to_string());
  }
  copy.file_ = file_;
  return copy;
}

void ListeningSocket::keep_file() const noexcept {
  if (file_) file_->keep();
}

int ListeningSocket::release() noexcept {
  keep_file();
  file_.reset();
  return std::exchange(descriptor_, -1);
}

Address ListeningSocket::local_address() const {
  return detail::local_address_of(descriptor_);
}

std::vector<ListeningSocket> bind_sockets(std::string_view address, const BindOptions& options) {
  const std::string where = "cannot listen on " + std::string(address);
  if (address.starts_with("unix:")) {
    const Address unix_address = Address::parse(address);
    if (unix_address.host().empty()) {
      throw std::invalid_argument(where + ": the path is empty");
    }
    remove_stale(unix_address, where);
    return bind_one(unix_address, options, where);
  }
  const HostAndPort parts = split(address);
  const std::vector<Address> addresses = resolve(parts, where);
  // With port 0 the kernel chooses for the first family; the port may be taken on the other one.
  constexpr int tries = 5;
  for (int attempt = 1;; ++attempt) {
    try {
      return bind_all(addresses, parts.host == "localhost", options, where);
    } catch (const std::system_error& error) {
      const bool again = addresses.front().port() == 0 && addresses.size() > 1 && attempt < tries &&
                         error.code() == std::errc::address_in_use;
      if (!again) throw;
    }
  }
}

}  // namespace twister
