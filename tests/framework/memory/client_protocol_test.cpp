// Protocols that clients connect.
#include <stdexcept>

#include "client_parts.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Address server_address = Address::parse("192.0.2.1:80");

class ClientProtocol : public ClientTest {
 protected:
  ProtocolHandler note() {
    return [this](const ConnectError& failure, Protocol* connected) {
      ++calls;
      error = failure;
      protocol = connected;
      events_before = script.events.size();
    };
  }
  // True when the far end has seen the connection go.
  bool dropped(Transport& far) {
    std::byte room;
    const auto status = far.receive({&room, 1}).status;
    return status == IoResult::Status::end_of_stream || status == IoResult::Status::failed;
  }

  Script script;
  TcpClient client{loop, options()};
  int calls = 0;
  ConnectError error;
  Protocol* protocol = nullptr;
  std::size_t events_before = 0;
};

TEST_F(ClientProtocol, IsConnectedBeforeTheHandlerIsTold) {
  client.connect(
      server_address, [this] { return std::make_unique<Scripted>(script); }, note());
  const auto far = dialer.succeed(0);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(error);
  EXPECT_EQ(protocol, script.conn);
  EXPECT_EQ(events_before, 1U);
  EXPECT_THAT(script.events, ElementsAre("connect"));
}

TEST_F(ClientProtocol, TalksBothWays) {
  script.connect = [](Protocol& conn) { conn.write("hello"); };
  client.connect(server_address, build<Scripted>(std::ref(script)));
  const auto far = dialer.succeed(0);
  EXPECT_EQ(receive(*far, 100), "hello");
  const ByteView reply = as_bytes("welcome");
  far->send({&reply, 1});
  loop.run_until_idle();
  EXPECT_EQ(script.received, "welcome");
}

TEST_F(ClientProtocol, MayBeMadeBeforehand) {
  client.connect(server_address, std::make_unique<Scripted>(script), note());
  const auto far = dialer.succeed(0);
  EXPECT_EQ(protocol, script.conn);
}

TEST_F(ClientProtocol, FactoryIsToldTheAddressThatWasReached) {
  std::string peer;
  client.connect("example.com:80", [&](const Address& address) {
    peer = address.to_string();
    return std::make_unique<Scripted>(script);
  });
  resolver.answer(0, {"192.0.2.7:80"});
  const auto far = dialer.succeed(0);
  EXPECT_EQ(peer, "192.0.2.7:80");
}

TEST_F(ClientProtocol, FactoryThatReturnsNullDropsTheConnection) {
  client.connect(
      server_address, []() -> std::unique_ptr<Protocol> { return nullptr; }, note());
  const auto far = dialer.succeed(0);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(error, std::errc::operation_canceled);
  EXPECT_EQ(error.detail, "cannot connect to 192.0.2.1:80 (the factory refused the connection)");
  EXPECT_TRUE(dropped(*far));
}

TEST_F(ClientProtocol, FactoryThatThrowsDropsTheConnection) {
  client.connect(
      server_address,
      []() -> std::unique_ptr<Protocol> { throw std::runtime_error("no memory left"); }, note());
  const auto far = dialer.succeed(0);
  EXPECT_EQ(error, Errc::callback_threw);
  EXPECT_THAT(error.detail, HasSubstr("no memory left"));
  EXPECT_TRUE(dropped(*far));
}

TEST_F(ClientProtocol, IsNotMadeWithoutAConnection) {
  client.connect(server_address, build<Scripted>(std::ref(script)), note());
  dialer.fail(0);
  EXPECT_EQ(error, std::errc::connection_refused);
  EXPECT_EQ(protocol, nullptr);
  EXPECT_TRUE(script.events.empty());
}

TEST_F(ClientProtocol, NoneComesAfterCancelling) {
  const auto cancel = client.connect(server_address, build<Scripted>(std::ref(script)), note());
  cancel();
  loop.run_until_idle();
  EXPECT_EQ(error, std::errc::operation_canceled);
  EXPECT_TRUE(dialer.attempts()[0].given_up);
  EXPECT_TRUE(script.events.empty());
}

TEST_F(ClientProtocol, IsAbortedWhenCancelledInItsOnConnect) {
  std::function<void()> cancel;
  script.connect = [&](Protocol&) { cancel(); };
  cancel = client.connect(server_address, build<Scripted>(std::ref(script)), note());
  const auto far = dialer.succeed(0);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(error, std::errc::operation_canceled);
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
  EXPECT_TRUE(dropped(*far));
}

TEST_F(ClientProtocol, ThatClosesInItsOnConnectWasConnected) {
  script.connect = [](Protocol& conn) {
    conn.write("bye");
    conn.close();
  };
  client.connect(server_address, build<Scripted>(std::ref(script)), note());
  const auto far = dialer.succeed(0);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(error);
  EXPECT_EQ(receive(*far, 3), "bye");
}

TEST_F(ClientProtocol, WithoutAHandlerAFailureIsLogged) {
  client.connect(server_address, build<Scripted>(std::ref(script)));
  dialer.fail(0);
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("connect_failed why=\"cannot connect to")));
}

TEST_F(ClientProtocol, OfALoopThatEndsIsTold) {
  auto own_loop = std::make_unique<IOLoop>(clock);
  ManualDialer own_dialer(*own_loop);
  TcpClientOptions with;
  with.dialer = &own_dialer;
  TcpClient own(*own_loop, with);
  own.connect(server_address, build<Scripted>(std::ref(script)), note());
  // Kept by the loop, which it may not outlive.
  own_loop->call_later(Duration::max(), [far = std::shared_ptr(own_dialer.succeed(0))] {});
  own_loop.reset();
  EXPECT_EQ(script.reason.code, Errc::loop_stopped);
}

}  // namespace
}  // namespace twister::testing
