// Clients with TLS as their layer: when they are connected, and what becomes of those that are not.
#include <chrono>

#include <twister/reconnecting_client.hpp>
#include <twister/tcp_client.hpp>

#include "memory/client_parts.hpp"
#include "tls_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class TlsTcpClient : public TlsTest {
 protected:
  TcpClientOptions options() {
    TcpClientOptions made;
    made.resolver = &resolver;
    made.dialer = &dialer;
    made.layer = TlsClientContext(client_options());
    return made;
  }
  void connect(const TcpClientOptions& with, const std::string& host = "example.com") {
    client.emplace(loop, with);
    client->connect({host, 443}, outcome.handler());
    resolver.answer(0, {"192.0.2.1:443"});
  }
  // Joins the attempt to the server.
  void reach_the_server(std::size_t attempt = 0) {
    server->add_connection(dialer.succeed(attempt));
    loop.run_until_idle();
  }

  ManualResolver resolver{loop};
  ManualDialer dialer{loop};
  std::optional<TcpClient> client;
  Outcome outcome;
};

TEST_F(TlsTcpClient, IsConnectedWhenHandsAreShaken) {
  serve();
  connect(options());
  auto far = dialer.succeed(0);
  EXPECT_EQ(outcome.calls, 0);
  server->add_connection(std::move(far));
  loop.run_until_idle();
  ASSERT_TRUE(outcome.connected()) << outcome.error.message();
  EXPECT_EQ(tls_info(outcome.stream)->server_name, "example.com");
  outcome.stream.write("hello");
  loop.run_until_idle();
  EXPECT_EQ(script.received, "hello");
}

TEST_F(TlsTcpClient, ACertificateThatIsNotBelievedIsAFailure) {
  serve();
  connect(options(), "bar.example.com");
  reach_the_server();
  EXPECT_EQ(outcome.calls, 1);
  EXPECT_EQ(outcome.error, Condition::refused);
  EXPECT_THAT(outcome.error.message(),
              HasSubstr("cannot connect to bar.example.com:443 (192.0.2.1:443"));
  EXPECT_THAT(outcome.error.message(), HasSubstr("hostname mismatch"));
  EXPECT_FALSE(outcome.stream.is_open());
}

TEST_F(TlsTcpClient, WithoutANameNoConnectionComesAbout) {
  client.emplace(loop, options());
  client->connect(Destination::parse("unix:/run/service.sock"), outcome.handler());
  loop.run_until_idle();
  const auto far = dialer.succeed(0);
  loop.run_until_idle();
  EXPECT_EQ(outcome.calls, 1);
  EXPECT_THAT(outcome.error.message(), HasSubstr("set TlsClientOptions::server_name"));
}

TEST_F(TlsTcpClient, AHandshakeThatStandsStillRunsIntoItsTimeout) {
  connect(options());
  const auto far = dialer.succeed(0);
  clock.advance(10s);
  EXPECT_EQ(outcome.error, Errc::handshake_timeout);
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(TlsTcpClient, TheTimeoutOfTheClientCoversTheHandshakeToo) {
  TcpClientOptions with = options();
  with.timeout = 5s;
  connect(with);
  clock.advance(3s);
  const auto far = dialer.succeed(0);
  clock.advance(2s);
  EXPECT_EQ(outcome.error, Errc::connect_timeout);
  EXPECT_EQ(outcome.error.detail,
            "cannot connect to example.com:443 (after 5000 ms, in the handshake with "
            "192.0.2.1:443)");
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(TlsTcpClient, MayBeDestroyedInTheHandshake) {
  connect(options());
  const auto far = dialer.succeed(0);
  client.reset();
  loop.run_until_idle();
  EXPECT_EQ(outcome.calls, 1);
  EXPECT_EQ(outcome.error, std::errc::operation_canceled);
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(TlsTcpClient, BuildsNoProtocolBeforeHandsAreShaken) {
  int built = 0;
  serve();
  client.emplace(loop, options());
  client->connect(Destination("example.com", 443), [&built]() -> std::unique_ptr<Protocol> {
    ++built;
    return std::make_unique<Protocol>();
  });
  resolver.answer(0, {"192.0.2.1:443"});
  auto far = dialer.succeed(0);
  EXPECT_EQ(built, 0);
  server->add_connection(std::move(far));
  loop.run_until_idle();
  EXPECT_EQ(built, 1);
}

TEST_F(TlsTcpClient, AFailedHandshakeIsAFailedAttemptOfAReconnectingClient) {
  ReconnectOptions with;
  with.client = options();
  with.random = [] { return 1.0; };
  ReconnectingClient keeps(loop, "example.com:443", build<Protocol>(), with);
  keeps.start();
  resolver.answer(0, {"192.0.2.1:443"});
  dialer.succeed(0)->reset();
  loop.run_until_idle();
  EXPECT_EQ(keeps.last_error(), Errc::reset);
  serve();
  clock.advance(1s);
  resolver.answer(1, {"192.0.2.1:443"});
  reach_the_server(1);
  EXPECT_EQ(keeps.state(), ReconnectingClient::State::connected);
}

}  // namespace
}  // namespace twister::testing
