// src/ip_text.hpp - IP addresses as text, without a port.
#pragma once

#include <optional>
#include <string_view>

#include <twister/address.hpp>

namespace twister::detail {

// By inet_pton: four decimal numbers without leading zeros, or IPv6 without brackets and zone. The
// port is 0.
std::optional<Address> parse_ip(std::string_view text);

}  // namespace twister::detail
