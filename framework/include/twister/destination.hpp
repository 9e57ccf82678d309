// twister/destination.hpp - what a client connects to: a name and a port, or an address.
//
//   client.connect("example.com:80", ...);       // looked up
//   client.connect({"example.com", 80}, ...);    // the same
//   client.connect("unix:/run/app.sock", ...);
//   client.connect(twister::Address::parse("[::1]:80"), ...);
//
// Not for listening: bind_sockets() takes a text of its own, in which the host may be missing.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <twister/address.hpp>

namespace twister {

// Where to connect to, not yet looked up.
//
// Textual forms: `HOST:PORT`, where HOST is a name or an IPv4 address, `[v6]:PORT`, and `unix:PATH`.
// Errors: every constructor throws std::invalid_argument, quoting what it was given; text that comes
//   from outside goes through try_parse().
class Destination {
 public:
  template <std::convertible_to<std::string_view> Text>
  Destination(
      const Text& text)  // NOLINT(google-explicit-constructor): text is how destinations are said
      : Destination(parse(text)) {}
  // `host` is a name or an address without brackets, at most 255 bytes.
  Destination(std::string_view host, std::uint16_t port);
  Destination(Address address);  // NOLINT(google-explicit-constructor)

  static Destination parse(std::string_view text);
  // The same without an exception: empty when `text` is none of the forms.
  static std::optional<Destination> try_parse(std::string_view text);

  // The name, or the address as text; empty for a unix-domain address.
  const std::string& host() const noexcept { return host_; }
  std::uint16_t port() const noexcept { return port_; }
  // Set when there is nothing to look up: for an Address, and for `unix:PATH`. A HOST in text is
  // always left to the resolver, which knows an address when it sees one.
  const std::optional<Address>& address() const noexcept { return address_; }
  // The textual form that parse() takes.
  std::string to_string() const;

 private:
  Destination() = default;

  std::string host_;
  std::uint16_t port_ = 0;
  std::optional<Address> address_;
};

}  // namespace twister
