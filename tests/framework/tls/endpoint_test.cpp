// What an endpoint's text says about TLS.
#include <twister/endpoint.hpp>

#include "tls_test.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TlsEndpoint, NamesTheFilesOfAServer) {
  const auto options = tls_server_options(Endpoint::parse_server(
      "tls::443?cert=a.pem&key=a.key&client-ca=ca.pem&client-cert=optional&alpn=x,y"));
  EXPECT_EQ(options.certificate_file, "a.pem");
  EXPECT_EQ(options.key_file, "a.key");
  EXPECT_EQ(options.client_ca_file, "ca.pem");
  EXPECT_EQ(options.client_certificates, ClientCertificates::optional);
  EXPECT_THAT(options.alpn, ElementsAre("x", "y"));
}

TEST(TlsEndpoint, ClientCertificatesAreRequiredUnlessItSaysOtherwise) {
  const auto options =
      tls_server_options(Endpoint::parse_server("tls::443?cert=a&key=b&client-ca=ca.pem"));
  EXPECT_EQ(options.client_certificates, ClientCertificates::required);
}

TEST(TlsEndpoint, AServerNeedsACertificateAndItsKey) {
  try {
    tls_server_options(Endpoint::parse_server("tls::443?cert=a.pem"));
    FAIL() << "no exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("\"key\""));
  }
}

TEST(TlsEndpoint, AClientVerifiesUnlessItSaysOtherwise) {
  EXPECT_TRUE(tls_client_options(Endpoint::parse_client("tls:a.org:443")).verify);
  const auto options = tls_client_options(
      Endpoint::parse_client("tls:a.org:443?verify=no&ca=ca.pem&hostname=b.org"));
  EXPECT_FALSE(options.verify);
  EXPECT_EQ(options.ca_file, "ca.pem");
  EXPECT_EQ(options.server_name, "b.org");
}

}  // namespace
}  // namespace twister::testing
