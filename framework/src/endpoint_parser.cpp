// The text of an endpoint, character by character.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

#include <twister/endpoint.hpp>

#include "endpoint_options.hpp"

namespace twister {
namespace {

using Scheme = Endpoint::Scheme;

// A unix-domain path with its NUL has to fit into sockaddr_un; abstract names are held to the same.
constexpr std::size_t max_path_bytes = 107;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) noexcept {
  return (c >= '\0' && c < ' ') || c == '\x7f';
}

// Goes through a text once, from left to right. Positions are those of the whole text.
class Parser {
 public:
  Parser(std::string_view text, bool is_server)
      : text_(text), address_end_(std::min(text.find('?'), text.size())), is_server_(is_server) {}

  Endpoint parse() {
    const std::size_t begin = parse_scheme();
    switch (endpoint_.scheme) {
      case Scheme::tcp:
      case Scheme::tls:
        parse_host_and_port(begin);
        break;
      case Scheme::unix_domain:
        parse_path(begin);
        break;
      case Scheme::fd:
        if (!is_server_) fail(0, "a descriptor is for a server; a client needs a host or a path");
        endpoint_.descriptor = static_cast<int>(
            parse_number(begin, std::numeric_limits<int>::max(), "a descriptor's number"));
        break;
    }
    if (address_end_ < text_.size()) parse_options(address_end_ + 1);
    return std::move(endpoint_);
  }

 private:
  [[noreturn]] void fail(std::size_t position, const std::string& why) const {
    std::string message = "bad endpoint \"" + std::string(text_) + "\" at character " +
                          std::to_string(position + 1) + ": " + why;
    // What would end an exception's text, or play tricks with a terminal.
    std::replace_if(message.begin(), message.end(), is_control, '?');
    throw EndpointError(message, position);
  }

  std::string_view between(std::size_t begin, std::size_t end) const {
    return text_.substr(begin, end - begin);
  }

  // Where the rest begins. Without a scheme it is tcp.
  std::size_t parse_scheme() {
    const std::string_view name = text_.substr(0, text_.find(':'));
    for (const detail::SchemeName& entry : detail::schemes) {
      if (entry.name == name && name.size() < address_end_) {
        endpoint_.scheme = entry.scheme;
        return name.size() + 1;
      }
    }
    return 0;
  }

  void parse_host_and_port(std::size_t begin) {
    const std::string_view address = between(begin, address_end_);
    const bool in_brackets = address.starts_with('[');
    const std::size_t close = address.find(']');
    if (in_brackets && close == address.npos) fail(begin, "\"[\" without \"]\"");
    const std::size_t colon = in_brackets ? close + 1 : address.find(':');
    if (colon >= address.size()) fail(address_end_, "\":\" and a port are missing");
    if (address[colon] != ':') fail(begin + colon, "a port is expected here, behind \":\"");
    if (in_brackets) {
      endpoint_.host = address.substr(1, close - 1);
      if (!detail::is_ipv6(endpoint_.host)) fail(begin + 1, "not an IPv6 address");
    } else {
      if (address.find(':', colon + 1) != address.npos) explain_colons(begin, address);
      endpoint_.host = address.substr(0, colon);
      check_host(begin);
    }
    const std::size_t port = begin + colon + 1;
    endpoint_.port = static_cast<std::uint16_t>(parse_number(port, 65'535, "a port"));
    if (!is_server_ && endpoint_.port == 0) fail(port, "a client needs a port above 0");
  }

  // More than one colon: an IPv6 address without its brackets, a scheme that there is not, or a bad
  // port, which is left to say.
  void explain_colons(std::size_t begin, std::string_view address) const {
    if (address.find_first_not_of("0123456789abcdefABCDEF:.%") == address.npos) {
      fail(begin, "an IPv6 address stands in brackets, as in [::1]:80");
    }
    if (begin > 0) return;
    std::string known;
    for (const detail::SchemeName& entry : detail::schemes) {
      if (entry.scheme == Scheme::fd && !is_server_) continue;
      known += (known.empty() ? "" : ", ") + std::string(entry.name);
    }
    fail(0, "unknown scheme \"" + std::string(address.substr(0, address.find(':'))) +
                "\"; known are " + known);
  }

  void check_host(std::size_t begin) const {
    const std::string_view host = endpoint_.host;
    if (host.empty()) {
      if (!is_server_) fail(begin, "a client needs a host");
      return;
    }
    const std::size_t wrong = detail::check_host_name(host);
    if (wrong < host.size() && !detail::is_ipv4(host)) {
      fail(begin + wrong, "not a host's name or IP address");
    }
  }

  void parse_path(std::size_t begin) {
    endpoint_.path = decode(begin, address_end_);
    const std::string_view path = endpoint_.path;
    if (path.empty() || path == "@") fail(address_end_, "a path is missing");
    if (path.size() > max_path_bytes) {
      fail(begin, "the path is longer than " + std::to_string(max_path_bytes) + " bytes");
    }
  }

  // All that is left of the address.
  std::uint64_t parse_number(std::size_t begin, std::uint64_t most, std::string_view what) const {
    const std::string_view digits = between(begin, address_end_);
    if (digits.empty()) fail(begin, std::string(what) + " is missing");
    std::uint64_t number = 0;
    const char* const last = digits.data() + digits.size();
    const auto [end, error] = std::from_chars(digits.data(), last, number);
    if (error != std::errc{} || number > most) {
      fail(begin, "not " + std::string(what) + ", 0 to " + std::to_string(most));
    }
    if (end != last) {
      fail(begin + static_cast<std::size_t>(end - digits.data()),
           "only digits are expected in " + std::string(what));
    }
    return number;
  }

  // A NUL is refused: what is behind it would be read by some functions and not by others.
  std::string decode(std::size_t begin, std::size_t end) const {
    std::string decoded;
    for (std::size_t at = begin; at < end; ++at) {
      char c = text_[at];
      if (c == '%') {
        const int high = at + 1 < end ? hex_digit(text_[at + 1]) : -1;
        const int low = at + 2 < end ? hex_digit(text_[at + 2]) : -1;
        if (high < 0 || low < 0) {
          fail(at, "two hexadecimal digits are expected behind \"%\"; \"%\" itself is %25");
        }
        c = static_cast<char>(high * 16 + low);
      }
      if (c == '\0') fail(at, "a NUL byte");
      if (text_[at] == '%') at += 2;
      decoded += c;
    }
    return decoded;
  }

  void parse_options(std::size_t begin) {
    for (std::size_t end = 0; end < text_.size(); begin = end + 1) {
      end = std::min(text_.find('&', begin), text_.size());
      parse_option(begin, end);
    }
  }

  void parse_option(std::size_t begin, std::size_t end) {
    const std::string_view item = between(begin, end);
    const std::string name(item.substr(0, item.find('=')));
    if (item.empty()) fail(begin, "an option is missing");
    const detail::KnownOption& known = find_option(name, begin);
    const std::string named = "option \"" + name + "\"";
    if (endpoint_.option(name)) fail(begin, named + " is given twice");
    const std::size_t value = begin + name.size() + 1;
    const std::string expected(describe(known.value));
    if (value >= end) fail(end, named + " lacks its value, " + expected);
    std::string decoded = decode(value, end);
    if (!is_possible(known.value, decoded)) {
      fail(value, named + ": \"" + std::string(between(value, end)) + "\" is not " + expected);
    }
    endpoint_.options.push_back({name, std::move(decoded)});
  }

  const detail::KnownOption& find_option(const std::string& name, std::size_t position) const {
    const detail::SchemeName& scheme = detail::entry_of(endpoint_.scheme);
    const unsigned other_side = is_server_ ? detail::client_only : detail::server_only;
    std::string known;
    for (const detail::KnownOption& option : detail::known_options) {
      if ((option.use & scheme.use) == 0 || (option.use & other_side) != 0) continue;
      if (option.name == name) return option;
      known += (known.empty() ? "" : ", ") + std::string(option.name);
    }
    fail(position, "unknown option \"" + name + "\"; " +
                       (known.empty() ? "there are none" : "known are " + known) + " for a " +
                       std::string(scheme.name) + (is_server_ ? " server" : " client"));
  }

  std::string_view text_;
  std::size_t address_end_;  // where the options begin
  bool is_server_;
  Endpoint endpoint_;
};

}  // namespace

Endpoint Endpoint::parse_server(std::string_view text) {
  return Parser(text, true).parse();
}
Endpoint Endpoint::parse_client(std::string_view text) {
  return Parser(text, false).parse();
}

}  // namespace twister
