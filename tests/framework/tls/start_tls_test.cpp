// A conversation that changes to TLS in the middle.
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

}  // namespace
}  // namespace twister::testing
