// raw_epoll_echo: the yardstick. The least a server on epoll can do: edge-triggered, one shared
// receive buffer, a direct send, a short receive counts as drained. No framework, no limits, no
// manners.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <vector>

namespace {

struct Connection {
  int fd;
  std::vector<char> unsent;
};

// What the socket does not take is kept; the benchmark's clients read, so it hardly happens.
void send_or_keep(Connection& connection, const char* data, std::size_t size) {
  if (connection.unsent.empty()) {
    const ssize_t sent = send(connection.fd, data, size, MSG_NOSIGNAL);
    if (sent > 0) {
      data += sent;
      size -= static_cast<std::size_t>(sent);
    }
  }
  connection.unsent.insert(connection.unsent.end(), data, data + size);
}

bool serve(Connection& connection, unsigned events) {
  static std::array<char, 72 * 1024> buffer;
  if ((events & EPOLLOUT) != 0 && !connection.unsent.empty()) {
    std::vector<char> unsent;
    unsent.swap(connection.unsent);
    send_or_keep(connection, unsent.data(), unsent.size());
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return true;
  for (;;) {
    const ssize_t got = recv(connection.fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    send_or_keep(connection, buffer.data(), static_cast<std::size_t>(got));
    if (static_cast<std::size_t>(got) < buffer.size() && (events & EPOLLRDHUP) == 0) return true;
  }
}

void accept_all(int listener, int set) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = new Connection{.fd = fd, .unsent = {}};
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  }
}

}  // namespace

int main() {
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
    std::perror("raw_epoll_echo");
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
      const epoll_event& ready = events[static_cast<std::size_t>(i)];
      auto* connection = static_cast<Connection*>(ready.data.ptr);
      if (connection == nullptr) {
        accept_all(listener, set);
      } else if (!serve(*connection, ready.events)) {
        close(connection->fd);
        delete connection;
      }
    }
  }
}
