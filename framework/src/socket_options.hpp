// src/socket_options.hpp - what is set on a connection's socket, or on the listener it inherits that
// from. Failing is harmless: a unix-domain socket has none of these, and a connection works without.
#pragma once

#include <optional>

#include <twister/address.hpp>
#include <twister/keep_alive.hpp>

namespace twister::detail {

void set_option(int descriptor, int level, int name, int value) noexcept;
// TCP_NODELAY: small messages are sent at once.
void set_no_delay(int descriptor, bool on) noexcept;
void set_keep_alive(int descriptor, const std::optional<KeepAlive>& options) noexcept;
// What the socket is bound to; Family::none when that cannot be said.
Address local_address_of(int descriptor);

}  // namespace twister::detail
