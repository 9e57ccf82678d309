// twister/tls.hpp - TLS for servers and clients. In a library of its own: twister::tls.
//
//   twister::TlsServerContext tls({.certificate_file = "server.pem", .key_file = "server.key"});
//   twister::TcpServer server(loop, ":8443", twister::build<Echo>(), {.layer = tls});
//
// It is a layer between a socket and a stream, so it goes over any transport, the memory transports
// of tests included.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <twister/clock.hpp>
#include <twister/transport.hpp>

namespace twister {

struct Endpoint;
class IOStream;
class Protocol;

// What TLS itself finds wrong. The other codes of its category are OpenSSL's.
enum class TlsErrc {
  truncated = 1,   // the stream ended without TLS's own goodbye: somebody may have cut it short
  no_certificate,  // the peer had none
};

// Codes of OpenSSL's library, and TlsErrc. `Condition::malformed`, but for what refuses a peer.
const std::error_category& tls_category() noexcept;
// Why a certificate was not believed: X509_V_ERR_... `Condition::refused`.
const std::error_category& tls_verify_category() noexcept;
std::error_code make_error_code(TlsErrc code) noexcept;

enum class ClientCertificates {
  not_asked,
  optional,  // a client may come without; one that does not verify is refused all the same
  required,
};

struct TlsServerOptions {
  // PEM: the certificate and behind it those up to the root; and its key, without a passphrase.
  std::string certificate_file;
  std::string key_file;
  ClientCertificates client_certificates = ClientCertificates::not_asked;
  // PEM: whose client certificates are believed.
  std::string client_ca_file{};
  // Application protocols (ALPN), the preferred one first; a client that offers none of them is
  // refused. Empty: not negotiated.
  std::vector<std::string> alpn{};
  // What the ticket keys' age goes by. Outlives the context; read by all threads that use that.
  const Clock* clock = &Clock::system();
};

// What a TLS server shows and demands.
//
// TLS 1.2 and 1.3; no renegotiation, no compression; sessions are resumed by tickets alone, so
// nothing is kept for them. The handshake has the stream's handshake_timeout.
//
// The key of the tickets changes every twelve hours, and the one before it is still good for as long;
// older ones cannot be had back, by nobody.
//
// Ownership: a handle; copies are one context. Threads: any; share one among the servers of all
//   loops, and make it before fork_processes(), so that a session can be resumed with any of them.
// Errors: the constructor, add_host() and reload() throw std::system_error that names the file.
class TlsServerContext {
 public:
  explicit TlsServerContext(const TlsServerOptions& options);

  // Shows another certificate to clients that ask for `name` (SNI): "example.com", or
  // "*.example.com" for any one label in its place.
  void add_host(std::string_view name, const std::string& certificate_file,
                const std::string& key_file);
  // Reads all files again. New connections get what is new, and may resume sessions of before, unless
  // client_ca_file has other authorities now. If anything is wrong, throws, and what was stays.
  void reload();

  // The layer of one connection.
  std::unique_ptr<Transport> operator()(std::unique_ptr<Transport> inner) const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

struct TlsClientOptions {
  // PEM: who is believed; empty for the system's.
  std::string ca_file{};
  // For servers that ask for one.
  std::string certificate_file{};
  std::string key_file{};
  std::vector<std::string> alpn{};
  // `false` believes anybody: for tests, never on a network.
  bool verify = true;
  // The name that the certificate must have, and that the server is asked for; empty for the host
  // that is connected to; needed over unix-domain sockets, which have none.
  std::string server_name{};
};

// How a TLS client looks at servers.
//
// Ownership: a handle; copies are one context. Threads: any.
// Limits: keeps the sessions of 256 hosts, to be resumed.
// Errors: the constructor throws std::system_error that names the file. With neither a host nor a
//   server_name (a unix-domain socket has no host) there is nothing to verify: layer() throws
//   std::invalid_argument, and so does the call for one connection, which costs that connection.
class TlsClientContext {
 public:
  explicit TlsClientContext(const TlsClientOptions& options = {});

  // The layer of one connection to `host`, a name or an address.
  std::unique_ptr<Transport> operator()(std::unique_ptr<Transport> inner,
                                        std::string_view host) const;
  TransportLayer layer(std::string host) const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

// What an Endpoint of the scheme `tls` says: `cert`, `key`, `client-ca`, `client-cert` and `alpn` for a
// server, which needs the first two (std::invalid_argument); `ca`, `cert`, `key`, `alpn`, `verify` and
// `hostname` for a client.
TlsServerOptions tls_server_options(const Endpoint& endpoint);
TlsClientOptions tls_client_options(const Endpoint& endpoint);

// What was agreed on with the peer.
struct TlsInfo {
  std::string version;       // "TLSv1.3"
  std::string cipher;        // "TLS_AES_256_GCM_SHA384"
  std::string alpn;          // empty: none was agreed on
  std::string server_name;   // that the client asked for
  std::string peer_subject;  // of its certificate, as RFC 2253 writes it; empty without one
  std::vector<std::string> peer_names;  // the DNS names in it
  bool resumed = false;
};

// Of a connection whose outermost layer is TLS, from on_connect to on_close; otherwise empty.
std::optional<TlsInfo> tls_info(const Protocol& conn);
std::optional<TlsInfo> tls_info(const IOStream& stream);

}  // namespace twister

template <>
struct std::is_error_code_enum<twister::TlsErrc> : std::true_type {};
