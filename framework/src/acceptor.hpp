// src/acceptor.hpp - accepts connections from one listening socket.
#pragma once

#include <functional>
#include <memory>

#include <twister/bind_sockets.hpp>
#include <twister/counters.hpp>
#include <twister/io_loop.hpp>

namespace twister::detail {

class LoopCore;

// Accepts in bursts and survives the lack of descriptors.
//
// Ownership: owns the socket. May be destroyed inside `on_accept`.
// Limits: at most 128 accepts a turn, so that a flood of connections does not starve the others.
// Errors: a connection that died in the queue is skipped. When descriptors or memory run out, the
//   queue is shed by means of a reserve descriptor (a client is better told than left hanging) and
//   accepting rests for 100 ms: never a busy loop.
class Acceptor {
 public:
  // Gets a connected, non-blocking descriptor, which it owns, and the peer.
  using OnAccept = std::function<void(int, const Address&)>;

  Acceptor(LoopCore& loop, ListeningSocket socket, OnAccept on_accept,
           std::shared_ptr<ServerCounters> counters);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  const Address& local_address() const noexcept;
  // Accepts what is in the queue, up to a bound: to be called before the last of it, as closing a
  // listener resets those who wait.
  void accept_waiting();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace twister::detail
