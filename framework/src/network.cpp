#include "twister/network.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "ip_text.hpp"

namespace twister {
namespace {

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

// The whole address: with a mapped IPv4 address out of its IPv6 form.
Address unmapped(const Address& address) {
  return address.network(32, 128);
}

struct Parts {
  Address address;  // unmapped
  unsigned bits = 0;
};

// An address and how many of its bits count; others may be set behind them.
std::optional<Parts> parse_parts(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = detail::parse_ip(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::size_t width = address->ip().size() * 8;
  const Address plain = unmapped(*address);
  const std::size_t mapping = width - plain.ip().size() * 8;
  if (slash == text.npos) return Parts{plain, static_cast<unsigned>(width - mapping)};
  const auto bits = parse_bits(text.substr(slash + 1), width);
  if (!bits || *bits < mapping) return std::nullopt;
  return Parts{plain, static_cast<unsigned>(*bits - mapping)};
}

}  // namespace

Network::Network(const Address& address, unsigned bits) : first_(address), bits_(bits) {
  const Address network = address.network(bits, bits);
  if (!network.is_unix()) first_ = Address::from_ip(network.ip(), 0);
}

std::optional<Network> Network::try_parse(std::string_view text) {
  if (text == "unix:") return Network(Address::parse(text), 0);
  const auto parts = parse_parts(text);
  if (!parts) return std::nullopt;
  Network network(parts->address, parts->bits);
  if (network.first_ != parts->address) return std::nullopt;
  return network;
}

Network Network::parse(std::string_view text) {
  if (auto network = try_parse(text)) return *std::move(network);
  std::string why = "not a network: \"" + std::string(text) + "\" (";
  if (const auto parts = parse_parts(text)) {
    why += "bits are set behind the prefix; it lies in " +
           Network(parts->address, parts->bits).to_string() + ")";
  } else {
    why += "a.b.c.d, a.b.c.d/bits, an IPv6 address, the same with /bits, or unix:)";
  }
  throw std::invalid_argument(why);
}

bool Network::contains(const Address& address) const {
  if (family() == Address::Family::none) return false;
  const Address network = address.network(bits_, bits_);
  return family() == network.family() && std::ranges::equal(first_.ip(), network.ip());
}

std::string Network::to_string() const {
  if (first_.is_unix()) return "unix:";
  const std::size_t width = first_.ip().size() * 8;
  return bits_ == width ? first_.host() : first_.host() + "/" + std::to_string(bits_);
}

}  // namespace twister
