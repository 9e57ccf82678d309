#include "ip_text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace twister::detail {

std::optional<Address> parse_ip(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != text.npos) return std::nullopt;
  std::copy(text.begin(), text.end(), terminated.begin());
  const bool is_ipv6 = text.find(':') != text.npos;
  std::array<std::byte, 16> ip{};
  if (::inet_pton(is_ipv6 ? AF_INET6 : AF_INET, terminated.data(), ip.data()) != 1) {
    return std::nullopt;
  }
  return Address::from_ip(std::span(ip).first(is_ipv6 ? 16 : 4), 0);
}

}  // namespace twister::detail
