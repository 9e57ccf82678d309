// tests/framework/support/socket_test.hpp - servers over loopback, on either reactor, in one thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/tcp_server.hpp>
#include <twister/testing/manual_clock.hpp>

#include "memory/script.hpp"
#include "support/client.hpp"

namespace twister::testing {

// Runs the loop until `done`, or fails the test after ten seconds.
inline bool run_until(IOLoop& loop, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  for (;;) {
    loop.run_until_idle();
    if (done()) return true;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "what was waited for did not happen in 10 s";
      return false;
    }
    std::this_thread::yield();  // to the kernel: loopback takes its time
  }
}

class EchoBack : public Protocol {
  void on_data(ByteView data) override { write(data); }
};

// Time stands still, so that no deadline of the framework passes unless a test says so.
class SocketTest : public ::testing::TestWithParam<ReactorKind> {
 protected:
  // A server on a port of its own, whose connections play `script`.
  TcpServer& serve(Script& script, const ServerOptions& options = {}) {
    return serve([&script] { return std::make_unique<Scripted>(script); }, options);
  }
  TcpServer& serve(ProtocolFactory build_class, const ServerOptions& options = {}) {
    server = std::make_unique<TcpServer>(loop, "127.0.0.1:0", std::move(build_class), options);
    server->start();
    return *server;
  }
  Client connect(const ClientOptions& options = {}) { return Client(address(), options); }
  Address address() const { return server->local_addresses().at(0); }

  bool run_until(const std::function<bool()>& done) { return testing::run_until(loop, done); }
  // Until the client has received that many bytes, or nothing more will come.
  std::string receive(Client& client, std::size_t bytes) {
    run_until([&] { return client.receive().received().size() >= bytes || client.over(); });
    return client.received();
  }
  // Until the server's end is known to the client.
  bool run_until_over(Client& client) {
    return run_until([&] { return client.receive().over(); });
  }
  // True when the client gets its own words back.
  bool echoes(Client& client, std::string_view text) {
    const std::size_t before = client.received().size();
    client.send(text);
    return receive(client, before + text.size()).substr(before) == text;
  }

  CapturedLog log;
  ManualClock clock;
  IOLoop loop{IOLoopOptions{.clock = &clock, .reactor = GetParam()}};
  std::unique_ptr<TcpServer> server;
};

inline std::string name_of_reactor(const ::testing::TestParamInfo<ReactorKind>& info) {
  return info.param == ReactorKind::epoll ? "Epoll" : "AsioWaits";
}

inline const auto both_reactors = ::testing::Values(ReactorKind::epoll, ReactorKind::asio_waits);

}  // namespace twister::testing
