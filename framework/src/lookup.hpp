// src/lookup.hpp - getaddrinfo() with our types; blocks as long as the system takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <twister/address.hpp>

namespace twister::detail {

// What getaddrinfo says is in neither of the standard categories.
const std::error_category& resolver_category() noexcept;

// No name in the DNS is longer as text (RFC 1035, section 2.3.4), and no address is.
inline constexpr std::size_t max_host_bytes = 253;

struct LookupQuery {
  std::string host;  // empty: every interface if `passive`, else loopback
  std::string port;  // digits
  Address::Family family = Address::Family::none;
  bool passive = false;  // the addresses are for listening
};

// The addresses for stream sockets, each once, in the order of the system. Empty exactly with an
// error.
std::vector<Address> look_up(const LookupQuery& query, std::error_code& error);

struct HostPort {
  std::string host;  // without brackets
  std::optional<std::uint16_t> port;
};

// Splits `HOST`, `HOST:PORT`, `[v6]`, `[v6]:PORT` and, having no port, `v6`. Empty when it is none of
// them, or the host is empty, too long, or holds a NUL, behind which some functions stop reading.
std::optional<HostPort> split_host_port(std::string_view text);

}  // namespace twister::detail
