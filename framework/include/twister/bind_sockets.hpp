// twister/bind_sockets.hpp - listening sockets, before anybody accepts on them.
//
//   auto sockets = twister::bind_sockets("localhost:0");  // an address each, one port
//   server.add_sockets(std::move(sockets));
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <twister/address.hpp>

namespace twister {

namespace detail {
class SocketFile;
}

struct BindOptions {
  // Connections the kernel keeps for us while we are busy. 1024: a burst of a thousand clients that
  // connect at once is not turned away; the kernel cuts it to net.core.somaxconn.
  int backlog = 1024;
  // Lets several sockets, of several loops or processes, share the address.
  bool reuse_port = false;
  // The access rights of a unix-domain socket's file.
  unsigned unix_mode = 0600;
};

// A bound socket that listens.
//
// Ownership: owns its descriptor, and with its duplicates the file of a unix-domain socket that
//   bind_sockets() made: the last of them that closes removes it, in the process that bound it.
class ListeningSocket {
 public:
  // Takes the descriptor over and trusts it; adopt_listener() (twister/inherited_sockets.hpp) checks.
  explicit ListeningSocket(int descriptor) noexcept : descriptor_(descriptor) {}
  ~ListeningSocket();
  ListeningSocket(ListeningSocket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), file_(std::move(other.file_)) {}
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;

  int native_handle() const noexcept { return descriptor_; }
  // Where it listens, with the port that the kernel chose.
  Address local_address() const;
  // Another descriptor of the same socket: whoever accepts first gets the next connection. Throws
  // std::system_error when there are no descriptors left.
  ListeningSocket duplicate() const;
  // Lets a unix-domain socket's file stay when this socket and its duplicates close: another process
  // listens there now.
  void keep_file() const noexcept;
  // Gives the descriptor away; a unix-domain socket's file stays.
  int release() noexcept;

 private:
  friend class detail::SocketFile;

  int descriptor_;
  std::shared_ptr<detail::SocketFile> file_;
};

// Binds and listens. `address` is `HOST:PORT` (a name, an IPv4 address or `[v6]`; empty HOST: every
// interface, both families) or `unix:PATH`. A name may give several sockets, IPv4 first; with port
// 0 all get the same port (as Tornado's function of this name). A stale unix socket's file is
// replaced.
//
// Throws std::invalid_argument when `address` cannot be read, std::system_error when it cannot be
// bound; both name the address. Nothing stays open then.
std::vector<ListeningSocket> bind_sockets(std::string_view address,
                                          const BindOptions& options = {});

}  // namespace twister
