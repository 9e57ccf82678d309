// twister/proxy_protocol.hpp - the client's address, told by the load balancer in front of us.
//
//   auto transport = twister::accept_proxy_header(
//       std::move(accepted), {.trusted = {twister::Network::parse("10.0.0.0/8")}});
//   server.add_connection(std::move(transport));  // its peer_address() is the client's
//
// Only for a port that clients do not reach except through that proxy. haproxy (send-proxy,
// send-proxy-v2), nginx, Envoy and the clouds' balancers send such headers.
#pragma once

#include <cstddef>
#include <memory>
#include <system_error>
#include <vector>

#include <twister/codecs/error.hpp>
#include <twister/network.hpp>
#include <twister/transport.hpp>

namespace twister {

struct ProxyOptions {
  // Whose headers are believed: the addresses of the proxies. Nobody's, unless told: whoever may
  // send a header may claim to be anybody.
  std::vector<Network> trusted{};
  // The longest header. 4 KiB: the addresses take 232 bytes at most, and of what may follow them
  // only a client's certificate needs more than some hundred. A header says up to 65 551.
  std::size_t max_header_bytes = 4 * 1024;
};

// Why a connection was dropped before anything of it was seen.
enum class ProxyErrc {
  untrusted_source = 1,  // refused    from none of ProxyOptions::trusted
  header_too_long,       // limit      over max_header_bytes, or a line over 107 bytes
  truncated_header,      // malformed  the stream ended inside the header
  not_a_header,          // malformed  neither version's signature
  bad_protocol,          // malformed  version 1: none of TCP4, TCP6, UNKNOWN
  bad_address,           // malformed  version 1: not an address of that family
  bad_port,              // malformed  version 1: not a number up to 65535, in its shortest form
  bad_line,              // malformed  version 1: other fields than these, or no CR LF behind them
  bad_version,           // malformed  version 2's signature with another version behind it
  bad_command,           // malformed  version 2: neither LOCAL nor PROXY
  bad_family,            // malformed  version 2: not a stream over IPv4, IPv6 or a unix socket
  bad_length,            // malformed  version 2: shorter than its addresses
  bad_tlv,       // malformed  version 2: a TLV that ends behind the header, or is no checksum
  bad_checksum,  // malformed  version 2: not the CRC32c that it carries
};

// Named "twister.proxy".
const std::error_category& proxy_category() noexcept;
std::error_code make_error_code(ProxyErrc code) noexcept;

// A transport that first takes a PROXY header, version 1 or 2, off `inner`, and from then on passes
// everything through.
//
// The connection is established, and on_connect called, once the header has come; peer_address() is
// then the client's. It stays that of the socket when the header names nobody: LOCAL (a proxy's own
// health check), UNKNOWN, UNSPEC. What version 2 carries behind the addresses is skipped; a checksum
// in it is verified.
//
// Ownership: owns `inner`, whose peer_address() is who has to be trusted. Threads: the loop's.
// Limits: max_header_bytes, judged before more than that is received; nothing behind the header is
//   received. Version 2 takes three receives, version 1 about eight.
// Timing: a header that does not come is for the stream's handshake deadline.
// Errors: a source that is not trusted, and bytes that are not a header, end the connection with a
//   ProxyErrc; the peer is told nothing.
std::unique_ptr<Transport> accept_proxy_header(std::unique_ptr<Transport> inner,
                                               const ProxyOptions& options);

}  // namespace twister

template <>
struct std::is_error_code_enum<twister::ProxyErrc> : std::true_type {};
