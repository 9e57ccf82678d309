// src/tls/tls_context.hpp - what the contexts of servers and clients have in common.
#pragma once

#include <string>
#include <vector>

#include "openssl.hpp"

namespace twister::detail {

// A context with our settings for both sides: TLS 1.2 and 1.3, nothing that is known to be weak.
SslContextPtr make_ssl_context(const SSL_METHOD* method);
// Throws std::system_error that names the file.
void use_certificate(SSL_CTX* context, const std::string& certificate_file,
                     const std::string& key_file);
void use_authorities(SSL_CTX* context, const std::string& ca_file);
// Names as ALPN sends them, each behind its length. Throws std::invalid_argument for one that is
// empty or longer than 255 bytes.
std::string alpn_list(const std::vector<std::string>& names);

}  // namespace twister::detail
