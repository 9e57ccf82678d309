// raw_epoll_tls: the yardstick for TLS: OpenSSL on the sockets of an epoll loop, and nothing else.
//   raw_epoll_tls CERTIFICATE KEY
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <vector>

#include <openssl/ssl.h>

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

bool serve(Connection& connection) {
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

void accept_all(int listener, int set, SSL_CTX* context) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    auto* connection = new Connection{.fd = fd, .ssl = SSL_new(context)};
    SSL_set_fd(connection->ssl, fd);
    SSL_set_accept_state(connection->ssl);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = connection;
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
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
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, raw, size) != 0 || listen(listener, 1024) != 0 ||
      getsockname(listener, raw, &size) != 0) {
    std::perror("raw_epoll_tls");
    return 1;
  }
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);

  const int set = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  epoll_ctl(set, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = epoll_wait(set, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (connection == nullptr) {
        accept_all(listener, set, context);
      } else if (!serve(*connection)) {
        SSL_free(connection->ssl);
        close(connection->fd);
        delete connection;
      }
    }
  }
}
