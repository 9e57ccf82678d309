// tests/framework/memory/admin_client.hpp - an operator's connection to an AdminServer, in memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <twister/admin_server.hpp>

#include "memory/script.hpp"

namespace twister::testing {

class AdminClient {
 public:
  AdminClient(IOLoop& loop, AdminServer& admin, std::size_t capacity_bytes = 1024 * 1024)
      : loop_(loop) {
    auto [near, far] = memory_transport_pair(loop, {.capacity_bytes = capacity_bytes});
    admin.add_connection(std::move(near));
    make_connection(loop, std::move(far), std::make_unique<Scripted>(script));
    loop.run_until_idle();
  }

  void send(std::string_view text) {
    if (script.conn != nullptr) script.conn->write(text);
    loop_.run_until_idle();
  }
  // Everything received since the last call.
  std::string take() { return std::exchange(script.received, ""); }
  // The reply to a GET, head and body.
  std::string get(std::string_view path) {
    send("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return take();
  }
  // The body alone.
  std::string body(std::string_view path) {
    const std::string reply = get(path);
    const std::size_t end = reply.find("\r\n\r\n");
    return end == reply.npos ? reply : reply.substr(end + 4);
  }
  bool ended() const { return script.count("close") > 0; }

  Script script;

 private:
  IOLoop& loop_;
};

}  // namespace twister::testing
