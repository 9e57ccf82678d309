#include <arpa/inet.h>

#include <array>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <twister/tls.hpp>

#include "tls_context.hpp"
#include "tls_error.hpp"
#include "tls_transport.hpp"

namespace twister {
namespace {

constexpr std::size_t max_sessions = 256;

bool is_ip_address(const std::string& host) noexcept {
  std::array<unsigned char, 16> ignored{};
  return ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

}  // namespace

class TlsClientContext::State {
 public:
  explicit State(const TlsClientOptions& options)
      : options_(options), context_(detail::make_ssl_context(::TLS_client_method())) {
    SSL_CTX* raw = context_.get();
    if (options_.verify) {
      detail::use_authorities(raw, options_.ca_file);
      ::SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    }
    if (!options_.certificate_file.empty()) {
      detail::use_certificate(raw, options_.certificate_file, options_.key_file);
    }
    const std::string alpn = detail::alpn_list(options_.alpn);
    ::SSL_CTX_set_alpn_protos(raw, reinterpret_cast<const unsigned char*>(alpn.data()),
                              static_cast<unsigned>(alpn.size()));
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_sess_set_new_cb(raw, keep_session);
    SSL_CTX_set_app_data(raw, this);
  }

  // The name that a server is asked for and has to have a certificate of.
  const std::string& name_of(const std::string& host) const {
    const std::string& name = options_.server_name.empty() ? host : options_.server_name;
    // OpenSSL takes no name for any name.
    if (options_.verify && (name.empty() || name.find('\0') != name.npos)) {
      throw std::invalid_argument(
          "TlsClientContext: there is no name to verify the server's certificate for; connect to a "
          "host, or set TlsClientOptions::server_name");
    }
    return name;
  }

  detail::SslPtr connection_to(const std::string& host) {
    const std::string& name = name_of(host);
    ::ERR_clear_error();
    detail::SslPtr ssl(::SSL_new(context_.get()));
    if (ssl == nullptr) detail::throw_openssl_error("TLS connection");
    ::SSL_set_connect_state(ssl.get());
    if (is_ip_address(name)) {
      if (X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl.get()), name.c_str()) != 1) {
        detail::throw_openssl_error("TLS server address " + name);
      }
    } else if (!name.empty()) {
      ::SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      // Without a name to compare with, any certificate of any host would do.
      if (SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1 ||
          (options_.verify && ::SSL_set1_host(ssl.get(), name.c_str()) != 1)) {
        detail::throw_openssl_error("TLS server name " + name);
      }
    }
    const std::lock_guard lock(mutex_);
    if (const auto found = sessions_.find(name); found != sessions_.end()) {
      ::SSL_set_session(ssl.get(), found->second.get());
    }
    return ssl;
  }

 private:
  // Called by OpenSSL with a session that can be resumed; 1: it is ours now.
  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* state = static_cast<State*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl)));
    const char* name = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return 0;
    const std::lock_guard lock(state->mutex_);
    auto& sessions = state->sessions_;
    if (sessions.size() >= max_sessions && !sessions.contains(name))
      sessions.erase(sessions.begin());
    sessions[name] = detail::SslSessionPtr(session);
    return 1;
  }

  TlsClientOptions options_;
  detail::SslContextPtr context_;
  std::mutex mutex_;
  std::map<std::string, detail::SslSessionPtr> sessions_;
};

TlsClientContext::TlsClientContext(const TlsClientOptions& options)
    : state_(std::make_shared<State>(options)) {}

std::unique_ptr<Transport> TlsClientContext::operator()(std::unique_ptr<Transport> inner,
                                                        std::string_view host) const {
  return std::make_unique<detail::TlsTransport>(std::move(inner),
                                                state_->connection_to(std::string(host)), state_);
}

TransportLayer TlsClientContext::layer(std::string host) const {
  state_->name_of(host);  // what is missing shows here, and not when a connection is lost by it
  return [context = *this, host = std::move(host)](std::unique_ptr<Transport> inner) {
    return context(std::move(inner), host);
  };
}

}  // namespace twister
