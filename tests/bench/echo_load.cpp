// echo_load: drives an echo server in a closed loop, in slices on request.
//   echo_load PORT SERVER_PID CONNECTIONS DEPTH BYTES [HEADER_BYTES]
// Connects, prints `ready`, then for each line `MILLISECONDS` on standard input runs one slice and
// prints
//   MESSAGES SECONDS SERVER_CPU_NANOSECONDS
// A message is BYTES long (with HEADER_BYTES 4: behind a big-endian length) and is counted when it
// is back.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
  int fd = -1;
  std::size_t to_receive = 0;  // of what is in flight
  std::size_t to_send = 0;
};

// The kernel's own count of the CPU time that the server's main thread has used.
std::uint64_t cpu_nanoseconds(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/schedstat");
  std::uint64_t used = 0;
  file >> used;
  return used;
}

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

class Load {
 public:
  Load(std::uint16_t port, std::size_t connections, std::size_t depth, std::size_t bytes,
       std::size_t header)
      : message_(bytes + header), batch_(message_ * depth, 'x'), set_(epoll_create1(0)) {
    if (header == 4) {
      const std::uint32_t length = htonl(static_cast<std::uint32_t>(bytes));
      for (std::size_t at = 0; at < batch_.size(); at += message_) {
        std::memcpy(batch_.data() + at, &length, sizeof length);
      }
    }
    connections_.resize(connections);
    for (std::size_t i = 0; i < connections; ++i) connect_one(i, port);
  }

  std::uint64_t run(std::chrono::milliseconds duration) {
    std::uint64_t messages = 0;
    const auto until = Clock::now() + duration;
    for (Connection& connection : connections_) begin(connection);
    std::size_t busy = connections_.size();
    std::array<epoll_event, 256> events;
    bool running = true;
    while (busy > 0) {
      const int count = epoll_wait(set_, events.data(), static_cast<int>(events.size()), 1000);
      if (count == 0) die("the server does not answer");
      if (running) running = Clock::now() < until;
      for (int i = 0; i < count; ++i) {
        Connection& connection = connections_[events[static_cast<std::size_t>(i)].data.u64];
        if (!advance(connection)) continue;
        messages += batch_.size() / message_;
        if (running) {
          begin(connection);
        } else {
          --busy;
        }
      }
    }
    return messages;
  }

 private:
  void connect_one(std::size_t index, std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("connect");
    connections_[index].fd = fd;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.u64 = index;
    epoll_ctl(set_, EPOLL_CTL_ADD, fd, &event);
  }

  void begin(Connection& connection) {
    connection.to_send = connection.to_receive = batch_.size();
    push(connection);
  }

  void push(Connection& connection) {
    while (connection.to_send > 0) {
      const char* data = batch_.data() + (batch_.size() - connection.to_send);
      const ssize_t sent =
          send(connection.fd, data, connection.to_send, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) die("send");
      connection.to_send -= static_cast<std::size_t>(sent);
    }
  }

  // True when the whole batch is back.
  bool advance(Connection& connection) {
    static std::array<char, 256 * 1024> buffer;
    if (connection.to_receive == 0) return false;
    push(connection);
    while (connection.to_receive > 0) {
      const std::size_t room = std::min(buffer.size(), connection.to_receive);
      const ssize_t got = recv(connection.fd, buffer.data(), room, MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) return false;
      if (got <= 0) die("recv");
      connection.to_receive -= static_cast<std::size_t>(got);
    }
    return true;
  }

  std::size_t message_;
  std::string batch_;
  int set_;
  std::vector<Connection> connections_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr,
                 "usage: echo_load PORT SERVER_PID CONNECTIONS DEPTH BYTES [HEADER_BYTES]\n");
    return 2;
  }
  const std::string pid = argv[2];
  Load load(static_cast<std::uint16_t>(std::atoi(argv[1])), std::strtoul(argv[3], nullptr, 10),
            std::strtoul(argv[4], nullptr, 10), std::strtoul(argv[5], nullptr, 10),
            argc > 6 ? std::strtoul(argv[6], nullptr, 10) : 0);
  std::printf("ready\n");
  std::fflush(stdout);
  for (long milliseconds = 0; std::scanf("%ld", &milliseconds) == 1;) {
    const std::uint64_t cpu = cpu_nanoseconds(pid);
    const auto started = Clock::now();
    const std::uint64_t messages = load.run(std::chrono::milliseconds(milliseconds));
    const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
    std::printf("%llu %.6f %llu\n", static_cast<unsigned long long>(messages), seconds,
                static_cast<unsigned long long>(cpu_nanoseconds(pid) - cpu));
    std::fflush(stdout);
  }
}
