#include "twister/peer_identity.hpp"

#include <twister/io_stream.hpp>
#include <twister/protocol.hpp>
#include <twister/transport.hpp>

namespace twister {
namespace {

PeerIdentity identity_of(const Transport* transport) {
  return transport == nullptr ? PeerIdentity() : transport->peer_identity();
}

}  // namespace

PeerIdentity peer_identity(const Protocol& conn) {
  return identity_of(conn.transport());
}

PeerIdentity peer_identity(const IOStream& stream) {
  return identity_of(stream.transport());
}

}  // namespace twister
