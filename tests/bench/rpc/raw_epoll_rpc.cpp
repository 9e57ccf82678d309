// raw_epoll_rpc: the limit. Answers the frames of twister's RPC with the same bytes, and knows nothing of
// calls: no methods, messages, limits or deadlines; one receive and one send a readiness.
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../epoll_server.hpp"

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

bool serve(Connection& connection, unsigned /*events*/) {
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
  return serve_on_epoll(
      "raw_epoll_rpc", EPOLLIN, [](int fd) { return new Connection{.fd = fd}; }, serve,
      [](Connection* connection) { delete connection; });
}
