// twister/admin_server.hpp - lets operators look into a running server, by HTTP.
//
//   twister::MetricsRegistry metrics;
//   twister::AdminServer admin(loop, "127.0.0.1:9100", metrics);
//   admin.start();  // curl http://127.0.0.1:9100/metrics
//
//   /metrics      twister's own metrics and those of the registry, for Prometheus
//   /healthz      200 while the loops answer, else 503 and which do not
//   /readyz       200 while servers accept, 503 while one drains or when `ready` says no
//   /connections  the newest connections, as JSON
//
// Not a web server: GET and HEAD, no bodies, and nobody is asked who they are. Keep it on loopback or
// a network of your own. A loop of its own (a LoopPool of one) goes on answering while the others
// are blocked.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <twister/address.hpp>
#include <twister/bind_sockets.hpp>
#include <twister/metrics.hpp>

namespace twister {

class IOLoop;
class Transport;
namespace detail {
class AdminCore;
}

struct AdminOptions {
  // The loops to report on, which outlive the AdminServer; none: the one it runs on. Metrics call
  // them by their place in this list.
  std::vector<IOLoop*> loops{};
  // Asked by /readyz, on the AdminServer's loop, when all else is ready.
  std::function<bool()> ready{};
  // How long loops may take to answer. Then the page comes without them and says so.
  std::chrono::milliseconds answer_timeout = std::chrono::seconds(1);
  // How long a peer may take to send a request, the first one or the next.
  std::chrono::milliseconds request_timeout = std::chrono::seconds(10);
  // Of the AdminServer itself; beyond it a connection is closed at once.
  std::size_t max_connections = 16;
  // Of /connections. Each costs its loop a system call.
  std::size_t max_listed = 1000;
  BindOptions bind{};
};

// An HTTP listener for operators, and for what watches a server in their place.
//
// Its own connections are no server's: a drain, or a signal, leaves them alone, so that /readyz goes
// on saying 503 to the end. From start() on, the loops measure their turns and their lag: two
// readings of the clock a turn, and four timers a second.
//
// Ownership: its loop, the loops of the options and the registry outlive it; destroying it aborts
//   its connections.
// Threads: its loop's. The loops of the options may run on other threads.
// Limits: a request of 8 KiB and 100 headers; the options. Where it listens on loopback alone, a
//   request whose Host is a name other than localhost is refused: a page in a browser could have made
//   that name point here.
// Errors: start() throws as bind_sockets() does.
class AdminServer {
 public:
  AdminServer(IOLoop& loop, std::string_view address, const MetricsRegistry& registry,
              AdminOptions options = {});
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  void start();
  // Listens on sockets that are bound already, in place of start().
  void add_sockets(std::vector<ListeningSocket> sockets);
  // Serves a connection that comes from elsewhere, as TcpServer::add_connection().
  void add_connection(std::unique_ptr<Transport> transport);
  // Where it listens, with the ports that the kernel chose.
  std::vector<Address> local_addresses() const;

 private:
  std::shared_ptr<detail::AdminCore> core_;
};

}  // namespace twister
