// tests/framework/tls/tls_test.hpp - a TLS server and TLS clients over memory transports.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <twister/io_stream.hpp>
#include <twister/tcp_server.hpp>
#include <twister/tls.hpp>

#include "memory/script.hpp"
#include "support/certificates.hpp"

namespace twister::testing {

// Making keys takes time: one authority for all tests of the program.
inline CertificateAuthority& authority() {
  static CertificateAuthority made;
  return made;
}

inline const CertificateAuthority::Files& example_com() {
  static const CertificateAuthority::Files files = authority().issue({"example.com"});
  return files;
}

inline TlsServerOptions server_options() {
  return {.certificate_file = example_com().certificate, .key_file = example_com().key};
}

inline TlsClientOptions client_options() {
  return {.ca_file = authority().file()};
}

// A client's that shows a certificate of its own.
inline TlsClientOptions with_certificate(CertificateAuthority& from = authority(),
                                         const std::vector<std::string>& names = {"alice"}) {
  const CertificateAuthority::Files files = from.issue(names);
  TlsClientOptions options = client_options();
  options.certificate_file = files.certificate;
  options.key_file = files.key;
  return options;
}

// A client whose other end is a Script's Protocol, with TLS between them.
class TlsTest : public MemoryTest {
 protected:
  void serve_and_ask(ClientCertificates how) {
    TlsServerOptions options = server_options();
    options.client_certificates = how;
    options.client_ca_file = authority().file();
    serve(options);
  }
  void serve(const TlsServerOptions& options = server_options()) {
    tls.emplace(options);
    server.emplace(
        loop, ":0", [this] { return std::make_unique<Scripted>(script); },
        ServerOptions{.layer = *tls});
  }

  // The client's end, without TLS: for what no client would send.
  std::unique_ptr<Transport> connect_plain(std::size_t capacity_bytes = 64 * 1024) {
    auto [near, far] = memory_transport_pair(loop, {.capacity_bytes = capacity_bytes});
    server->add_connection(std::move(near));
    return std::move(far);
  }

  struct Client {
    IOStream stream;
    std::string received;
    std::optional<std::error_code> end;
    CloseReason reason;
  };

  // A client that writes down all that it receives.
  std::unique_ptr<Client> connect_tls(const TlsClientContext& context,
                                      const std::string& host = "example.com") {
    auto client = std::make_unique<Client>();
    client->stream = IOStream(loop, context(connect_plain(), host));
    Client* raw = client.get();
    client->stream.set_close_callback([raw](const CloseReason& reason) { raw->reason = reason; });
    client->stream.read_until_close([raw](ByteView chunk) { raw->received += as_text(chunk); },
                                    [raw](std::error_code error, ByteView) { raw->end = error; });
    loop.run_until_idle();
    return client;
  }
  std::unique_ptr<Client> connect_tls(const TlsClientOptions& options = client_options(),
                                      const std::string& host = "example.com") {
    return connect_tls(TlsClientContext(options), host);
  }

  Script script;
  std::optional<TlsServerContext> tls;
  std::optional<TcpServer> server;
};

}  // namespace twister::testing
