// twister/network.hpp - a set of addresses: all that begin with the same bits.
//
//   const auto office = twister::Network::parse("10.0.0.0/8");
//   if (office.contains(connection.peer_address())) ...
//
// Not for names: what a name stands for changes, and whoever answers for it would be trusted. To
// count peers by networks, Address::network() is enough.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <twister/address.hpp>

namespace twister {

// Addresses with a common prefix; or every unix-domain peer; or none at all.
//
// Textual forms: `10.0.0.0/8`, `fd00::/8`, a single `127.0.0.1` or `::1`, and `unix:` for whoever
// connects over a unix-domain socket (such peers have no name as a rule; the file's access rights
// say who may).
//
// Ports and the zones of link-local addresses make no difference. An IPv4-mapped IPv6 address is
// the IPv4 address inside it, here as in contains(): `::ffff:10.0.0.0/104` is `10.0.0.0/8`, and
// `::/0` has no IPv4 client in it.
class Network {
 public:
  // Contains nothing.
  Network() = default;
  // Throws std::invalid_argument, quoting `text`, when it is none of the forms above, or when bits
  // are set behind the prefix (`10.0.0.7/8`): more would be let in than the text seems to say.
  static Network parse(std::string_view text);
  // The same without an exception.
  static std::optional<Network> try_parse(std::string_view text);

  bool contains(const Address& address) const;
  Address::Family family() const noexcept { return first_.family(); }
  // The form that parse() takes; empty for the Network that contains nothing.
  std::string to_string() const;

  friend bool operator==(const Network&, const Network&) = default;

 private:
  Network(const Address& address, unsigned bits);

  Address first_;      // without port, zone and mapping; zeros behind the prefix
  unsigned bits_ = 0;  // the length of the prefix
};

}  // namespace twister
