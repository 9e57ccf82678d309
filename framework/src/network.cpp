#include "twister/network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <stdexcept>

namespace twister {
namespace {

using Family = Address::Family;
using Ip = std::array<std::uint8_t, 16>;

constexpr std::size_t mapped_bits = 96;

// The IP address as it counts here: an IPv4-mapped IPv6 address is the IPv4 address in it.
ByteView without_mapping(ByteView ip) noexcept {
  static constexpr Ip prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const ByteView mapped = std::as_bytes(std::span(prefix)).first(mapped_bits / 8);
  const bool is_mapped = ip.size() == 16 && std::equal(mapped.begin(), mapped.end(), ip.begin());
  return is_mapped ? ip.subspan(mapped.size()) : ip;
}

// The first `bits` bits; zeros behind them.
Ip first_bits(ByteView ip, unsigned bits) noexcept {
  Ip first{};
  for (std::size_t i = 0; i < ip.size() && bits > 0; ++i) {
    const unsigned taken = std::min(bits, 8U);
    first[i] = static_cast<std::uint8_t>(std::to_integer<unsigned>(ip[i]) & (0xff00U >> taken));
    bits -= taken;
  }
  return first;
}

std::optional<Address> parse_ip(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != text.npos) return std::nullopt;
  std::copy(text.begin(), text.end(), terminated.begin());
  std::array<std::byte, 16> ip{};
  const bool is_ipv6 = text.find(':') != text.npos;
  if (::inet_pton(is_ipv6 ? AF_INET6 : AF_INET, terminated.data(), ip.data()) != 1) {
    return std::nullopt;
  }
  return Address::from_ip(std::span(ip).first(is_ipv6 ? 16 : 4), 0);
}

std::optional<unsigned> parse_bits(std::string_view text, std::size_t most) {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (text.empty() || leading_zero || error != std::errc{} || end != text.data() + text.size() ||
      bits > most) {
    return std::nullopt;
  }
  return bits;
}

struct Parts {
  Address address;
  unsigned bits = 0;
};

// An address and how many of its bits count; there may be others behind them.
std::optional<Parts> parse_parts(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return std::nullopt;
  const auto width = static_cast<unsigned>(address->ip().size() * 8);
  auto bits = slash == text.npos ? width : parse_bits(text.substr(slash + 1), width);
  if (!bits) return std::nullopt;
  if (without_mapping(address->ip()).size() != address->ip().size()) {
    if (*bits < mapped_bits) return std::nullopt;  // the mapping's own bits are behind the prefix
    *bits -= mapped_bits;
  }
  return Parts{*address, *bits};
}

}  // namespace

Network Network::prefix_of(const Address& address, unsigned bits) {
  Network network;
  network.family_ = address.family();
  const ByteView ip = without_mapping(address.ip());
  if (ip.empty()) return network;  // unix-domain, or none
  network.family_ = ip.size() == 4 ? Family::ipv4 : Family::ipv6;
  network.bits_ = static_cast<std::uint8_t>(std::min<std::size_t>(bits, ip.size() * 8));
  network.ip_ = first_bits(ip, network.bits_);
  return network;
}

std::optional<Network> Network::try_parse(std::string_view text) {
  if (text == "unix:") return prefix_of(Address::parse(text), 0);
  const auto parts = parse_parts(text);
  if (!parts) return std::nullopt;
  const Network network = prefix_of(parts->address, parts->bits);
  const Network whole = prefix_of(parts->address, 128);
  if (network.ip_ != whole.ip_) return std::nullopt;
  return network;
}

Network Network::parse(std::string_view text) {
  if (const auto network = try_parse(text)) return *network;
  std::string why = "not a network: \"" + std::string(text) + "\" (";
  if (const auto parts = parse_parts(text)) {
    why += "bits are set behind the prefix; it lies in " +
           prefix_of(parts->address, parts->bits).to_string() + ")";
  } else {
    why += "a.b.c.d, a.b.c.d/bits, an IPv6 address, the same with /bits, or unix:)";
  }
  throw std::invalid_argument(why);
}

bool Network::contains(const Address& address) const noexcept {
  if (family_ == Family::none) return false;
  const ByteView ip = without_mapping(address.ip());
  if (ip.empty()) return family_ == address.family();
  return family_ == (ip.size() == 4 ? Family::ipv4 : Family::ipv6) && first_bits(ip, bits_) == ip_;
}

std::string Network::to_string() const {
  if (family_ == Family::none) return {};
  if (family_ == Family::unix_domain) return "unix:";
  const std::size_t width = family_ == Family::ipv4 ? 4 : 16;
  const Address first = Address::from_ip(std::as_bytes(std::span(ip_)).first(width), 0);
  return bits_ == width * 8 ? first.host() : first.host() + "/" + std::to_string(bits_);
}

}  // namespace twister
