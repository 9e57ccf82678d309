// twister/make_connection.hpp - joins a Protocol to a transport, without a server.
//
//   auto [ours, theirs] = twister::testing::memory_transport_pair(loop);
//   twister::make_connection(loop, std::move(ours), std::make_unique<Echo>());
#pragma once

#include <memory>

#include <twister/protocol.hpp>
#include <twister/stream_options.hpp>
#include <twister/transport.hpp>

namespace twister {

// Gives the Protocol its connection; on_connect comes from the loop. The loop owns both and
// destroys them after on_close; the reference is good until then. Twisted's makeConnection.
Protocol& make_connection(IOLoop& loop, std::unique_ptr<Transport> transport,
                          std::unique_ptr<Protocol> protocol, const StreamOptions& options = {});

// A connected stream socket as a transport. Takes over the descriptor, makes it non-blocking
// and sends small messages at once (TCP_NODELAY).
std::unique_ptr<Transport> make_socket_transport(IOLoop& loop, int descriptor);

}  // namespace twister
