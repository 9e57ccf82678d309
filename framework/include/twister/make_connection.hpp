// twister/make_connection.hpp - joins a Protocol to a transport, without a server.
//
//   auto [ours, theirs] = twister::memory_transport_pair(loop);
//   twister::make_connection(loop, std::move(ours), std::make_unique<Echo>());
#pragma once

#include <memory>

#include <twister/address.hpp>
#include <twister/dialer.hpp>
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

// Pipes, to and from a child process for instance, as a transport; -1 for an end that there is none
// of: it reads as ended, and writing to it fails. Takes over the descriptors, which are not the same,
// and makes them non-blocking (for all who share them). A pipe that nobody reads any more is an error
// of the stream once something is written to it, not a signal; until then what comes is read to its end.
std::unique_ptr<Transport> make_pipe_transport(IOLoop& loop, int read_from, int write_to);

// The same as for one attempt of a client.
using ConnectOptions = DialOptions;

// A stream socket that connects to `address`. What goes wrong, the making of the socket included, is
// told by Transport::establish(). A unix-domain listener whose queue is full is an error at once,
// std::errc::resource_unavailable_try_again; a TcpClient tries again.
std::unique_ptr<Transport> make_connecting_transport(IOLoop& loop, const Address& address,
                                                     const ConnectOptions& options = {});

}  // namespace twister
