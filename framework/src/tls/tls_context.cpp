#include "tls_context.hpp"

#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "tls_error.hpp"

namespace twister::detail {
namespace {

// Forward secrecy and authenticated encryption, for TLS 1.2; those of 1.3 all have both.
constexpr const char* ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// A key with a passphrase would make OpenSSL ask for it on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

// OpenSSL's own word for a file that is not there is less clear.
void check_readable(const std::string& file, const std::string& what) {
  if (file.empty()) throw std::invalid_argument(what + "is missing in the options");
  std::FILE* opened = std::fopen(file.c_str(), "re");
  // A folder can be opened, and not read.
  const bool read = opened != nullptr && (std::fgetc(opened) != EOF || std::ferror(opened) == 0);
  const int error = errno;
  if (opened != nullptr) std::fclose(opened);
  if (!read) throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

SslContextPtr make_ssl_context(const SSL_METHOD* method) {
  ::ERR_clear_error();
  SslContextPtr context(::SSL_CTX_new(method));
  if (context == nullptr) throw_openssl_error("TLS context");
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  ::SSL_CTX_set_options(
      raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_cipher_list(raw, ciphers);
  ::SSL_CTX_set_default_passwd_cb(raw, no_passphrase);
  return context;
}

void use_certificate(SSL_CTX* context, const std::string& certificate_file,
                     const std::string& key_file) {
  ::ERR_clear_error();
  const std::string certificate = "certificate file " + certificate_file;
  const std::string key = "key file " + key_file;
  check_readable(certificate_file, certificate);
  check_readable(key_file, key);
  if (::SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
    throw_openssl_error(certificate);
  }
  // Fails also when it is not the certificate's key.
  if (::SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_check_private_key(context) != 1) {
    throw_openssl_error(key + " for " + certificate);
  }
}

void use_authorities(SSL_CTX* context, const std::string& ca_file) {
  ::ERR_clear_error();
  if (ca_file.empty()) {
    if (::SSL_CTX_set_default_verify_paths(context) != 1) {
      throw_openssl_error("the system's certificate authorities");
    }
    return;
  }
  const std::string what = "certificate authorities file " + ca_file;
  check_readable(ca_file, what);
  if (::SSL_CTX_load_verify_file(context, ca_file.c_str()) != 1) throw_openssl_error(what);
}

std::string alpn_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) {
      throw std::invalid_argument("ALPN name \"" + name + "\" is not 1 to 255 bytes long");
    }
    list.push_back(static_cast<char>(static_cast<unsigned char>(name.size())));
    list += name;
  }
  return list;
}

}  // namespace twister::detail
