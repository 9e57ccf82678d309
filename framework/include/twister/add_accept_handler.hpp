// twister/add_accept_handler.hpp - connections without a server.
//
//   auto stop = twister::add_accept_handler(loop, std::move(socket),
//       [](std::unique_ptr<twister::Transport> transport) { ... });
//
// Not for Protocols or streams: TcpServer counts, limits and drains them.
#pragma once

#include <functional>
#include <memory>

#include <twister/bind_sockets.hpp>
#include <twister/transport.hpp>

namespace twister {

class IOLoop;

// Calls `handler`, from the loop, with each connection that arrives on the socket; its transport says
// who it is. Returns a function that stops it and closes the socket; it may be called inside the
// handler, and later calls have no effect. Tornado's function of this name.
//
// Ownership: the loop owns the socket; it is closed with the loop at the latest.
// Limits: at most 128 connections a turn; when descriptors run out, as for TcpServer.
// Errors: what the handler throws is logged, and costs that connection.
std::function<void()> add_accept_handler(IOLoop& loop, ListeningSocket socket,
                                         std::function<void(std::unique_ptr<Transport>)> handler);

}  // namespace twister
