// raw_epoll_tls: the yardstick for TLS: OpenSSL on the sockets of an epoll loop, and nothing else.
//   raw_epoll_tls CERTIFICATE KEY
#include <array>
#include <csignal>
#include <cstdio>
#include <vector>

#include <openssl/ssl.h>

#include "epoll_server.hpp"

namespace {

struct Connection {
  int fd;
  SSL* ssl;
  std::vector<char> unsent{};
};

bool send_or_keep(Connection& connection, const char* data, int size) {
  if (connection.unsent.empty()) {
    const int sent = SSL_write(connection.ssl, data, size);
    if (sent == size) return true;
    if (sent <= 0 && SSL_get_error(connection.ssl, sent) != SSL_ERROR_WANT_WRITE) return false;
    data += sent > 0 ? sent : 0;
    size -= sent > 0 ? sent : 0;
  }
  connection.unsent.insert(connection.unsent.end(), data, data + size);
  return true;
}

bool serve(Connection& connection, unsigned /*events*/) {
  static std::array<char, 72 * 1024> buffer;
  if (!connection.unsent.empty()) {
    std::vector<char> unsent;
    unsent.swap(connection.unsent);
    if (!send_or_keep(connection, unsent.data(), static_cast<int>(unsent.size()))) return false;
  }
  for (;;) {
    const int got = SSL_read(connection.ssl, buffer.data(), static_cast<int>(buffer.size()));
    if (got <= 0) return SSL_get_error(connection.ssl, got) == SSL_ERROR_WANT_READ;
    if (!send_or_keep(connection, buffer.data(), got)) return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  if (argc != 3 || SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1) {
    std::fprintf(stderr, "usage: raw_epoll_tls CERTIFICATE KEY\n");
    return 2;
  }
  return serve_on_epoll(
      "raw_epoll_tls", EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
      [context](int fd) {
        auto* connection = new Connection{.fd = fd, .ssl = SSL_new(context)};
        SSL_set_fd(connection->ssl, fd);
        SSL_set_accept_state(connection->ssl);
        return connection;
      },
      serve,
      [](Connection* connection) {
        SSL_free(connection->ssl);
        delete connection;
      });
}
