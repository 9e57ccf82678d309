#include "serve_plan.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string_view>

#include <twister/fork_processes.hpp>

#include "server_core.hpp"

namespace twister::detail {

std::string address_of(const ServeOptions& options) {
  const std::string& host = options.host;
  if (host.starts_with("unix:")) return host;
  const bool bare_v6 = host.find(':') != host.npos && !host.starts_with('[');
  return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(options.port);
}

ServerOptions options_of_a_loop(const ServeOptions& options) {
  ServerOptions server = options.server;
  if (options.threads == 1 || server.max_connections == unlimited) return server;
  const std::size_t all = server.max_connections.value_or(default_max_connections());
  server.max_connections = all / options.threads + (all % options.threads == 0 ? 0 : 1);
  return server;
}

std::string admin_address_of(const std::string& admin, std::size_t id, std::size_t processes) {
  if (processes == 1) return admin;
  if (admin.starts_with("unix:")) return admin + "." + std::to_string(id);
  const std::size_t colon = admin.rfind(':');
  if (colon == admin.npos) return admin;
  const std::string_view text = std::string_view(admin).substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return admin;
  constexpr std::size_t last = std::numeric_limits<std::uint16_t>::max();
  if (port + processes - 1 > last) {
    throw std::invalid_argument("cannot listen on " + admin + ": " + std::to_string(processes) +
                                " processes need as many ports, and the last one is " +
                                std::to_string(last));
  }
  return admin.substr(0, colon + 1) + std::to_string(port + id);
}

std::chrono::milliseconds stop_timeout_of(const ServeOptions& options) {
  using std::chrono::milliseconds;
  constexpr milliseconds to_leave = std::chrono::seconds(5);  // after the drain
  const milliseconds drain = std::min(options.server.drain_timeout, milliseconds::max() - to_leave);
  return std::max(ForkOptions{}.stop_timeout, drain + to_leave);
}

MakeServer plain_server(const ProtocolFactory& build_class) {
  return [build_class](IOLoop& loop, std::string_view address, const ServerOptions& options) {
    return std::make_unique<TcpServer>(loop, address, build_class, options);
  };
}

}  // namespace twister::detail
