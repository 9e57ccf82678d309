// src/serve_plan.hpp - how serve() shares out among processes and loops what it was told.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include <twister/serve.hpp>

namespace twister::detail {

// Where to listen, as bind_sockets() takes it.
std::string address_of(const ServeOptions& options);

// What the server of one of `threads` loops gets: its part of the connections, rounded up. The kernel
// may deal unevenly, so a loop can be full before the others are; together they never exceed the whole
// by more than rounding.
ServerOptions options_of_a_loop(const ServeOptions& options);

// Where the AdminServer of one of several processes listens: `admin` for one alone, else its port plus
// `id`, or its path with `.ID` behind it. Port 0 stays, and what is no address, for bind_sockets() to
// refuse. Throws std::invalid_argument when there are not enough ports for all of them.
std::string admin_address_of(const std::string& admin, std::size_t id, std::size_t processes);

// How long the parent lets its children drain: longer than they give their connections.
std::chrono::milliseconds stop_timeout_of(const ServeOptions& options);

// Makes a TcpServer for each loop.
MakeServer plain_server(const ProtocolFactory& build_class);

}  // namespace twister::detail
