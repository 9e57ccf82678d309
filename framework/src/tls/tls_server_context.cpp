#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include <twister/tls.hpp>

#include "ticket_keys.hpp"
#include "tls_context.hpp"
#include "tls_error.hpp"
#include "tls_transport.hpp"

namespace twister {

using detail::SslContextPtr;
using detail::TicketKeys;
using detail::TicketSecret;

namespace {

struct Host {
  std::string certificate_file;
  std::string key_file;
};

std::string lower_case(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// What the files held when they were read. Never changed, so that connections may share it.
struct Certificates {
  SslContextPtr main;
  std::map<std::string, SslContextPtr> hosts;
  std::string alpn;
  std::optional<TicketKeys> tickets;

  SSL_CTX* of_host(const std::string& name) const {
    auto found = hosts.find(name);
    if (found == hosts.end()) {
      const std::size_t dot = name.find('.');
      if (dot != name.npos) found = hosts.find("*" + name.substr(dot));
    }
    return found == hosts.end() ? nullptr : found->second.get();
  }
};

int choose_host(SSL* ssl, int*, void* argument) {
  const char* name = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const auto& certificates = *static_cast<const Certificates*>(argument);
  if (SSL_CTX* context = certificates.of_host(lower_case(name))) ::SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

int choose_alpn(SSL*, const unsigned char** chosen, unsigned char* size,
                const unsigned char* offered, unsigned offered_size, void* argument) {
  const std::string& ours = static_cast<const Certificates*>(argument)->alpn;
  unsigned char* found = nullptr;
  const int result =
      ::SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offered, offered_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// Whose client certificates a context believes, as bytes that are other bytes for any other authorities.
std::string authorities_of(SSL_CTX* context) {
  std::string all;
  auto* certificates = ::X509_STORE_get1_all_certs(::SSL_CTX_get_cert_store(context));
  if (certificates == nullptr) detail::throw_openssl_error("client certificate authorities");
  for (int i = 0; i < sk_X509_num(certificates); ++i) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ::X509_digest(sk_X509_value(certificates, i), ::EVP_sha256(), digest.data(), &size);
    all.append(reinterpret_cast<const char*>(digest.data()), size);
  }
  sk_X509_pop_free(certificates, ::X509_free);
  return all;
}

}  // namespace

class TlsServerContext::State {
 public:
  explicit State(const TlsServerOptions& options) : options_(options) {
    if (options_.client_certificates != ClientCertificates::not_asked &&
        options_.client_ca_file.empty()) {
      throw std::invalid_argument(
          "TlsServerOptions: client_certificates are asked for, but client_ca_file is empty");
    }
    current_ = load({});
  }

  void add_host(std::string_view name, Host host) {
    const std::lock_guard loading(loading_);
    auto hosts = hosts_;
    hosts[lower_case(name)] = std::move(host);
    show(load(hosts));
    hosts_ = std::move(hosts);
  }

  void reload() {
    const std::lock_guard loading(loading_);
    show(load(hosts_));
  }

  std::shared_ptr<const Certificates> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  using Hosts = std::map<std::string, Host>;

  // The secret of the tickets stays, so that sessions outlive a new certificate. They do not outlive
  // other authorities: who is refused with a certificate shall not come in with an old session.
  std::shared_ptr<const Certificates> load(const Hosts& hosts) const {
    auto loaded = std::make_shared<Certificates>();
    loaded->alpn = detail::alpn_list(options_.alpn);
    loaded->main = load_one({options_.certificate_file, options_.key_file}, *loaded);
    SSL_CTX* const main = loaded->main.get();
    if (options_.client_certificates != ClientCertificates::not_asked) {
      detail::use_authorities(main, options_.client_ca_file);
      ::SSL_CTX_set_client_CA_list(main,
                                   ::SSL_load_client_CA_file(options_.client_ca_file.c_str()));
    }
    loaded->tickets.emplace(secret_, authorities_of(main));
    loaded->tickets->install(main);
    for (const auto& [name, host] : hosts) {
      SslContextPtr context = load_one(host, *loaded);
      ::SSL_CTX_set1_cert_store(context.get(), ::SSL_CTX_get_cert_store(main));
      ::SSL_CTX_set_client_CA_list(context.get(),
                                   ::SSL_dup_CA_list(::SSL_CTX_get_client_CA_list(main)));
      loaded->tickets->install(context.get());
      loaded->hosts[name] = std::move(context);
    }
    return loaded;
  }

  SslContextPtr load_one(const Host& host, Certificates& certificates) const {
    SslContextPtr context = detail::make_ssl_context(::TLS_server_method());
    SSL_CTX* raw = context.get();
    detail::use_certificate(raw, host.certificate_file, host.key_file);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    static constexpr unsigned char id[] = "twister";
    ::SSL_CTX_set_session_id_context(raw, id, sizeof id - 1);
    if (options_.client_certificates != ClientCertificates::not_asked) {
      const bool required = options_.client_certificates == ClientCertificates::required;
      ::SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                           nullptr);
    }
    SSL_CTX_set_tlsext_servername_callback(raw, choose_host);
    SSL_CTX_set_tlsext_servername_arg(raw, &certificates);
    if (!certificates.alpn.empty()) ::SSL_CTX_set_alpn_select_cb(raw, choose_alpn, &certificates);
    return context;
  }

  void show(std::shared_ptr<const Certificates> loaded) {
    const std::lock_guard lock(mutex_);
    current_.swap(loaded);
  }

  TlsServerOptions options_;
  std::shared_ptr<TicketSecret> secret_ = std::make_shared<TicketSecret>(*options_.clock);
  // Reading files takes long: those who accept wait for mutex_ alone.
  std::mutex loading_;
  Hosts hosts_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Certificates> current_;
};

TlsServerContext::TlsServerContext(const TlsServerOptions& options)
    : state_(std::make_shared<State>(options)) {}

void TlsServerContext::add_host(std::string_view name, const std::string& certificate_file,
                                const std::string& key_file) {
  state_->add_host(name, {certificate_file, key_file});
}

void TlsServerContext::reload() {
  state_->reload();
}

std::unique_ptr<Transport> TlsServerContext::operator()(std::unique_ptr<Transport> inner) const {
  std::shared_ptr<const Certificates> certificates = state_->current();
  detail::SslPtr ssl(::SSL_new(certificates->main.get()));
  if (ssl == nullptr) detail::throw_openssl_error("TLS connection");
  ::SSL_set_accept_state(ssl.get());
  return std::make_unique<detail::TlsTransport>(std::move(inner), std::move(ssl),
                                                std::move(certificates));
}

}  // namespace twister
