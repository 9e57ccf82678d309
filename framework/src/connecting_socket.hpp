// src/connecting_socket.hpp - sockets that connect without blocking: for clients, and for transports
// that connect by themselves.
#pragma once

#include <system_error>

#include <twister/dialer.hpp>

#include "descriptor.hpp"

namespace twister::detail {

struct ConnectingSocket {
  Descriptor descriptor;  // none when it could not be made
  // Why it cannot connect. Empty when it has connected, or std::errc::operation_in_progress while the
  // kernel is at it: then it becomes writable, and connect_outcome() says the rest.
  // std::errc::resource_unavailable_try_again: a unix-domain listener's queue is full, for which the
  // kernel lets nobody wait; a new socket may do better.
  std::error_code error;
};

// Makes a socket, sets its options, binds it to the source and begins to connect.
ConnectingSocket begin_connect(const Address& to, const DialOptions& options);

// What has become of a socket that is connected, or that the kernel has done with.
// std::errc::not_connected: it has not. Two sockets that connect to each other at once are one
// connection, so one whose own port, of those that the kernel deals out, is the one it dials connects
// to itself when nobody listens there: std::errc::connection_refused.
std::error_code connect_outcome(int descriptor) noexcept;

}  // namespace twister::detail
