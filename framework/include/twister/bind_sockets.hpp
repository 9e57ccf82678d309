// twister/bind_sockets.hpp - listening sockets, before anybody accepts on them.
//
//   auto sockets = twister::bind_sockets("localhost:0");  // an address each, one port
//   server.add_sockets(std::move(sockets));
#pragma once

#include <string_view>
#include <vector>

#include <twister/address.hpp>

namespace twister {

struct BindOptions {
  // Connections the kernel keeps for us while we are busy. 1024: a burst of a thousand clients that
  // connect at once is not turned away; the kernel cuts it to net.core.somaxconn.
  int backlog = 1024;
  // Lets several sockets, of several loops or processes, share the address.
  bool reuse_port = false;
  // The access rights of a unix-domain socket's file.
  unsigned unix_mode = 0600;
};

// A bound socket that listens. Owns its descriptor.
class ListeningSocket {
 public:
  explicit ListeningSocket(int descriptor) noexcept : descriptor_(descriptor) {}
  ~ListeningSocket();
  ListeningSocket(ListeningSocket&& other) noexcept : descriptor_(other.release()) {}
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;

  int native_handle() const noexcept { return descriptor_; }
  // Where it listens, with the port that the kernel chose.
  Address local_address() const;
  // Gives the descriptor away.
  int release() noexcept;

 private:
  int descriptor_;
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
