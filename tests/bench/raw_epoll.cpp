// raw_epoll: the yardstick. The least a server on epoll can do: edge-triggered, one shared receive
// buffer, a direct send, a short receive counts as drained. No framework, no limits, no manners.
//   raw_epoll [echo|framed|fan-out]
// echo     sends back what it receives
// framed   the same, message by message behind a 4-byte big-endian length
// fan-out  sends what it receives to every connection
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "epoll_server.hpp"

namespace {

struct Connection {
  int fd;
  std::size_t index = 0;        // in `everybody`
  std::vector<char> unsent{};   // what the socket did not take
  std::vector<char> partial{};  // the beginning of a message
};

std::vector<Connection*> everybody;  // for fan-out only

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

void echo(Connection& connection, const char* data, std::size_t size) {
  send_or_keep(connection, data, size);
}

void fan_out(Connection&, const char* data, std::size_t size) {
  for (Connection* each : everybody) send_or_keep(*each, data, size);
}

// Encodes the whole messages at the front; says how many bytes they took.
std::size_t encode_messages(const char* data, std::size_t size, std::vector<char>& out) {
  std::size_t at = 0;
  while (size - at >= 4) {
    std::uint32_t length = 0;
    std::memcpy(&length, data + at, sizeof length);
    length = ntohl(length);
    if (size - at - 4 < length) break;
    const std::uint32_t header = htonl(length);
    const char* bytes = reinterpret_cast<const char*>(&header);
    out.insert(out.end(), bytes, bytes + sizeof header);
    out.insert(out.end(), data + at + 4, data + at + 4 + length);
    at += 4 + length;
  }
  return at;
}

void framed(Connection& connection, const char* data, std::size_t size) {
  static std::vector<char> out;
  out.clear();
  std::vector<char>& partial = connection.partial;
  if (partial.empty()) {
    const std::size_t taken = encode_messages(data, size, out);
    partial.assign(data + taken, data + size);
  } else {
    partial.insert(partial.end(), data, data + size);
    const std::size_t taken = encode_messages(partial.data(), partial.size(), out);
    partial.erase(partial.begin(), partial.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  if (!out.empty()) send_or_keep(connection, out.data(), out.size());
}

template <auto Handle>
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
    Handle(connection, buffer.data(), static_cast<std::size_t>(got));
    if (static_cast<std::size_t>(got) < buffer.size() && (events & EPOLLRDHUP) == 0) return true;
  }
}

void drop(Connection* connection) {
  everybody[connection->index] = everybody.back();
  everybody[connection->index]->index = connection->index;
  everybody.pop_back();
  delete connection;
}

template <auto Handle>
int run() {
  return serve_on_epoll(
      "raw_epoll", EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
      [](int fd) {
        return everybody.emplace_back(new Connection{.fd = fd, .index = everybody.size()});
      },
      serve<Handle>, drop);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view work = argc > 1 ? argv[1] : "echo";
  if (work == "framed") return run<framed>();
  if (work == "fan-out") return run<fan_out>();
  return run<echo>();
}
