// tls_echo: the echo server behind TLS.
//   openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost
//       -addext subjectAltName=DNS:localhost -keyout server.key -out server.pem     (all one line)
//   ./dev run tls_echo     then:  openssl s_client -quiet -connect 127.0.0.1:8888 -CAfile server.pem
// What you type comes back, encrypted on the way. SIGHUP reads the files again: new connections see
// the new certificate, and a broken file changes nothing.
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>

#include <twister/log.hpp>
#include <twister/serve.hpp>
#include <twister/signal_watch.hpp>
#include <twister/tls.hpp>

class Echo : public twister::Protocol {
  void on_data(twister::ByteView data) override { write(data); }
};

class TlsEchoServer : public twister::TcpServer {
 public:
  TlsEchoServer(twister::IOLoop& loop, std::string_view address, twister::ServerOptions options,
                twister::TlsServerContext tls)
      : TcpServer(loop, address, twister::build<Echo>(), with_layer(std::move(options), tls)),
        reload_(loop, SIGHUP, [tls]() mutable { tls.reload(); }) {}

 private:
  static twister::ServerOptions with_layer(twister::ServerOptions options,
                                           const twister::TlsServerContext& tls) {
    options.layer = tls;
    return options;
  }

  twister::SignalWatch reload_;
};

int main(int argc, char** argv) try {
  const twister::TlsServerContext tls({.certificate_file = "server.pem", .key_file = "server.key"});
  return twister::serve_main(
      argc, argv,
      [&](twister::IOLoop& loop, std::string_view address, const twister::ServerOptions& options) {
        return std::make_unique<TlsEchoServer>(loop, address, options, tls);
      });
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
