// Servers, loops and connections that end at the worst moment.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/make_connection.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;

// Runs a function in one of its hooks.
class HookedServer : public TcpServer {
 public:
  using TcpServer::TcpServer;
  std::function<void()> connecting;
  std::function<void()> receiving;
  std::function<void()> closing;

 protected:
  void on_connect(Protocol& conn) override {
    TcpServer::on_connect(conn);
    if (connecting) connecting();
  }
  void handle_stream(Protocol& conn, ByteView chunk) override {
    const auto call = receiving;  // the server may be gone afterwards
    TcpServer::handle_stream(conn, chunk);
    if (call) call();
  }
  void on_close(Protocol&, const CloseReason&) override {
    if (closing) closing();
  }
};

class Lifetime : public SocketTest {
 protected:
  HookedServer& serve_hooked() {
    auto hooked = std::make_unique<HookedServer>(
        loop, "127.0.0.1:0", [this] { return std::make_unique<Scripted>(script); });
    HookedServer& result = *hooked;
    server = std::move(hooked);
    server->start();
    return result;
  }

  Script script;
};

TEST_P(Lifetime, ServerMayEndInsideItsOnConnect) {
  serve_hooked().connecting = [this] { server.reset(); };
  Client client = connect();
  run_until_over(client);
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
  EXPECT_EQ(script.reason.code, Errc::server_gone);
}

TEST_P(Lifetime, ServerMayEndInsideHandleStream) {
  serve_hooked().receiving = [this] { server.reset(); };
  Client client = connect();
  client.send("hello");
  run_until_over(client);
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "close"));
}

TEST_P(Lifetime, ServerMayEndInsideOnData) {
  script.data = [this](Protocol&, std::string_view) { server.reset(); };
  serve_hooked();
  Client client = connect();
  Client other = connect();
  client.send("hello");
  run_until_over(client);
  run_until_over(other);
  EXPECT_EQ(script.count("close"), 2);
}

TEST_P(Lifetime, ServerMayEndInsideItsOnClose) {
  serve_hooked().closing = [this] { server.reset(); };
  Client client = connect();
  Client other = connect();
  run_until([&] { return script.count("connect") == 2; });
  client.close();
  run_until_over(other);
  EXPECT_EQ(script.count("close"), 2);
}

TEST_P(Lifetime, ServerMayEndInsideTheFactory) {
  serve([this]() -> std::unique_ptr<Protocol> {
    server.reset();
    return std::make_unique<Scripted>(script);
  });
  Client client = connect();
  Client other = connect();
  run_until_over(client);
  run_until_over(other);
  EXPECT_THAT(script.events, ElementsAre());
}

TEST_P(Lifetime, ServerMayEndWithConnectionsThatWereNotAccepted) {
  serve(script);
  Client client = connect();
  server.reset();
  run_until_over(client);
}

TEST_P(Lifetime, ConnectionThatClosesInsideOnCloseOfAnotherIsToldOnce) {
  Script other;
  Script* next = &script;
  serve([&] { return std::make_unique<Scripted>(*std::exchange(next, &other)); });
  Client first = connect();
  Client second = connect();
  run_until([&] { return other.conn != nullptr; });
  script.close = [&](Protocol&, const CloseReason&) { other.conn->abort(); };
  first.close();
  run_until_over(second);
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(other.count("close"), 1);
  EXPECT_EQ(other.reason.code, Errc::aborted_here);
}

TEST_P(Lifetime, LoopMayEndWithLiveConnections) {
  auto brief = std::make_unique<IOLoop>(IOLoopOptions{.clock = &clock, .reactor = GetParam()});
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  make_connection(*brief, make_socket_transport(*brief, ends[0]),
                  std::make_unique<Scripted>(script));
  brief->run_until_idle();
  script.conn->write("unsent");
  brief.reset();
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
  EXPECT_EQ(script.reason.code, Errc::loop_stopped);
  EXPECT_LT(::fcntl(ends[0], F_GETFD), 0);
  ::close(ends[1]);
}

TEST_P(Lifetime, LoopMayEndRightAfterItsServer) {
  auto brief = std::make_unique<IOLoop>(IOLoopOptions{.clock = &clock, .reactor = GetParam()});
  auto brief_server = std::make_unique<TcpServer>(
      *brief, "127.0.0.1:0", [this] { return std::make_unique<Scripted>(script); });
  brief_server->start();
  Client client(brief_server->local_addresses().at(0));
  testing::run_until(*brief, [&] { return script.conn != nullptr; });
  brief_server.reset();
  EXPECT_EQ(script.count("close"), 0);  // told by the loop, not inside the destructor
  brief.reset();
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(script.reason.code, Errc::server_gone);
  EXPECT_TRUE(client.receive().over());
}

// Two connections that have bytes waiting, and so are in one batch of events.
class OneBatch : public SocketTest {
 protected:
  void SetUp() override {
    Script* next = &a;
    serve([&, next]() mutable { return std::make_unique<Scripted>(*std::exchange(next, &b)); });
    clients.push_back(connect());
    run_until([&] { return a.conn != nullptr; });
    clients.push_back(connect());
    run_until([&] { return b.conn != nullptr; });
  }
  void send_both() {
    for (Client& client : clients) client.send("hello");
  }

  Script a;
  Script b;
  std::vector<Client> clients;
};

TEST_P(OneBatch, WhoComesFirstMayAbortTheOther) {
  a.data = [this](Protocol&, std::string_view) {
    if (b.conn != nullptr) b.conn->abort();
  };
  b.data = [this](Protocol&, std::string_view) {
    if (a.conn != nullptr) a.conn->abort();
  };
  send_both();
  run_until([&] { return a.count("close") + b.count("close") == 1; });
  loop.run_until_idle();
  EXPECT_EQ(a.count("data") + b.count("data"), 1);
  EXPECT_EQ(server->connection_count(), 1U);
}

TEST_P(OneBatch, WhoComesFirstMayCloseTheOther) {
  a.data = [this](Protocol&, std::string_view) {
    if (b.conn != nullptr) b.conn->close();
  };
  b.data = [this](Protocol&, std::string_view) {
    if (a.conn != nullptr) a.conn->close();
  };
  send_both();
  run_until([&] { return clients[0].receive().over() || clients[1].receive().over(); });
  EXPECT_EQ(a.count("data") + b.count("data"), 1);
}

TEST_P(OneBatch, WhoComesFirstMayEndTheServer) {
  a.data = b.data = [this](Protocol&, std::string_view) { server.reset(); };
  send_both();
  run_until([&] { return a.count("close") + b.count("close") == 2; });
  EXPECT_EQ(a.count("data") + b.count("data"), 1);
}

TEST_P(OneBatch, ADescriptorThatIsUsedAgainGetsNoOldEvents) {
  Script fresh;
  std::array<int, 2> ends{-1, -1};
  // Closes both connections, and makes another one in their place while their events are pending.
  a.data = b.data = [&](Protocol&, std::string_view) {
    a.conn->abort();
    b.conn->abort();
    loop.add_callback([&] {
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
      make_connection(loop, make_socket_transport(loop, ends[0]),
                      std::make_unique<Scripted>(fresh));
    });
  };
  send_both();
  run_until([&] { return fresh.conn != nullptr; });
  loop.run_until_idle();
  EXPECT_THAT(fresh.events, ElementsAre("connect"));
  ASSERT_EQ(::write(ends[1], "new", 3), 3);
  run_until([&] { return fresh.received == "new"; });
  ::close(ends[1]);
}

INSTANTIATE_TEST_SUITE_P(Reactors, Lifetime, both_reactors, name_of_reactor);
INSTANTIATE_TEST_SUITE_P(Reactors, OneBatch, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
