#include "twister/admin_server.hpp"

#include <algorithm>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/log.hpp>
#include <twister/make_connection.hpp>

#include "admin_core.hpp"
#include "loop_core.hpp"
#include "socket_transport.hpp"

namespace twister {
namespace detail {
namespace {

// Requests are short; replies are read by programs that want them, within seconds.
constexpr StreamOptions session_options{.read_chunk_size = max_request_bytes,
                                        .close_timeout = std::chrono::seconds(10)};

bool is_loopback(const Address& address) {
  const std::string host = address.host();
  return (address.family() == Address::Family::ipv4 && host.starts_with("127.")) || host == "::1";
}

}  // namespace

AdminCore::AdminCore(IOLoop& loop, std::string_view address, const MetricsRegistry& registry,
                     AdminOptions options)
    : loop_(loop), address_(address), registry_(registry), options_(std::move(options)) {
  if (options_.loops.empty()) options_.loops.push_back(&loop);
  counts_ = std::make_unique<Survey>(loop_, options_.loops, 0);
  connections_ = std::make_unique<Survey>(loop_, options_.loops, options_.max_listed);
}

void AdminCore::add_sockets(std::vector<ListeningSocket> sockets) {
  for (ListeningSocket& socket : sockets) {
    acceptors_.push_back(std::make_unique<Acceptor>(
        loop_.core(), std::move(socket),
        [this](int descriptor, const Address& peer) { accept(descriptor, peer); },
        std::make_shared<ServerCounters>()));
  }
  const auto addresses = local_addresses();
  loopback_only_ = std::all_of(addresses.begin(), addresses.end(), is_loopback);
  for (IOLoop* loop : options_.loops)
    loop->add_callback([core = &loop->core()] { core->enable_monitor(); });
}

void AdminCore::accept(int descriptor, const Address& peer) {
  add_connection(std::make_unique<SocketTransport>(loop_.core().reactor(), descriptor, peer));
}

void AdminCore::add_connection(std::unique_ptr<Transport> transport) {
  if (sessions_.size() >= options_.max_connections) {
    log(LogLevel::warning, "admin_connection_refused",
        {{"peer", transport->peer_address().to_string()},
         {"max_connections", std::to_string(options_.max_connections)}});
    return;
  }
  make_connection(loop_, std::move(transport), std::make_unique<AdminSession>(shared_from_this()),
                  session_options);
}

void AdminCore::detach() {
  acceptors_.clear();
  counts_.reset();
  connections_.reset();
  for (AdminSession* session : sessions_) session->abort();
}

std::vector<Address> AdminCore::local_addresses() const {
  std::vector<Address> addresses;
  for (const auto& acceptor : acceptors_) addresses.push_back(acceptor->local_address());
  return addresses;
}

// A browser can be led here by a name that its owner points to this machine, and would then let
// the owner's page read what we answer.
bool AdminCore::host_allowed(const AdminRequest& request) const {
  return !loopback_only_ || request.host.empty() || is_numeric_or_localhost(request.host);
}

void AdminCore::answer(const AdminRequest& request, Reply reply) {
  if (!host_allowed(request)) return reply(error_page(400));
  if (counts_ == nullptr) return;  // being destroyed
  const Duration timeout = saturated(options_.answer_timeout);
  if (request.path == "/metrics") {
    counts_->ask(timeout, [this, reply = std::move(reply)](const LoopSamples& loops) {
      reply(metrics_page(loops, registry_));
    });
  } else if (request.path == "/healthz") {
    counts_->ask(timeout, [this, reply = std::move(reply)](const LoopSamples& loops) {
      const auto ended = [this](std::size_t loop) {
        return options_.loops[loop]->core().activity().ended.load(std::memory_order_relaxed);
      };
      reply(health_page(loops, ended, options_.answer_timeout));
    });
  } else if (request.path == "/readyz") {
    counts_->ask(timeout, [this, reply = std::move(reply)](const LoopSamples& loops) {
      reply(readiness_page(loops, options_.ready));
    });
  } else if (request.path == "/connections") {
    connections_->ask(timeout, [this, reply = std::move(reply)](const LoopSamples& loops) {
      reply(connections_page(loops, options_.max_listed));
    });
  } else {
    reply(error_page(404));
  }
}

}  // namespace detail

AdminServer::AdminServer(IOLoop& loop, std::string_view address, const MetricsRegistry& registry,
                         AdminOptions options)
    : core_(std::make_shared<detail::AdminCore>(loop, address, registry, std::move(options))) {}

AdminServer::~AdminServer() {
  core_->detach();
}

void AdminServer::start() {
  core_->start();
}
void AdminServer::add_sockets(std::vector<ListeningSocket> sockets) {
  core_->add_sockets(std::move(sockets));
}
void AdminServer::add_connection(std::unique_ptr<Transport> transport) {
  core_->add_connection(std::move(transport));
}
std::vector<Address> AdminServer::local_addresses() const {
  return core_->local_addresses();
}

}  // namespace twister
