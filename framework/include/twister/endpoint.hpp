// twister/endpoint.hpp - where to listen or to connect, and how, in one line of a configuration.
//
//   const auto endpoint = twister::Endpoint::parse_server("tls::443?cert=site.pem&key=site.key");
//   auto sockets = twister::bind_sockets(endpoint.address(), endpoint.bind_options());
//
// Not needed where the address stands in the program: TcpServer and clients take `HOST:PORT`.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <twister/bind_sockets.hpp>

namespace twister {

// Text that is no endpoint. what() quotes it, says at which character it goes wrong, counted from 1,
// and what would be possible there.
class EndpointError : public std::invalid_argument {
 public:
  EndpointError(const std::string& what, std::size_t position)
      : std::invalid_argument(what), position_(position) {}
  // The offset of that character, counted from 0; the length of the text when something is missing.
  std::size_t position() const noexcept { return position_; }

 private:
  std::size_t position_;
};

struct EndpointOption {
  std::string name;
  std::string value;  // decoded

  friend bool operator==(const EndpointOption&, const EndpointOption&) = default;
};

// The parts of an endpoint's text. Parsing looks at the text alone: whether the name resolves, the
// port is free or the file is there shows when the endpoint is used.
//
// Textual forms, each with `?name=value&name=value` behind it:
//   tcp:HOST:PORT   HOST is a name, an IPv4 address or an IPv6 address in brackets; for a server,
//                   none means every interface, and port 0 one that the kernel chooses
//   HOST:PORT       the same
//   tls:HOST:PORT
//   unix:PATH       or unix:@NAME, in Linux's abstract name space
//   fd:NUMBER       a descriptor that the process was started with, for a server
// In paths and values `%` and two hexadecimal digits stand for a byte; what has to be written so is
// `%`, `?` in a path, and `&` in a value. The options are in docs/reference/endpoints.md.
struct Endpoint {
  enum class Scheme : std::uint8_t { tcp, tls, unix_domain, fd };

  Scheme scheme = Scheme::tcp;
  std::string host;  // tcp, tls: without brackets
  std::uint16_t port = 0;
  std::string path;  // unix: with the `@` of an abstract name
  int descriptor = -1;
  std::vector<EndpointOption> options{};  // as they were written; each name once

  // Both throw EndpointError for what is none of the forms above, and for options that are unknown,
  // repeated, or have no possible value. They differ in the options, and in that a client needs a
  // host and a port, or a path.
  static Endpoint parse_server(std::string_view text);
  static Endpoint parse_client(std::string_view text);
  // The text that gives the same endpoint.
  std::string to_string() const;

  // What bind_sockets() and Address take: `HOST:PORT` or `unix:PATH`; empty for a descriptor.
  std::string address() const;
  // The value of an option; empty when it was not given.
  std::optional<std::string_view> option(std::string_view name) const;
  // Of a `yes` or `no`, of names between commas, and of a time.
  bool flag(std::string_view name, bool fallback) const;
  std::vector<std::string> names(std::string_view name) const;
  std::chrono::milliseconds time(std::string_view name, std::chrono::milliseconds fallback) const;
  // `defaults` with what `backlog`, `reuse-port` and `mode` say otherwise.
  BindOptions bind_options(BindOptions defaults = {}) const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace twister
