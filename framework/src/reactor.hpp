// src/reactor.hpp - how a loop learns that its sockets are ready.
//
// The seam of the hot path: streams register once and are told in batches. EpollReactor keeps one
// edge-triggered epoll set, itself watched by Asio as a single descriptor: one re-arm a batch
// instead of one a socket. AsioReactor uses plain Asio waits, one a socket and direction, and works
// wherever Asio does.
#pragma once

#include <memory>

#include <twister/io_loop.hpp>
#include <twister/transport.hpp>

namespace twister::detail {

class LoopCore;

// Readiness of one socket, as a reactor keeps it. Null for reactors that need no re-arming.
class Watch {
 public:
  virtual ~Watch() = default;
  // The transport has drained its input: tell it about the next bytes.
  virtual void want_readable() = 0;
  // The socket is full: tell it when there is room.
  virtual void want_writable() = 0;
};

// Threads: the loop's.
class Reactor {
 public:
  virtual ~Reactor() = default;

  // Starts to report on `fd`, edge-triggered, until remove(). Throws std::system_error.
  virtual std::unique_ptr<Watch> add(int fd, TransportEvents& events) = 0;
  // Stops. `events`, if given, is not told any more. Without it, events of the current batch may still
  // arrive, and whoever is told must outlive the batch.
  virtual void remove(int fd, const TransportEvents* events = nullptr) noexcept = 0;
};

std::unique_ptr<Reactor> make_reactor(ReactorKind kind, LoopCore& loop);

}  // namespace twister::detail
