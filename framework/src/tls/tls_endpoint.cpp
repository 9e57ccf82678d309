#include <stdexcept>

#include <twister/endpoint.hpp>
#include <twister/tls.hpp>

namespace twister {
namespace {

std::string text(const Endpoint& endpoint, std::string_view name) {
  return std::string(endpoint.option(name).value_or(""));
}

}  // namespace

TlsServerOptions tls_server_options(const Endpoint& endpoint) {
  for (const std::string_view needed : {"cert", "key"}) {
    if (!endpoint.option(needed)) {
      throw std::invalid_argument("endpoint \"" + endpoint.to_string() +
                                  "\": a TLS server needs \"" + std::string(needed) + "\"");
    }
  }
  TlsServerOptions options{.certificate_file = text(endpoint, "cert"),
                           .key_file = text(endpoint, "key")};
  options.client_ca_file = text(endpoint, "client-ca");
  if (!options.client_ca_file.empty()) {
    options.client_certificates = text(endpoint, "client-cert") == "optional"
                                      ? ClientCertificates::optional
                                      : ClientCertificates::required;
  }
  options.alpn = endpoint.names("alpn");
  return options;
}

TlsClientOptions tls_client_options(const Endpoint& endpoint) {
  TlsClientOptions options;
  options.ca_file = text(endpoint, "ca");
  options.certificate_file = text(endpoint, "cert");
  options.key_file = text(endpoint, "key");
  options.alpn = endpoint.names("alpn");
  options.verify = endpoint.flag("verify", true);
  options.server_name = text(endpoint, "hostname");
  return options;
}

}  // namespace twister
