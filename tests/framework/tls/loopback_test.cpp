// TLS where it is used: over sockets, with either reactor. What does not need the kernel is in the other
// files of this folder, over memory transports.
#include <optional>
#include <string>
#include <utility>

#include "support/socket_test.hpp"
#include "tls_test.hpp"

namespace twister::testing {
namespace {

class TlsOverLoopback : public SocketTest {
 protected:
  void serve_tls() {
    script.data = [](Protocol& conn, std::string_view text) { conn.write(text); };
    serve(script, {.layer = TlsServerContext(server_options())});
  }
  // Connects with TLS and writes down what comes; `below` is the socket.
  void connect_tls(const std::string& host = "example.com") {
    auto socket = make_connecting_transport(loop, address());
    below = socket.get();
    client = IOStream(loop, TlsClientContext(client_options())(std::move(socket), host));
    client.set_close_callback([this](const CloseReason& why) { reason = why; });
    client.read_until_close([this](ByteView chunk) { received += as_text(chunk); });
  }
  bool run_until_received(std::size_t bytes) {
    return run_until([&] { return received.size() >= bytes || reason.has_value(); });
  }

  Script script;
  IOStream client;
  Transport* below = nullptr;
  std::string received;
  std::optional<CloseReason> reason;
};

TEST_P(TlsOverLoopback, AHelloGoesBothWays) {
  serve_tls();
  connect_tls();
  client.write("hello");
  run_until_received(5);
  EXPECT_EQ(received, "hello");
  EXPECT_EQ(tls_info(client)->peer_subject, "CN=example.com");
  client.close();
  run_until([&] { return reason.has_value() && script.count("close") == 1; });
  EXPECT_TRUE(script.reason.clean()) << script.reason.message();
}

TEST_P(TlsOverLoopback, MoreThanTheSocketsHoldComesBackWhole) {
  serve_tls();
  connect_tls();
  const std::string large = pattern(3'000'000);
  client.write(large);
  run_until_received(large.size());
  EXPECT_EQ(received.size(), large.size());
  EXPECT_TRUE(received == large);
}

TEST_P(TlsOverLoopback, AnEndWithoutAGoodbyeIsTruncated) {
  serve_tls();
  connect_tls();
  client.write("half a mess");
  run_until_received(11);
  below->shutdown_send();  // FIN, and no close_notify
  run_until([&] { return script.count("close") == 1; });
  EXPECT_EQ(script.reason.code, TlsErrc::truncated);
}

TEST_P(TlsOverLoopback, AServerThatIsNotBelievedIsLeftBeforeAnythingIsSaid) {
  serve_tls();
  connect_tls("bar.example.com");
  client.write("secret");
  run_until([&] { return reason.has_value() && server->connection_count() == 0; });
  EXPECT_EQ(reason->code.category(), tls_verify_category());
  EXPECT_EQ(script.count("connect"), 0);
  EXPECT_EQ(script.received, "");
}

// ---- leaving in the middle of the handshake ----

TEST_P(TlsOverLoopback, AClientThatLeavesInTheHandshakeLeavesNothingBehind) {
  serve_tls();
  Client peer = connect();
  peer.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  run_until([&] { return server->connection_count() == 1; });
  peer.close();
  run_until([&] { return server->connection_count() == 0; });
  EXPECT_EQ(script.count("connect"), 0);
}

TEST_P(TlsOverLoopback, SoDoesOneThatResetsIt) {
  serve_tls();
  Client peer = connect();
  peer.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  run_until([&] { return server->connection_count() == 1; });
  peer.reset();
  run_until([&] { return server->connection_count() == 0; });
  EXPECT_EQ(script.count("connect"), 0);
}

TEST_P(TlsOverLoopback, ClosingInTheHandshakeIsAnEndForThePeerAtOnce) {
  serve(script);  // says nothing in return
  connect_tls();
  run_until([&] { return !script.received.empty(); });
  EXPECT_EQ(script.received.front(), '\x16');
  client.close();
  run_until([&] { return script.count("eof") == 1 && reason.has_value(); });
  EXPECT_EQ(reason->code, Errc::closed_here);
  EXPECT_EQ(script.count("data"), 1);  // no close_notify, which nobody could read
}

// ---- in the middle of a conversation ----

// A server whose connections are streams.
class StartTlsOverLoopback : public TlsOverLoopback {
 protected:
  void SetUp() override {
    serve(handle_streams([this](IOStream stream) {
      accepted = std::move(stream);
      accepted.read_until("\n", [this](std::error_code, ByteView) {
        accepted.write("go ahead\n");
        accepted.start_tls(TlsServerContext(server_options()), [this](std::error_code error) {
          shaken = error;
          accepted.read_until("\n", [this](std::error_code, ByteView line) {
            accepted.write("you said " + std::string(as_text(line)));
          });
        });
      });
    }));
    client = IOStream::connect(loop, address());
  }
  std::string line() {
    std::optional<std::string> got;
    client.read_until("\n", [&](std::error_code error, ByteView data) {
      got = error ? error.message() : std::string(as_text(data));
    });
    run_until([&] { return got.has_value(); });
    return got.value_or("");
  }
  std::error_code upgrade(const std::string& host) {
    std::optional<std::error_code> result;
    client.start_tls(TlsClientContext(client_options()).layer(host),
                     [&](std::error_code error) { result = error; });
    run_until([&] { return result.has_value(); });
    return result.value_or(Errc::read_timeout);
  }

  IOStream accepted;
  std::optional<std::error_code> shaken;
};

TEST_P(StartTlsOverLoopback, AStreamIsTheServer) {
  client.write("STARTTLS\n");
  EXPECT_EQ(line(), "go ahead\n");
  EXPECT_EQ(upgrade("example.com"), std::error_code());
  client.write("secret\n");
  EXPECT_EQ(line(), "you said secret\n");
  EXPECT_EQ(shaken, std::error_code());
  EXPECT_TRUE(tls_info(accepted).has_value());
}

TEST_P(StartTlsOverLoopback, AClientThatDoesNotBelieveItIsAnErrorOfThatStream) {
  client.write("STARTTLS\n");
  EXPECT_EQ(line(), "go ahead\n");
  EXPECT_EQ(upgrade("bar.example.com").category(), tls_verify_category());
  run_until([&] { return shaken.has_value(); });
  EXPECT_EQ(shaken->category(), tls_category());
  EXPECT_FALSE(accepted.is_open());
}

INSTANTIATE_TEST_SUITE_P(Reactors, TlsOverLoopback, both_reactors, name_of_reactor);
INSTANTIATE_TEST_SUITE_P(Reactors, StartTlsOverLoopback, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
