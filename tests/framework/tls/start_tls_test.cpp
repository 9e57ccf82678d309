// A conversation that changes to TLS in the middle.
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <stdexcept>

#include <twister/make_connection.hpp>
#include <twister/protocol.hpp>

#include "tls_test.hpp"

namespace twister::testing {
namespace {

// A server that changes to TLS when it is told to, as mail servers do.
class StartTls : public MemoryTest {
 protected:
  StartTls() {
    script.data = [this](Protocol& conn, std::string_view text) {
      if (text == "STARTTLS\n") {
        conn.write("go ahead\n");
        conn.start_tls(context, [this] { established = true; });
        conn.write("welcome\n");
      } else {
        conn.write(text);
      }
    };
    auto ends = memory_transport_pair(loop);
    make_connection(loop, std::move(ends.first), std::make_unique<Scripted>(script));
    client = IOStream(loop, std::move(ends.second));
    loop.run_until_idle();
  }

  std::string line() {
    std::string result;
    client.read_until("\n", [&](std::error_code error, ByteView data) {
      result = error ? error.message() : std::string(as_text(data));
    });
    loop.run_until_idle();
    return result;
  }
  std::error_code upgrade() {
    std::error_code result = Errc::read_timeout;
    client.start_tls(TlsClientContext(client_options()).layer("example.com"),
                     [&](std::error_code error) { result = error; });
    loop.run_until_idle();
    return result;
  }

  TlsServerContext context{server_options()};
  Script script;
  bool established = false;
  IOStream client;
};

TEST_F(StartTls, GoesOnWithTheSameProtocol) {
  client.write("STARTTLS\n");
  EXPECT_EQ(line(), "go ahead\n");
  EXPECT_EQ(upgrade(), std::error_code());
  EXPECT_TRUE(established);
  EXPECT_EQ(line(), "welcome\n");
  client.write("secret\n");
  EXPECT_EQ(line(), "secret\n");
  EXPECT_EQ(script.count("connect"), 1);
  EXPECT_TRUE(tls_info(client).has_value());
}

TEST_F(StartTls, TheCloseCallbackStays) {
  bool closed = false;
  client.set_close_callback([&](const CloseReason&) { closed = true; });
  client.write("STARTTLS\n");
  line();
  upgrade();
  script.conn->abort();
  loop.run_until_idle();
  EXPECT_TRUE(closed);
}

TEST_F(StartTls, AReadThatIsPendingForbidsIt) {
  client.read_bytes(1, [](std::error_code, ByteView) {});
  EXPECT_EQ(upgrade(), Errc::already_reading);
  EXPECT_TRUE(client.is_open());
}

TEST_F(StartTls, InputInClearTextForbidsIt) {
  client.write("one two");
  std::string first;
  client.read_bytes(3, [&](std::error_code, ByteView data) { first = as_text(data); });
  loop.run_until_idle();
  EXPECT_EQ(first, "one");
  EXPECT_EQ(upgrade(), Errc::unread_input);
}

TEST_F(StartTls, OutputThatThePeerDoesNotTakeEndsTheConnection) {
  script.data = nullptr;
  client.pause_reading();
  loop.run_until_idle();
  script.conn->write(std::string(500'000, 'x'));
  script.conn->start_tls(context);
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::unsent_output);
}

TEST_F(StartTls, AClientThatIsNotBelievedEndsTheConnection) {
  client.write("STARTTLS\n");
  line();
  CertificateAuthority other;
  std::error_code result;
  client.start_tls(TlsClientContext({.ca_file = other.file()}).layer("example.com"),
                   [&](std::error_code error) { result = error; });
  loop.run_until_idle();
  EXPECT_EQ(result.category(), tls_verify_category());
  EXPECT_FALSE(established);
  EXPECT_EQ(script.count("close"), 1);
}

TEST_F(StartTls, OnAStreamThatHasEndedFails) {
  script.conn->abort();
  loop.run_until_idle();
  EXPECT_EQ(upgrade(), Errc::reset);
}

// ---- before the connection is there, and when it is too late ----

TEST_F(StartTls, AskedForBeforeTheConnectionIsThereFollowsIt) {
  auto [near, far] = memory_transport_pair(loop);
  Script shaken;
  Protocol& server = make_connection(loop, std::move(near), std::make_unique<Scripted>(shaken));
  server.start_tls(context);  // on_connect has not been called
  IOStream early(loop, std::move(far));
  std::string told;
  early.start_tls(TlsClientContext(client_options()).layer("example.com"),
                  [&](std::error_code error) { told = error ? error.message() : "open"; });
  early.write("secret");
  EXPECT_EQ(told, "");
  loop.run_until_idle();
  EXPECT_EQ(told, "open");
  EXPECT_TRUE(tls_info(early).has_value());
  EXPECT_TRUE(tls_info(*shaken.conn).has_value());
  EXPECT_EQ(shaken.received, "secret");
}

TEST_F(StartTls, TwiceAtATimeIsRefused) {
  auto [near, far] = memory_transport_pair(loop);
  Script shaken;
  Protocol& server = make_connection(loop, std::move(near), std::make_unique<Scripted>(shaken));
  server.start_tls(context);
  EXPECT_THROW(server.start_tls(context), std::logic_error);
  IOStream early(loop, std::move(far));
  const TransportLayer layer = TlsClientContext(client_options()).layer("example.com");
  std::vector<std::error_code> told;
  const auto note = [&](std::error_code error) { told.push_back(error); };
  early.start_tls(layer, note);
  early.start_tls(layer, note);
  loop.run_until_idle();
  EXPECT_THAT(told, ::testing::UnorderedElementsAre(
                        std::error_code(), std::make_error_code(std::errc::operation_in_progress)));
  EXPECT_TRUE(early.is_open());
}

TEST_F(StartTls, HasItsOwnTimeForTheHandshake) {
  clock.advance(std::chrono::minutes(1));
  client.write("STARTTLS\n");
  EXPECT_EQ(line(), "go ahead\n");
  clock.advance(std::chrono::milliseconds(9999));
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(script.reason.code, Errc::handshake_timeout);
}

// What came with the command must not look as if it had come behind the handshake.
TEST_F(StartTls, InputThatIsKeptForbidsItAlsoOutsideOfATurn) {
  struct Keeper final : Protocol {
    explicit Keeper(CloseReason& reason) : why(reason) {}
    void on_data(ByteView) override { pause_reading(); }  // and keeps the rest
    std::size_t kept_bytes() const noexcept override { return 4; }
    void on_close(const CloseReason& reason) override { why = reason; }
    CloseReason& why;
  };
  CloseReason why;
  auto [near, far] = memory_transport_pair(loop);
  Protocol& keeper = make_connection(loop, std::move(near), std::make_unique<Keeper>(why));
  const ByteView lines = as_bytes("STARTTLS\r\nEVIL");
  far->send({&lines, 1});
  loop.run_until_idle();
  loop.add_callback([&] { keeper.start_tls(context); });
  loop.run_until_idle();
  EXPECT_EQ(why.code, Errc::unread_input);
}

// Over loopback, where events come in batches: what was told to wait for its event is gone by then.
TEST_F(StartTls, ALayerThatFailsInABatchOfEventsLeavesNobodyBehind) {
  IOLoop sockets;
  std::array<int, 2> first{}, second{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, first.data()), 0);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second.data()), 0);
  Script one, other;
  const auto encrypted = [&](int fd) { return context(make_socket_transport(sockets, fd)); };
  make_connection(sockets, encrypted(first[0]), std::make_unique<Scripted>(one));
  make_connection(sockets, encrypted(second[0]), std::make_unique<Scripted>(other));
  const auto client_on = [&](int fd) {
    return IOStream(sockets, TlsClientContext(client_options())(make_socket_transport(sockets, fd),
                                                                "example.com"));
  };
  std::array<IOStream, 2> clients{client_on(first[1]), client_on(second[1])};
  for (int i = 0; i < 100 && (one.conn == nullptr || other.conn == nullptr); ++i) {
    sockets.run_until_idle();
  }
  ASSERT_TRUE(one.conn != nullptr && other.conn != nullptr);
  const auto drop = [](std::unique_ptr<Transport>) -> std::unique_ptr<Transport> {
    return nullptr;
  };
  one.data = [&](Protocol&, std::string_view) { other.conn->start_tls(drop); };
  other.data = [&](Protocol&, std::string_view) { one.conn->start_tls(drop); };
  for (IOStream& stream : clients) stream.write("now");
  for (int i = 0; i < 100 && one.count("close") + other.count("close") == 0; ++i) {
    sockets.run_until_idle();
  }
  EXPECT_EQ(one.count("close") + other.count("close"), 1);
}

}  // namespace
}  // namespace twister::testing
