// Which sessions are resumed, and for how long.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>

#include "tls/ticket_keys.hpp"
#include "tls/tls_transport.hpp"
#include "tls_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;

class TlsResumption : public TlsTest {
 protected:
  TlsServerOptions aged_by_hand() {
    TlsServerOptions options = server_options();
    options.clock = &clock;
    return options;
  }
  bool resumed(const TlsClientContext& by) {
    const auto info = tls_info(connect_tls(by)->stream);
    return info && info->resumed;
  }
  // Asks for client certificates by `authority`.
  void serve_clients_of(const CertificateAuthority& from) {
    TlsServerOptions options = server_options();
    options.client_certificates = ClientCertificates::required;
    options.client_ca_file = client_ca;
    believe(from);
    serve(options);
  }
  void believe(const CertificateAuthority& from) const {
    std::filesystem::copy_file(from.file(), client_ca,
                               std::filesystem::copy_options::overwrite_existing);
  }

  const std::string client_ca = authority().path("client-ca.pem");
  const TlsClientContext context{client_options()};
};

TEST_F(TlsResumption, BringsTheTicketForTheNextOne) {
  serve();
  EXPECT_FALSE(resumed(context));
  EXPECT_TRUE(resumed(context));
  EXPECT_TRUE(resumed(context));
}

TEST_F(TlsResumption, OutlivesOneChangeOfTheKeys) {
  serve(aged_by_hand());
  EXPECT_FALSE(resumed(context));
  clock.advance(12h);
  EXPECT_TRUE(resumed(context));  // which brings a ticket of the new key
  clock.advance(12h);
  EXPECT_TRUE(resumed(context));
}

TEST_F(TlsResumption, DoesNotOutliveTwo) {
  serve(aged_by_hand());
  EXPECT_FALSE(resumed(context));
  clock.advance(24h);
  EXPECT_FALSE(resumed(context));
  EXPECT_TRUE(resumed(context));
}

TEST_F(TlsResumption, GoesByTheKeysOfAllHosts) {
  serve();
  const auto other = authority().issue({"other.org"});
  tls->add_host("other.org", other.certificate, other.key);
  EXPECT_FALSE(tls_info(connect_tls(context, "other.org")->stream)->resumed);
  tls->reload();
  EXPECT_TRUE(tls_info(connect_tls(context, "other.org")->stream)->resumed);
}

TEST_F(TlsResumption, EndsWhenTheClientsAuthorityIsBelievedNoMore) {
  serve_clients_of(authority());
  const TlsClientContext alice(with_certificate());
  EXPECT_FALSE(resumed(alice));
  EXPECT_TRUE(resumed(alice));
  const CertificateAuthority other;
  believe(other);
  tls->reload();
  EXPECT_FALSE(resumed(alice));
  EXPECT_EQ(script.count("connect"), 2);
}

TEST_F(TlsResumption, GoesOnWhenTheClientsAuthorityIsTheSameAfterAReload) {
  serve_clients_of(authority());
  const TlsClientContext alice(with_certificate());
  EXPECT_FALSE(resumed(alice));
  believe(authority());
  tls->reload();
  EXPECT_TRUE(resumed(alice));
}

// ---- TLS 1.2 ----

class Tls12Resumption : public TlsResumption {
 protected:
  // True when `session` was resumed; it is the one of this connection then.
  bool resumes() {
    detail::SslPtr ssl(::SSL_new(old.get()));
    SSL* const raw = ssl.get();
    ::SSL_set_connect_state(raw);
    if (session != nullptr) ::SSL_set_session(raw, session.get());
    auto transport =
        std::make_unique<detail::TlsTransport>(connect_plain(), std::move(ssl), nullptr);
    IOStream client(loop, std::move(transport));
    loop.run_until_idle();
    EXPECT_EQ(tls_info(client)->version, "TLSv1.2");
    session.reset(::SSL_get1_session(raw));
    return tls_info(client)->resumed;
  }
  void SetUp() override { SSL_CTX_set_max_proto_version(old.get(), TLS1_2_VERSION); }

  detail::SslContextPtr old{::SSL_CTX_new(::TLS_client_method())};
  detail::SslSessionPtr session;
};

TEST_F(Tls12Resumption, GoesByTheSameKeys) {
  serve(aged_by_hand());
  EXPECT_FALSE(resumes());
  EXPECT_TRUE(resumes());
  clock.advance(12h);
  EXPECT_TRUE(resumes());  // and the ticket is replaced
  clock.advance(12h);
  EXPECT_TRUE(resumes());
  clock.advance(24h);
  EXPECT_FALSE(resumes());
}

// ---- the secret ----

using Secrets = std::array<detail::TicketSecret::Bytes, 2>;

Secrets secrets_of(detail::TicketSecret& secret) {
  Secrets both{};
  EXPECT_TRUE(secret.get(both));
  return both;
}

TEST(TicketSecret, BecomesThePreviousOneAfterTwelveHours) {
  ManualClock clock;
  detail::TicketSecret secret(clock);
  const Secrets first = secrets_of(secret);
  clock.advance(12h - 1ms);
  EXPECT_EQ(secrets_of(secret), first);
  clock.advance(1ms);
  const Secrets second = secrets_of(secret);
  EXPECT_NE(second[0], first[0]);
  EXPECT_EQ(second[1], first[0]);
}

TEST(TicketSecret, IsForgottenAfterADayWithoutUse) {
  ManualClock clock;
  detail::TicketSecret secret(clock);
  const Secrets first = secrets_of(secret);
  clock.advance(24h);
  const Secrets later = secrets_of(secret);
  EXPECT_NE(later[0], first[0]);
  EXPECT_NE(later[1], first[0]);
}

TEST(TicketSecret, ChangesInForkedProcessesAlike) {
  ManualClock clock;
  detail::TicketSecret secret(clock);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  clock.advance(36h);
  const Secrets ours = secrets_of(secret);
  if (child == 0) ::_exit(::write(pipe[1], &ours, sizeof ours) == sizeof ours ? 0 : 1);
  Secrets theirs{};
  EXPECT_EQ(::read(pipe[0], &theirs, sizeof theirs), static_cast<ssize_t>(sizeof theirs));
  EXPECT_EQ(theirs, ours);
  ::waitpid(child, nullptr, 0);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace twister::testing
