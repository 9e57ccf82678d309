#include "twister/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <tuple>

namespace twister {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace

bool operator==(const Address& a, const Address& b) noexcept {
  return a.family_ == b.family_ && a.port_ == b.port_ && a.scope_id_ == b.scope_id_ &&
         a.ip_ == b.ip_ &&
         (a.path_ == nullptr || b.path_ == nullptr ? a.path_ == b.path_ : *a.path_ == *b.path_);
}

bool operator<(const Address& a, const Address& b) noexcept {
  const auto key = [](const Address& each) {
    const std::string_view path = each.path_ == nullptr ? std::string_view() : *each.path_;
    return std::tuple(each.family_, each.port_, each.scope_id_, each.ip_, path);
  };
  return key(a) < key(b);
}

std::optional<Address> Address::try_parse(std::string_view text) {
  Address address;
  if (text.empty()) return address;
  // What is behind a NUL would be read by some functions and not by others.
  if (text.find('\0') != text.npos) return std::nullopt;
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    if (path.size() >= sizeof(sockaddr_un::sun_path)) return std::nullopt;
    address.family_ = Family::unix_domain;
    if (!path.empty()) address.path_ = std::make_shared<const std::string>(path);
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::nullopt;
  address.port_ = *port;
  std::string host(text.substr(0, colon));
  if (host.empty()) host = "0.0.0.0";
  if (host.front() != '[') {
    address.family_ = Family::ipv4;
    if (::inet_pton(AF_INET, host.c_str(), address.ip_.data()) != 1) return std::nullopt;
    return address;
  }
  if (host.back() != ']') return std::nullopt;
  host = host.substr(1, host.size() - 2);
  if (const std::size_t percent = host.find('%'); percent != host.npos) {
    const std::string zone = host.substr(percent + 1);
    address.scope_id_ = ::if_nametoindex(zone.c_str());
    if (address.scope_id_ == 0) {
      const auto [end, error] =
          std::from_chars(zone.data(), zone.data() + zone.size(), address.scope_id_);
      if (error != std::errc{} || end != zone.data() + zone.size()) return std::nullopt;
    }
    host.resize(percent);
  }
  address.family_ = Family::ipv6;
  if (::inet_pton(AF_INET6, host.c_str(), address.ip_.data()) != 1) return std::nullopt;
  return address;
}

Address Address::parse(std::string_view text) {
  if (auto address = try_parse(text)) return *std::move(address);
  throw std::invalid_argument("not an address: \"" + std::string(text) +
                              "\" (a.b.c.d:port, [v6]:port, :port or unix:path)");
}

Address Address::from_sockaddr(const sockaddr& raw, std::size_t size) {
  Address address;
  if (raw.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &raw, sizeof in);
    address.family_ = Family::ipv4;
    address.port_ = ntohs(in.sin_port);
    std::memcpy(address.ip_.data(), &in.sin_addr, sizeof in.sin_addr);
  } else if (raw.sa_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, &raw, sizeof in6);
    address.family_ = Family::ipv6;
    address.port_ = ntohs(in6.sin6_port);
    address.scope_id_ = in6.sin6_scope_id;
    std::memcpy(address.ip_.data(), &in6.sin6_addr, sizeof in6.sin6_addr);
  } else if (raw.sa_family == AF_UNIX) {
    address.family_ = Family::unix_domain;
    const std::size_t begin = offsetof(sockaddr_un, sun_path);
    if (size <= begin) return address;
    const char* path = reinterpret_cast<const char*>(&raw) + begin;
    const std::size_t length = size - begin;
    std::string text = path[0] == '\0' ? "@" + std::string(path + 1, length - 1)
                                       : std::string(path, ::strnlen(path, length));
    address.path_ = std::make_shared<const std::string>(std::move(text));
  }
  return address;
}

Address Address::from_ip(ByteView ip, std::uint16_t port) {
  Address address;
  if (ip.size() != 4 && ip.size() != 16) return address;
  address.family_ = ip.size() == 4 ? Family::ipv4 : Family::ipv6;
  address.port_ = port;
  std::memcpy(address.ip_.data(), ip.data(), ip.size());
  return address;
}

ByteView Address::ip() const noexcept {
  const ByteView all = std::as_bytes(std::span(ip_));
  if (family_ == Family::ipv4) return all.first(4);
  return family_ == Family::ipv6 ? all : ByteView();
}

Address Address::with_port(std::uint16_t port) const {
  Address address = *this;
  address.port_ = port;
  return address;
}

Address Address::network(unsigned ipv4_bits, unsigned ipv6_bits) const {
  static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  Address network = with_port(0);
  if (family_ == Family::ipv6 && std::equal(mapped.begin(), mapped.end(), ip_.begin())) {
    network.family_ = Family::ipv4;
    network.scope_id_ = 0;
    network.ip_ = {};
    std::copy(ip_.begin() + 12, ip_.end(), network.ip_.begin());
  }
  const bool v4 = network.family_ == Family::ipv4;
  if (!v4 && network.family_ != Family::ipv6) return *this;
  const unsigned bits = v4 ? ipv4_bits : ipv6_bits;
  for (unsigned i = 0; i < (v4 ? 4U : 16U); ++i) {
    const unsigned kept = bits > 8 * i ? std::min(bits - 8 * i, 8U) : 0;
    network.ip_[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
  }
  return network;
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN];
  switch (family_) {
    case Family::none:
      return {};
    case Family::ipv4:
      return ::inet_ntop(AF_INET, ip_.data(), text, sizeof text);
    case Family::ipv6: {
      std::string host = ::inet_ntop(AF_INET6, ip_.data(), text, sizeof text);
      if (scope_id_ != 0) host += "%" + std::to_string(scope_id_);
      return host;
    }
    case Family::unix_domain:
      return path_ == nullptr ? std::string() : *path_;
  }
  return {};
}

std::string Address::to_string() const {
  switch (family_) {
    case Family::none:
      return {};
    case Family::ipv4:
      return host() + ":" + std::to_string(port_);
    case Family::ipv6:
      return "[" + host() + "]:" + std::to_string(port_);
    case Family::unix_domain:
      return "unix:" + host();
  }
  return {};
}

std::size_t Address::to_sockaddr(sockaddr* storage) const {
  switch (family_) {
    case Family::none:
      return 0;
    case Family::ipv4: {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_port = htons(port_);
      std::memcpy(&in.sin_addr, ip_.data(), sizeof in.sin_addr);
      std::memcpy(storage, &in, sizeof in);
      return sizeof in;
    }
    case Family::ipv6: {
      sockaddr_in6 in6{};
      in6.sin6_family = AF_INET6;
      in6.sin6_port = htons(port_);
      in6.sin6_scope_id = scope_id_;
      std::memcpy(&in6.sin6_addr, ip_.data(), sizeof in6.sin6_addr);
      std::memcpy(storage, &in6, sizeof in6);
      return sizeof in6;
    }
    case Family::unix_domain: {
      sockaddr_un un{};
      un.sun_family = AF_UNIX;
      const std::string path = host();
      if (path.empty()) {  // a socket without a name has none at all, not one of no bytes
        std::memcpy(storage, &un, sizeof un);
        return offsetof(sockaddr_un, sun_path);
      }
      const bool abstract = path.starts_with('@');
      std::memcpy(un.sun_path, path.data(), path.size());
      if (abstract) un.sun_path[0] = '\0';
      std::memcpy(storage, &un, sizeof un);
      // The length of an abstract name is its end; a path has a terminating NUL.
      return offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1);
    }
  }
  return 0;
}

bool is_valid_ip(std::string_view text) {
  // In brackets nothing else is an address; without them, an IPv4 address alone is.
  return text.find_first_of("[]") == text.npos &&
         (Address::try_parse("[" + std::string(text) + "]:0").has_value() ||
          (!text.empty() && !text.starts_with("unix:") &&
           Address::try_parse(std::string(text) + ":0").has_value()));
}

}  // namespace twister
