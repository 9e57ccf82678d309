#include "lookup.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include <twister/error.hpp>

namespace twister::detail {
namespace {

class ResolverCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "twister.resolver"; }
  std::string message(int code) const override { return ::gai_strerror(code); }
};

int kernel_family(Address::Family family) noexcept {
  switch (family) {
    case Address::Family::ipv4:
      return AF_INET;
    case Address::Family::ipv6:
      return AF_INET6;
    default:
      return AF_UNSPEC;
  }
}

}  // namespace

const std::error_category& resolver_category() noexcept {
  static const ResolverCategory category;
  return category;
}

std::vector<Address> look_up(const LookupQuery& query, std::error_code& error) {
  error.clear();
  addrinfo hints{};
  hints.ai_family = kernel_family(query.family);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (query.passive ? AI_PASSIVE : 0);
  addrinfo* raw = nullptr;
  const int code = ::getaddrinfo(query.host.empty() ? nullptr : query.host.c_str(),
                                 query.port.c_str(), &hints, &raw);
  if (code == EAI_SYSTEM) error.assign(errno, std::generic_category());
  if (code != 0 && !error) error.assign(code, resolver_category());
  if (error) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(raw, ::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* info = found.get(); info != nullptr; info = info->ai_next) {
    const Address address = Address::from_sockaddr(*info->ai_addr, info->ai_addrlen);
    if (address.family() != Address::Family::none &&
        std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  if (addresses.empty()) error = Errc::lookup_failed;
  return addresses;
}

std::optional<HostPort> split_host_port(std::string_view text) {
  HostPort parts;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return std::nullopt;
    parts.host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') return std::nullopt;
    if (has_port) port = rest.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    // More than one colon without brackets: an IPv6 address, which cannot have a port.
    has_port = colon != text.npos && text.find(':', colon + 1) == text.npos;
    parts.host = has_port ? text.substr(0, colon) : text;
    if (has_port) port = text.substr(colon + 1);
  }
  if (parts.host.empty() || parts.host.size() > max_host_bytes ||
      parts.host.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  if (!has_port) return parts;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  parts.port = number;
  return parts;
}

}  // namespace twister::detail
