#include "load_tls.hpp"

#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#ifdef TWISTER_BENCH_TLS
#include <openssl/ssl.h>
#endif

namespace twister::bench {

#ifdef TWISTER_BENCH_TLS
namespace {

void wait_for(int fd, short events) {
  pollfd ready{.fd = fd, .events = events, .revents = 0};
  poll(&ready, 1, 5000);
}

ssize_t outcome(SSL* ssl, int result) {
  if (result > 0) return result;
  const int error = SSL_get_error(ssl, result);
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
  return -1;
}

}  // namespace

void* start_tls(int fd) {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(made, 1);
    return made;
  }();
  wait_for(fd, POLLOUT);
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  SSL_set_connect_state(ssl);
  for (;;) {
    const int result = SSL_do_handshake(ssl);
    if (result == 1) return ssl;
    const int error = SSL_get_error(ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      std::fprintf(stderr, "load: the TLS handshake failed\n");
      std::exit(1);
    }
    wait_for(fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
  }
}

ssize_t send_tls(void* connection, const void* data, std::size_t size) {
  auto* ssl = static_cast<SSL*>(connection);
  return outcome(ssl, SSL_write(ssl, data, static_cast<int>(size)));
}

ssize_t receive_tls(void* connection, void* room, std::size_t size) {
  auto* ssl = static_cast<SSL*>(connection);
  return outcome(ssl, SSL_read(ssl, room, static_cast<int>(size)));
}
#else
void* start_tls(int) {
  std::fprintf(stderr, "load: built without TLS\n");
  std::exit(2);
}
ssize_t send_tls(void*, const void*, std::size_t) {
  return -1;
}
ssize_t receive_tls(void*, void*, std::size_t) {
  return -1;
}
#endif

}  // namespace twister::bench
