// raw_epoll_rpc: the limit. Answers the frames of twister's RPC with the same bytes, and knows nothing of
// calls: no methods, messages, limits or deadlines; one receive and one send a readiness.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace {

constexpr std::size_t header_bytes = 12;
constexpr std::size_t buffer_bytes = 72 * 1024;
constexpr char preface[header_bytes + 1] = "twister\x01\0\0\0\0";

struct Connection {
  int fd;
  std::size_t held = 0;  // the beginning of a frame
  std::array<char, buffer_bytes> in{};
};

// Answers the whole frames at the front of `in`; says how many bytes they took.
std::size_t answer(const char* in, std::size_t size, std::vector<char>& out) {
  std::size_t at = 0;
  while (size - at >= header_bytes) {
    std::array<char, header_bytes> header;
    std::memcpy(header.data(), in + at, header_bytes);
    const bool is_preface = std::memcmp(header.data(), preface, 8) == 0;
    std::uint32_t length = 0;
    std::memcpy(&length, header.data() + (is_preface ? 8 : 0), sizeof length);
    if (size - at - header_bytes < length) break;
    const char* body = in + at + header_bytes;
    at += header_bytes + length;
    if (is_preface) {
      out.insert(out.end(), preface, preface + header_bytes);
      continue;
    }
    if (header[5] != 0) {  // the method's name, the first time
      const auto name = std::size_t{static_cast<unsigned char>(*body)} + 1;
      body += name;
      length -= static_cast<std::uint32_t>(name);
      std::memcpy(header.data(), &length, sizeof length);
    }
    header[4] = static_cast<char>(0x81);    // a response,
    header[5] = header[6] = header[7] = 0;  // and it is OK
    const std::size_t end = out.size();
    out.resize(end + header_bytes + length);
    std::memcpy(out.data() + end, header.data(), header_bytes);
    std::memcpy(out.data() + end + header_bytes, body, length);
  }
  return at;
}

bool serve(Connection& connection) {
  static std::vector<char> out;
  const ssize_t got = recv(connection.fd, connection.in.data() + connection.held,
                           connection.in.size() - connection.held, 0);
  if (got <= 0) return false;
  const std::size_t size = connection.held + static_cast<std::size_t>(got);
  out.clear();
  const std::size_t used = answer(connection.in.data(), size, out);
  connection.held = size - used;
  std::memmove(connection.in.data(), connection.in.data() + used, connection.held);
  // The load reads before it calls again: there is room.
  return out.empty() || send(connection.fd, out.data(), out.size(), MSG_NOSIGNAL) ==
                            static_cast<ssize_t>(out.size());
}

}  // namespace

int main() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, raw, size) != 0 || listen(listener, 128) != 0 ||
      getsockname(listener, raw, &size) != 0) {
    std::perror("raw_epoll_rpc");
    return 1;
  }
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);

  const int set = epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(set, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, 64> events;
  for (;;) {
    const int count = epoll_wait(set, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (connection == nullptr) {
        connection = new Connection{.fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)};
        event = {.events = EPOLLIN, .data = {.ptr = connection}};
        epoll_ctl(set, EPOLL_CTL_ADD, connection->fd, &event);
      } else if (!serve(*connection)) {
        close(connection->fd);
        delete connection;
      }
    }
  }
}
