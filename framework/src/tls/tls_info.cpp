// What is known of the peer of a TLS connection.
#include <memory>
#include <string>
#include <vector>

#include <openssl/x509v3.h>

#include <twister/io_stream.hpp>
#include <twister/protocol.hpp>

#include "tls_transport.hpp"

namespace twister {
namespace detail {
namespace {

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(::ASN1_STRING_length(text))};
}

std::string subject_of(const X509* certificate) {
  const std::unique_ptr<BIO, OpenSslFree<BIO_free>> text(::BIO_new(::BIO_s_mem()));
  ::X509_NAME_print_ex(text.get(), ::X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* begin = nullptr;
  const long size = BIO_get_mem_data(text.get(), &begin);
  return {begin, static_cast<std::size_t>(size)};
}

std::vector<std::string> dns_names_of(const X509* certificate) {
  std::vector<std::string> found;
  auto* names = static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) found.push_back(text_of(name->d.dNSName));
  }
  ::GENERAL_NAMES_free(names);
  return found;
}

// Which of several is meant, nobody can say.
std::string common_name_of(const X509* certificate) {
  const X509_NAME* subject = ::X509_get_subject_name(certificate);
  const int at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || ::X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int size =
      ::ASN1_STRING_to_UTF8(&text, ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

}  // namespace

TlsInfo TlsTransport::info() const {
  TlsInfo info;
  const SSL* ssl = ssl_.get();
  info.version = ::SSL_get_version(ssl);
  info.cipher = ::SSL_get_cipher_name(ssl);
  info.resumed = ::SSL_session_reused(ssl) == 1;
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  ::SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  if (alpn != nullptr) info.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  if (const char* name = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) {
    info.server_name = name;
  }
  const X509Ptr peer(::SSL_get1_peer_certificate(ssl));
  if (peer == nullptr) return info;
  info.peer_subject = subject_of(peer.get());
  info.peer_names = dns_names_of(peer.get());
  return info;
}

PeerIdentity TlsTransport::peer_identity() const {
  // The verdict is "ok" for a peer without a certificate, too; and one that nobody asked for means nothing.
  const SSL* ssl = ssl_.get();
  if (!established_ || ::SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ||
      ::SSL_get_verify_result(ssl) != X509_V_OK) {
    return {};
  }
  const X509Ptr certificate(::SSL_get1_peer_certificate(ssl));
  if (certificate == nullptr) return {};
  PeerIdentity peer;
  peer.kind = PeerIdentityKind::certificate;
  peer.subject = subject_of(certificate.get());
  peer.common_name = common_name_of(certificate.get());
  peer.dns_names = dns_names_of(certificate.get());
  return peer;
}

}  // namespace detail

namespace {

std::optional<TlsInfo> info_of(const Transport* transport) {
  const auto* tls = dynamic_cast<const detail::TlsTransport*>(transport);
  return tls == nullptr ? std::nullopt : std::optional(tls->info());
}

}  // namespace

std::optional<TlsInfo> tls_info(const Protocol& conn) {
  return info_of(conn.transport());
}

std::optional<TlsInfo> tls_info(const IOStream& stream) {
  return info_of(stream.transport());
}

}  // namespace twister
