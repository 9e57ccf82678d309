// src/tls/tls_error.hpp - OpenSSL's queue of errors as error codes.
#pragma once

#include <string>
#include <system_error>

#include <twister/tls.hpp>

namespace twister::detail {

// The last of the errors that OpenSSL has queued, which says most; the queue is emptied.
std::error_code take_openssl_error() noexcept;
// As a file that cannot be used is reported.
[[noreturn]] void throw_openssl_error(const std::string& what);

}  // namespace twister::detail
