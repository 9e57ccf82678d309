#include "twister/destination.hpp"

#include <stdexcept>
#include <utility>

#include "lookup.hpp"

namespace twister {

Destination::Destination(std::string_view host, std::uint16_t port) : host_(host), port_(port) {
  if (host.empty() || host.size() > detail::max_host_bytes || host.find('\0') != host.npos) {
    throw std::invalid_argument("not a host to connect to: \"" +
                                host_.substr(0, detail::max_host_bytes) + "\"");
  }
}

Destination::Destination(Address address) : port_(address.port()) {
  if (address.family() == Address::Family::none || (address.is_unix() && address.host().empty())) {
    throw std::invalid_argument("not an address to connect to: \"" + address.to_string() + "\"");
  }
  if (!address.is_unix()) host_ = address.host();
  address_ = std::move(address);
}

namespace {

bool is_endpoint(std::string_view text) noexcept {
  return text.starts_with("tcp:") || text.starts_with("tls:") || text.find('?') != text.npos;
}

}  // namespace

std::optional<Destination> Destination::try_parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    const auto address = Address::try_parse(text);
    if (!address || address->host().empty()) return std::nullopt;
    return Destination(*address);
  }
  auto parts = detail::split_host_port(text);
  if (!parts || !parts->port) return std::nullopt;
  Destination destination;
  destination.host_ = std::move(parts->host);
  destination.port_ = *parts->port;
  return destination;
}

Destination Destination::parse(std::string_view text) {
  if (auto destination = try_parse(text)) return *std::move(destination);
  throw std::invalid_argument(
      "cannot connect to \"" + std::string(text) +
      "\": not HOST:PORT, [v6]:PORT or unix:PATH, with a port up to 65535" +
      (is_endpoint(text) ? "; Endpoint::parse_client() reads endpoints" : ""));
}

std::string Destination::to_string() const {
  if (address_) return address_->to_string();
  const bool v6 = host_.find(':') != host_.npos;
  return (v6 ? "[" + host_ + "]" : host_) + ":" + std::to_string(port_);
}

}  // namespace twister
