// twister/peer_identity.hpp - who is at the other end of a connection, as its transport has proved it.
//
//   const PeerIdentity peer = peer_identity(conn);
//   if (peer.kind == PeerIdentityKind::credentials && peer.uid == 0) ...  // root, by a unix-domain socket
//
// Not for where a peer is, which proves nothing: Protocol::peer_address(). Handlers of calls ask their
// RpcContext.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace twister {

class IOStream;
class Protocol;

enum class PeerIdentityKind {
  none,         // nothing was proved
  certificate,  // TLS: the peer has shown a certificate, which was verified, and that it has the key
  credentials,  // a unix-domain socket: the kernel knows which process has connected, or listens
};

struct PeerIdentity {
  PeerIdentityKind kind = PeerIdentityKind::none;

  // Of a certificate; empty otherwise. Names are as the authority has signed them, a NUL inside included.
  std::string subject{};      // as RFC 2253 writes it: "CN=alice,O=Example"
  std::string common_name{};  // the one in the subject; empty if there are several
  std::vector<std::string> dns_names{};

  // Of a process when it connected, or began to listen; nobody's otherwise. It may have ended since, and its
  // number be another's: who is to be let in is told by `uid` and `gid`.
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  pid_t pid = 0;  // 0: not known, or not visible from this process's container

  bool operator==(const PeerIdentity&) const = default;
};

// Asks the outermost layer, and no other: over TLS only a certificate counts, and what came through a proxy
// that sent a PROXY header proves nothing, for it is the proxy that has connected. Costs a system call
// for credentials, and memory for a certificate's names: ask once a connection.
//
// Of a connection from on_connect on; credentials until it is closed, and `none` then.
PeerIdentity peer_identity(const Protocol& conn);
PeerIdentity peer_identity(const IOStream& stream);

}  // namespace twister
