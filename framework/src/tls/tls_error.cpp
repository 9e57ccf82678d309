#include "tls_error.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509err.h>

#include <twister/codecs/error.hpp>

namespace twister {
namespace {

class TlsCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "twister.tls"; }

  std::string message(int code) const override {
    switch (static_cast<TlsErrc>(code)) {
      case TlsErrc::truncated:
        return "the stream was cut off: it ended without TLS's close_notify";
      case TlsErrc::no_certificate:
        return "the peer has no certificate";
    }
    // OpenSSL's own words for these are for those who know it.
    const auto packed = static_cast<unsigned long>(code);
    const int library = ERR_GET_LIB(packed);
    const int what = ERR_GET_REASON(packed);
    if (library == ERR_LIB_PEM || what == ERR_R_PEM_LIB) {
      return "there is nothing of that kind in PEM format in it";
    }
    if (library == ERR_LIB_X509 && what == X509_R_KEY_VALUES_MISMATCH) {
      return "the key is not that of the certificate";
    }
    switch (what) {
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_HTTP_REQUEST:
        return "what the peer sends is not TLS";
      case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        return "the peer does not believe our certificate";
      default:
        break;
    }
    const char* reason = ::ERR_reason_error_string(packed);
    return std::string("TLS: ") +
           (reason != nullptr ? reason : "error " + std::to_string(code)).data();
  }

  std::error_condition default_error_condition(int code) const noexcept override {
    if (static_cast<TlsErrc>(code) == TlsErrc::no_certificate) return Condition::refused;
    // Alerts by which the peer has refused us, rather than broken bytes.
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(code));
    switch (reason) {
      case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return Condition::refused;
      default:
        return Condition::malformed;
    }
  }
};

class TlsVerifyCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "twister.tls.verify"; }
  std::string message(int code) const override {
    return std::string("the certificate is not believed: ") + ::X509_verify_cert_error_string(code);
  }
  std::error_condition default_error_condition(int) const noexcept override {
    return Condition::refused;
  }
};

}  // namespace

const std::error_category& tls_category() noexcept {
  static const TlsCategory category;
  return category;
}

const std::error_category& tls_verify_category() noexcept {
  static const TlsVerifyCategory category;
  return category;
}

std::error_code make_error_code(TlsErrc code) noexcept {
  return {static_cast<int>(code), tls_category()};
}

namespace detail {

std::error_code take_openssl_error() noexcept {
  const unsigned long error = ::ERR_peek_last_error();
  ::ERR_clear_error();
  if (ERR_SYSTEM_ERROR(error)) {
    return {static_cast<int>(ERR_GET_REASON(error)), std::generic_category()};
  }
  return {static_cast<int>(error), tls_category()};
}

void throw_openssl_error(const std::string& what) {
  throw std::system_error(take_openssl_error(), what);
}

}  // namespace detail
}  // namespace twister
