// What the yardsticks on epoll have in common: a listener on 127.0.0.1, whose port is printed, and the loop.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>

// Returns 1 when it cannot listen, and otherwise never. `make(fd)` gives a Connection*, which is watched for `events`;
// `serve(connection, events)` says whether it goes on; if not, `drop(connection)`, and the descriptor is closed.
template <class Make, class Serve, class Drop>
int serve_on_epoll(const char* program, unsigned events, Make make, Serve serve, Drop drop) {
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
    std::perror(program);
    return 1;
  }
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);

  using Connection = decltype(make(listener));
  const int set = epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [set](int fd, unsigned what, Connection connection) {
    epoll_event event{};
    event.events = what;
    event.data.ptr = connection;
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  };
  watch(listener, EPOLLIN, nullptr);
  std::array<epoll_event, 256> ready;
  for (;;) {
    const int count = epoll_wait(set, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = ready[static_cast<std::size_t>(i)];
      auto* const connection = static_cast<Connection>(event.data.ptr);
      if (connection == nullptr) {
        for (;;) {
          const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
          if (fd < 0) break;
          watch(fd, events, make(fd));
        }
      } else if (!serve(*connection, event.events)) {
        close(connection->fd);
        drop(connection);
      }
    }
  }
}
