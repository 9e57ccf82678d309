// Who is believed, and what is agreed on.
#include <array>
#include <chrono>
#include <stdexcept>

#include "tls_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TlsHandshake : public TlsTest {};

TEST_F(TlsHandshake, OnConnectComesAfterIt) {
  serve();
  std::optional<TlsInfo> info;
  script.connect = [&](Protocol& conn) { info = tls_info(conn); };
  const auto client = connect_tls();
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->version, "TLSv1.3");
  EXPECT_EQ(info->server_name, "example.com");
  EXPECT_THAT(script.events, ElementsAre("connect"));
}

TEST_F(TlsHandshake, TheClientSeesTheServersCertificate) {
  serve();
  const auto client = connect_tls();
  const auto info = tls_info(client->stream);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->peer_subject, "CN=example.com");
  EXPECT_THAT(info->peer_names, ElementsAre("example.com"));
}

TEST_F(TlsHandshake, AConnectionWithoutTlsHasNoInfo) {
  const auto peer = connect(script);
  loop.run_until_idle();
  EXPECT_FALSE(tls_info(*script.conn).has_value());
  EXPECT_FALSE(tls_info(IOStream()).has_value());
}

TEST_F(TlsHandshake, AnAuthorityThatIsNotKnownIsNotBelieved) {
  serve();
  CertificateAuthority other;
  const auto client = connect_tls({.ca_file = other.file()});
  EXPECT_EQ(client->reason.code.category(), tls_verify_category());
  EXPECT_EQ(client->reason.code, Condition::refused);
  EXPECT_EQ(script.count("connect"), 0);
  EXPECT_THAT(log.lines(), Contains(HasSubstr("the peer does not believe our certificate")));
}

TEST_F(TlsHandshake, AnotherHostsCertificateIsNotBelieved) {
  serve();
  const auto client = connect_tls(client_options(), "bar.example.com");
  EXPECT_THAT(client->reason.message(), HasSubstr("hostname mismatch"));
}

TEST_F(TlsHandshake, AnExpiredCertificateIsNotBelieved) {
  const auto expired = authority().issue({"example.com"}, -1);
  serve({.certificate_file = expired.certificate, .key_file = expired.key});
  EXPECT_THAT(connect_tls()->reason.message(), HasSubstr("expired"));
}

TEST_F(TlsHandshake, AnAddressIsComparedWithTheCertificatesAddresses) {
  const auto local = authority().issue({"127.0.0.1"});
  serve({.certificate_file = local.certificate, .key_file = local.key});
  EXPECT_TRUE(connect_tls(client_options(), "127.0.0.1")->stream.is_open());
  EXPECT_THAT(connect_tls(client_options(), "127.0.0.2")->reason.message(),
              HasSubstr("IP address mismatch"));
}

TEST_F(TlsHandshake, WhoDoesNotVerifyBelievesAnybody) {
  serve();
  const auto client = connect_tls({.verify = false}, "bar.example.com");
  EXPECT_TRUE(client->stream.is_open());
  EXPECT_EQ(script.count("connect"), 1);
}

TEST_F(TlsHandshake, AServerNameOfItsOwnTakesThePlaceOfTheHost) {
  serve();
  TlsClientOptions options = client_options();
  options.server_name = "example.com";
  EXPECT_TRUE(connect_tls(options, "10.0.0.1")->stream.is_open());
}

// ---- client certificates ----

class TlsClientCertificates : public TlsTest {
 protected:
  void ask(ClientCertificates how) {
    serve_and_ask(how);
    script.connect = [this](Protocol& conn) { info = tls_info(conn); };
  }
  std::optional<TlsInfo> info;
};

TEST_F(TlsClientCertificates, TheServerSeesWhoItIs) {
  ask(ClientCertificates::required);
  connect_tls(with_certificate());
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->peer_subject, "CN=alice");
}

TEST_F(TlsClientCertificates, WithoutOneTheConnectionIsRefused) {
  ask(ClientCertificates::required);
  const auto client = connect_tls();
  EXPECT_EQ(client->reason.code, Condition::refused);
  EXPECT_EQ(script.count("connect"), 0);
  EXPECT_THAT(log.lines(), Contains(HasSubstr("no certificate")));
}

TEST_F(TlsClientCertificates, OfAnotherAuthorityAreRefused) {
  ask(ClientCertificates::optional);
  CertificateAuthority other;
  connect_tls(with_certificate(other));
  EXPECT_EQ(script.count("connect"), 0);
}

TEST_F(TlsClientCertificates, MayBeLeftOutWhereTheyAreOptional) {
  ask(ClientCertificates::optional);
  connect_tls();
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->peer_subject, "");
}

// ---- names and protocols ----

TEST_F(TlsHandshake, TheHostThatIsAskedForChoosesTheCertificate) {
  serve();
  const auto other = authority().issue({"other.org"});
  const auto wild = authority().issue({"*.wild.net"});
  tls->add_host("other.org", other.certificate, other.key);
  tls->add_host("*.wild.net", wild.certificate, wild.key);
  EXPECT_TRUE(connect_tls(client_options(), "other.org")->stream.is_open());
  EXPECT_TRUE(connect_tls(client_options(), "a.wild.net")->stream.is_open());
  EXPECT_TRUE(connect_tls(client_options(), "example.com")->stream.is_open());
  EXPECT_FALSE(connect_tls(client_options(), "unknown.org")->stream.is_open());
}

TEST_F(TlsHandshake, TheServersFavouriteProtocolIsChosen) {
  TlsServerOptions options = server_options();
  options.alpn = {"game/2", "game/1"};
  serve(options);
  TlsClientOptions client = client_options();
  client.alpn = {"game/1", "game/2"};
  EXPECT_EQ(tls_info(connect_tls(client)->stream)->alpn, "game/2");
}

TEST_F(TlsHandshake, NoCommonProtocolRefusesTheConnection) {
  TlsServerOptions options = server_options();
  options.alpn = {"game/2"};
  serve(options);
  TlsClientOptions client = client_options();
  client.alpn = {"http/1.1"};
  EXPECT_THAT(connect_tls(client)->reason.message(), HasSubstr("no application protocol"));
}

TEST_F(TlsHandshake, ASessionIsResumedAlsoAfterAReload) {
  serve();
  const TlsClientContext context(client_options());
  const auto first = connect_tls(context);
  EXPECT_FALSE(tls_info(first->stream)->resumed);
  tls->reload();
  EXPECT_TRUE(tls_info(connect_tls(context)->stream)->resumed);
}

// ---- time and rubbish ----

TEST_F(TlsHandshake, ASilentPeerIsDroppedAfterTenSeconds) {
  serve();
  const auto far = connect_plain();
  clock.advance(9s);
  EXPECT_EQ(server->connection_count(), 1U);
  clock.advance(1s);
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_F(TlsHandshake, SoIsOneThatSendsAByteASecond) {
  serve();
  const auto far = connect_plain();
  const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  for (std::size_t i = 0; i < 10; ++i) {
    const ByteView byte = as_bytes(std::string_view(hello).substr(i, 1));
    far->send({&byte, 1});
    clock.advance(1s);
  }
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_F(TlsHandshake, PlainTextIsAnsweredByAnAlertAndOneLineInTheLog) {
  serve();
  const auto far = connect_plain();
  const ByteView request = as_bytes("GET / HTTP/1.0\r\n\r\n");
  far->send({&request, 1});
  loop.run_until_idle();
  EXPECT_EQ(server->connection_count(), 0U);
  EXPECT_EQ(script.count("connect"), 0);
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_THAT(log.lines().front(), HasSubstr("what the peer sends is not TLS"));
}

TEST_F(TlsHandshake, OldVersionsAreRefused) {
  serve();
  const auto far = connect_plain();
  // A ClientHello of TLS 1.0, with one old cipher.
  const std::string body = std::string("\x03\x01", 2) + std::string(32, 'r') +
                           std::string("\x00\x00\x02\x00\x2f\x01\x00", 7);
  const std::string hello = std::string("\x01\x00\x00", 3) + static_cast<char>(body.size()) + body;
  const std::string record =
      std::string("\x16\x03\x01\x00", 4) + static_cast<char>(hello.size()) + hello;
  const ByteView bytes = as_bytes(record);
  far->send({&bytes, 1});
  loop.run_until_idle();
  EXPECT_EQ(server->connection_count(), 0U);
  EXPECT_THAT(log.lines(), Contains(HasSubstr("unsupported protocol")));
}

TEST_F(TlsHandshake, AnyNumberMayWaitForIt) {
  serve();
  std::vector<std::string> told;
  const auto note = [&](std::error_code error) { told.push_back(error ? "failed" : "open"); };
  IOStream client(loop, TlsClientContext(client_options())(connect_plain(), "example.com"));
  client.when_open(note);
  client.when_open(note);
  EXPECT_TRUE(told.empty());
  loop.run_until_idle();
  client.when_open(note);
  EXPECT_EQ(told.size(), 2U);
  loop.run_until_idle();
  EXPECT_EQ(told, (std::vector<std::string>{"open", "open", "open"}));
}

TEST_F(TlsHandshake, WhoWaitsIsToldWhyItFailed) {
  serve();
  std::vector<std::error_code> told;
  const auto note = [&](std::error_code error) { told.push_back(error); };
  IOStream client(loop, TlsClientContext(client_options())(connect_plain(), "example.org"));
  client.when_open(note);
  loop.run_until_idle();
  client.when_open(note);
  loop.run_until_idle();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0], Condition::refused) << told[0].message();
  EXPECT_EQ(told[1], told[0]);
}

// The far end gets the hello and behind it the end, with no goodbye of TLS between them.
TEST_F(TlsHandshake, ClosingMeanwhileDoesNotWaitForIt) {
  auto [near, far] = memory_transport_pair(loop);
  IOStream client(loop, TlsClientContext(client_options())(std::move(near), "example.com"));
  loop.run_until_idle();
  std::optional<CloseReason> reason;
  client.set_close_callback([&](const CloseReason& why) { reason = why; });
  const std::string hello = receive(*far, 16 * 1024);
  EXPECT_EQ(hello.substr(0, 1), "\x16");
  client.close();
  loop.run_until_idle();
  ASSERT_TRUE(reason.has_value());
  EXPECT_EQ(reason->code, Errc::closed_here);
  std::array<std::byte, 1> room{};
  EXPECT_EQ(far->receive(room).status, IoResult::Status::end_of_stream);
}

// ---- without a name ----

TEST_F(TlsHandshake, WithoutANameThereIsNothingToVerify) {
  const TlsClientContext context(client_options());
  try {
    context.layer("");
    FAIL() << "no exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("server_name"));
  }
  EXPECT_THROW(context.layer(std::string("\0example.com", 12)), std::invalid_argument);
  EXPECT_THROW(context(memory_transport_pair(loop).first, ""), std::invalid_argument);
}

TEST_F(TlsHandshake, AServerNameIsEnoughWhereThereIsNoHost) {
  serve();
  TlsClientOptions options = client_options();
  options.server_name = "example.com";
  EXPECT_TRUE(connect_tls(options, "")->stream.is_open());
  options.server_name = "bar.example.com";
  EXPECT_THAT(connect_tls(options, "")->reason.message(), HasSubstr("hostname mismatch"));
}

TEST_F(TlsHandshake, WhoDoesNotVerifyNeedsNoName) {
  serve();
  EXPECT_TRUE(connect_tls({.verify = false}, "")->stream.is_open());
  EXPECT_EQ(tls_info(*script.conn)->server_name, "");
}

TEST_F(TlsHandshake, ANameThatIsTooLongIsNoName) {
  EXPECT_THROW(
      TlsClientContext({.verify = false})(memory_transport_pair(loop).first, std::string(256, 'x')),
      std::system_error);
}

}  // namespace
}  // namespace twister::testing
