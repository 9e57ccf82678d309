// What a certificate proves, and what does not prove anything.
#include <twister/peer_identity.hpp>

#include "tls_test.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;

class TlsPeerIdentity : public TlsTest {
 protected:
  void ask(ClientCertificates how) {
    serve_and_ask(how);
    script.connect = [this](Protocol& conn) { identity = peer_identity(conn); };
  }
  static TlsClientOptions certificate_of_alice() {
    return with_certificate(authority(), {"alice", "alice.example.com", "10.0.0.1"});
  }

  std::optional<PeerIdentity> identity;
};

TEST_F(TlsPeerIdentity, IsWhatTheCertificateSays) {
  ask(ClientCertificates::required);
  connect_tls(certificate_of_alice());
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->kind, PeerIdentityKind::certificate);
  EXPECT_EQ(identity->subject, "CN=alice");
  EXPECT_EQ(identity->common_name, "alice");
  EXPECT_THAT(identity->dns_names, ElementsAre("alice", "alice.example.com"));
  EXPECT_EQ(identity->uid, static_cast<uid_t>(-1));
}

TEST_F(TlsPeerIdentity, IsTheSameWhenTheSessionIsResumed) {
  ask(ClientCertificates::required);
  const TlsClientContext context(certificate_of_alice());
  const auto first = connect_tls(context);
  first->stream.close();
  loop.run_until_idle();
  identity.reset();
  const auto second = connect_tls(context);
  ASSERT_TRUE(tls_info(second->stream)->resumed);
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->common_name, "alice");
}

TEST_F(TlsPeerIdentity, IsNobodysWithoutACertificate) {
  ask(ClientCertificates::optional);
  connect_tls();
  EXPECT_EQ(identity, PeerIdentity());
}

TEST_F(TlsPeerIdentity, IsNobodysWhereNoneWasAskedFor) {
  ask(ClientCertificates::not_asked);
  connect_tls(certificate_of_alice());
  EXPECT_EQ(identity, PeerIdentity());
}

TEST_F(TlsPeerIdentity, OfAServerIsItsCertificates) {
  serve();
  const auto client = connect_tls();
  EXPECT_EQ(peer_identity(client->stream).common_name, "example.com");
}

TEST_F(TlsPeerIdentity, OfAServerThatWasNotVerifiedIsNobodys) {
  serve();
  TlsClientOptions options = client_options();
  options.verify = false;
  const auto client = connect_tls(options);
  EXPECT_TRUE(client->stream.is_open());
  EXPECT_EQ(peer_identity(client->stream), PeerIdentity());
}

}  // namespace
}  // namespace twister::testing
