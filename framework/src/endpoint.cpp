#include "twister/endpoint.hpp"

#include <algorithm>
#include <utility>

#include "endpoint_options.hpp"

namespace twister {
namespace {

// Writes what a parser would take for something else, and what a line of text cannot hold, as `%`
// and two digits.
std::string encode(std::string_view text, std::string_view special) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != 0x7f && special.find(c) == special.npos) {
      encoded += c;
    } else {
      encoded += {'%', digits[byte >> 4U], digits[byte & 0xfU]};
    }
  }
  return encoded;
}

}  // namespace

std::string Endpoint::to_string() const {
  std::string text(detail::entry_of(scheme).name);
  text += ':';
  if (scheme == Scheme::unix_domain) {
    text += encode(path, "%?");
  } else {
    text += scheme == Scheme::fd ? std::to_string(descriptor) : address();
  }
  char separator = '?';
  for (const EndpointOption& option : options) {
    text += std::exchange(separator, '&') + option.name + "=" + encode(option.value, "%&");
  }
  return text;
}

std::string Endpoint::address() const {
  if (scheme == Scheme::fd) return {};
  if (scheme == Scheme::unix_domain) return "unix:" + path;
  const bool is_ipv6 = host.find(':') != host.npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<std::string_view> Endpoint::option(std::string_view name) const {
  const auto found =
      std::find_if(options.begin(), options.end(),
                   [name](const EndpointOption& option) { return option.name == name; });
  if (found == options.end()) return std::nullopt;
  return found->value;
}

bool Endpoint::flag(std::string_view name, bool fallback) const {
  return detail::parse_flag(option(name).value_or("")).value_or(fallback);
}

std::vector<std::string> Endpoint::names(std::string_view name) const {
  std::vector<std::string> names;
  std::string_view rest = option(name).value_or("");
  while (!rest.empty()) {
    names.emplace_back(rest.substr(0, rest.find(',')));
    rest.remove_prefix(std::min(names.back().size() + 1, rest.size()));
  }
  return names;
}

std::chrono::milliseconds Endpoint::time(std::string_view name,
                                         std::chrono::milliseconds fallback) const {
  return detail::parse_time(option(name).value_or("")).value_or(fallback);
}

BindOptions Endpoint::bind_options(BindOptions defaults) const {
  const auto backlog = detail::parse_count(option("backlog").value_or(""));
  const auto mode = detail::parse_mode(option("mode").value_or(""));
  if (backlog) defaults.backlog = static_cast<int>(*backlog);
  if (mode) defaults.unix_mode = *mode;
  defaults.reuse_port = flag("reuse-port", defaults.reuse_port);
  return defaults;
}

}  // namespace twister
