// twister/address.hpp - where a socket is: an IP address and port, or a unix-domain path.
//
//   auto address = twister::Address::parse("[::1]:8888");
//   address.to_string();  // "[::1]:8888"
//
// Not for host names: an Address is numeric. Names are resolved by bind_sockets() and by a Resolver.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <twister/codecs/byte_view.hpp>

struct sockaddr;

namespace twister {

// A numeric socket address: IPv4, IPv6, unix-domain, or none (a peer without an address).
//
// Textual forms: `127.0.0.1:80`, `[::1]:80`, `[fe80::1%2]:80`, `:80` (every interface),
// `unix:/run/x.sock`, `unix:@name` (Linux's abstract name space), and `` for none.
class Address {
 public:
  enum class Family : std::uint8_t { none, ipv4, ipv6, unix_domain };

  Address() = default;
  // Throws std::invalid_argument, quoting `text`, when it is none of the forms above.
  static Address parse(std::string_view text);
  // The same without an exception: empty when `text` is not an address.
  static std::optional<Address> try_parse(std::string_view text);
  // From the kernel's form; an unknown family gives an empty Address.
  static Address from_sockaddr(const sockaddr& raw, std::size_t size);
  // From an IP address in network order, four bytes or sixteen; any other number gives an empty
  // Address.
  static Address from_ip(ByteView ip, std::uint16_t port);

  Family family() const noexcept { return family_; }
  bool is_unix() const noexcept { return family_ == Family::unix_domain; }
  // The port in host byte order; 0 for a unix-domain address.
  std::uint16_t port() const noexcept { return port_; }
  // The same host with another port.
  Address with_port(std::uint16_t port) const;
  // The network of the first `bits` bits, with port 0. An IPv4 address in IPv6's clothes
  // (::ffff:1.2.3.4) counts as IPv4; other families give themselves.
  Address network(unsigned ipv4_bits, unsigned ipv6_bits) const;
  // The address without port and brackets ("127.0.0.1", "::1"), or the unix path.
  std::string host() const;
  // The IP address in network order: four bytes, sixteen, or none. Valid as long as the Address.
  ByteView ip() const noexcept;
  // The textual form that parse() takes.
  std::string to_string() const;

  // Writes the kernel's form into `storage` (at least sizeof(sockaddr_storage) bytes) and returns
  // its size.
  std::size_t to_sockaddr(sockaddr* storage) const;

  friend bool operator==(const Address& a, const Address& b) noexcept;
  // Any order, for maps.
  friend bool operator<(const Address& a, const Address& b) noexcept;

 private:
  Family family_ = Family::none;
  std::uint16_t port_ = 0;
  std::uint32_t scope_id_ = 0;
  // IPv4: four bytes; IPv6: sixteen, in network order.
  std::array<std::uint8_t, 16> ip_{};
  // Only unix-domain addresses have one, and every connection keeps an Address: a pointer is
  // smaller.
  std::shared_ptr<const std::string> path_;
};

// True for an IPv4 or IPv6 address in text, without a port and without brackets.
bool is_valid_ip(std::string_view text);

}  // namespace twister
