#include "twister/tcp_server.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <twister/endpoint.hpp>
#include <twister/inherited_sockets.hpp>
#include <twister/log.hpp>
#include <twister/memory_budget.hpp>

#include "server_core.hpp"
#include "socket_options.hpp"
#include "socket_transport.hpp"
#include "stream.hpp"

namespace twister {
namespace detail {

// 80 %: what is left is for files, logs and the listeners.
std::size_t default_max_connections() noexcept {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0 || descriptors.rlim_cur == RLIM_INFINITY)
    return 10'000;
  return std::clamp<std::size_t>(descriptors.rlim_cur - descriptors.rlim_cur / 5, 1, 10'000);
}

namespace {

// Accepted sockets inherit these from their listener, which spares system calls for each of them.
void set_options(int listener, const ServerOptions& options) noexcept {
  set_no_delay(listener, options.no_delay);
  set_keep_alive(listener, options.keep_alive);
}

}  // namespace

ServerCore::ServerCore(TcpServer& server, IOLoop& loop, std::string_view address,
                       ProtocolFactory build_class, ServerOptions options)
    : server_(&server),
      loop_(loop.core()),
      address_(address),
      build_class_(std::move(build_class)),
      options_(std::move(options)),
      stream_options_(std::make_shared<const StreamShared>(options_.stream)),
      max_connections_(options_.max_connections.value_or(default_max_connections())) {
  loop_.add_server(*this);
}

std::vector<ListeningSocket> ServerCore::sockets_of(std::string_view address) const {
  const bool described = address.find('?') != address.npos || address.starts_with("tcp:") ||
                         address.starts_with("tls:") || address.starts_with("fd:");
  if (!described) return bind_sockets(address, options_.bind);
  const Endpoint endpoint = Endpoint::parse_server(address);
  if (endpoint.scheme == Endpoint::Scheme::tls && !options_.layer) {
    throw std::invalid_argument("cannot listen on " + std::string(address) +
                                ": ServerOptions::layer has no TlsServerContext");
  }
  if (endpoint.scheme != Endpoint::Scheme::fd) {
    return bind_sockets(endpoint.address(), endpoint.bind_options(options_.bind));
  }
  std::vector<ListeningSocket> adopted;
  adopted.push_back(adopt_listener(endpoint.descriptor));
  return adopted;
}

void ServerCore::start() {
  if (!address_.empty()) bind(address_);
  add_sockets(std::exchange(bound_, {}));
}

void ServerCore::bind(std::string_view address) {
  for (ListeningSocket& socket : sockets_of(address)) bound_.push_back(std::move(socket));
}

void ServerCore::listen(std::string_view address) {
  add_sockets(sockets_of(address));
}

void ServerCore::add_sockets(std::vector<ListeningSocket> sockets) {
  if (sockets.empty()) return;
  if (acceptors_.empty()) {
    label_ = sockets.front().local_address().to_string();
    server_->start_factory();
  }
  for (ListeningSocket& socket : sockets) {
    set_options(socket.native_handle(), options_);
    acceptors_.push_back(std::make_unique<Acceptor>(
        loop_, std::move(socket),
        [weak = weak_from_this()](int descriptor, const Address& peer) {
          if (const auto core = weak.lock()) {
            core->accept(descriptor, peer);
          } else {
            ::close(descriptor);
          }
        },
        counters_));
  }
}

void ServerCore::accept(int descriptor, const Address& peer) {
  Descriptor connection(descriptor);
  if (dealt_to_.empty() || !deal(connection, peer)) serve(std::move(connection), peer);
}

void ServerCore::serve(Descriptor connection, const Address& peer) {
  auto transport = std::make_unique<SocketTransport>(loop_.reactor(), connection.get(), peer);
  connection.release();
  add_connection(std::move(transport));
}

// To the one that has the fewest; the first of several.
bool ServerCore::deal(Descriptor& connection, const Address& peer) {
  const auto fewest = std::min_element(dealt_to_.begin(), dealt_to_.end(),
                                       [](const ServerHandle& a, const ServerHandle& b) {
                                         return a.connection_count() < b.connection_count();
                                       });
  if (ServerHandleCore::give(fewest->core_, connection, peer)) return true;
  dealt_to_.erase(fewest);
  return !dealt_to_.empty() && deal(connection, peer);
}

bool ServerHandleCore::give(const std::shared_ptr<ServerHandleCore>& to, Descriptor& connection,
                            const Address& peer) {
  const std::lock_guard lock(to->mutex);
  if (to->loop == nullptr) return false;
  // Counted from now on, so that a burst is spread, too.
  to->connections.fetch_add(1, std::memory_order_relaxed);
  const auto kept = std::make_shared<Descriptor>(std::move(connection));
  to->loop->add_callback([to, kept, peer] {
    to->connections.fetch_sub(1, std::memory_order_relaxed);
    if (to->core != nullptr) to->core->serve(std::move(*kept), peer);
  });
  return true;
}

ServerHandle ServerCore::handle() {
  if (handle_ == nullptr) {
    handle_ = std::make_shared<ServerHandleCore>();
    handle_->connections = connections_;
    if (server_ != nullptr) {
      handle_->loop = &loop_;
      handle_->core = this;
    }
  }
  return ServerHandle(handle_);
}

void ServerCore::count_connection(int change) noexcept {
  connections_ += static_cast<std::size_t>(change);
  if (handle_ != nullptr) {
    handle_->connections.fetch_add(static_cast<std::size_t>(change), std::memory_order_relaxed);
  }
}

void ServerCore::add_connection(std::unique_ptr<Transport> transport) {
  if (!options_.proxy_protocol.trusted.empty()) {
    transport = accept_proxy_header(std::move(transport), options_.proxy_protocol);
  }
  const Address peer = transport->peer_address();
  if (connections_ >= max_connections_)
    return refuse(peer, "max_connections", max_connections_, counters_->refused_limit);
  const MemoryBudget& budget = options_.stream.memory_budget != nullptr
                                   ? *options_.stream.memory_budget
                                   : MemoryBudget::of_process();
  if (budget.is_used_up())
    return refuse(peer, "memory_budget", budget.limit_bytes(), counters_->refused_memory);
  if (options_.layer || !transport->established()) return await(std::move(transport));
  auto admission = admit(peer);
  if (!admission) return;
  std::unique_ptr<Protocol> protocol = build(peer);
  // The factory may have stopped or destroyed the server; a connection that is refused closes here.
  if (protocol == nullptr || server_ == nullptr) return;
  Stream& stream =
      Stream::open(loop_, std::move(transport), std::move(protocol), stream_options_, server_);
  count_connection(1);
  if (*admission) stream.keep_admission(*std::move(admission));
}

// For a connection that is not established yet. It counts from now on, so that handshakes are
// bounded, too.
void ServerCore::await(std::unique_ptr<Transport> transport) {
  const Address peer = transport->peer_address();
  const auto weak = weak_from_this();
  Stream::open_arriving(loop_, std::move(transport),
                        {.admit =
                             [weak](const Address& from) {
                               const auto core = weak.lock();
                               return core != nullptr ? core->admit(from) : std::nullopt;
                             },
                         .layer = options_.layer,
                         .build =
                             [weak](const Address& from) {
                               const auto core = weak.lock();
                               return core != nullptr ? core->build(from) : nullptr;
                             },
                         .failed =
                             [peer, counters = counters_](const CloseReason& reason) {
                               if (reason.code == Errc::refused)
                                 return;  // whoever refused it has said so
                               ++counters->refused_handshake;
                               log(LogLevel::warning, "connection_failed",
                                   {{"peer", peer.to_string()}, {"why", reason.message()}});
                             }},
                        stream_options_, server_);
  count_connection(1);
}

// Counts the connection by its peer's network for as long as what is returned lives; empty when there
// are too many.
std::optional<Admission> ServerCore::admit(const Address& peer) {
  const std::size_t most = options_.max_connections_per_address;
  const Address network = peer.network(32, 64);
  const bool counted =
      network.family() == Address::Family::ipv4 || network.family() == Address::Family::ipv6;
  if (most == unlimited || !counted) return Admission();
  std::size_t& count = connections_by_network_[network];
  if (count >= most) {
    refuse(peer, "max_connections_per_address", most, counters_->refused_address);
    return std::nullopt;
  }
  ++count;
  return Admission([weak = weak_from_this(), network] {
    const auto core = weak.lock();
    if (core == nullptr) return;
    const auto found = core->connections_by_network_.find(network);
    if (--found->second == 0) core->connections_by_network_.erase(found);
  });
}

std::unique_ptr<Protocol> ServerCore::build(const Address& peer) noexcept {
  const Doing doing(loop_.activity(), "build_class");
  ++counters_->refused_exception;  // unless it does not throw
  try {
    auto protocol = build_class_(peer);
    --counters_->refused_exception;
    ++(protocol != nullptr ? counters_->accepted : counters_->refused_factory);
    return protocol;
  } catch (const std::exception& error) {
    log(LogLevel::error, "callback_threw",
        {{"callback", "build_class"}, {"peer", peer.to_string()}, {"what", error.what()}});
  } catch (...) {
    log(LogLevel::error, "callback_threw",
        {{"callback", "build_class"}, {"peer", peer.to_string()}, {"what", "not an exception"}});
  }
  return nullptr;
}

void ServerCore::refuse(const Address& peer, std::string_view limit, std::size_t value,
                        std::uint64_t& counter) const {
  ++counter;
  log(LogLevel::warning, "connection_refused",
      {{"peer", peer.to_string()}, {limit, std::to_string(value)}});
}

void ServerCore::stop() {
  if (acceptors_.empty()) return;
  acceptors_.clear();
  if (server_ != nullptr) server_->stop_factory();
}

void ServerCore::for_each_stream(const std::function<void(Stream&)>& visit) {
  loop_.for_each_stream([&](Stream& stream) {
    if (server_ != nullptr && stream.server() == server_) visit(stream);
  });
}

void ServerCore::close_connections(std::error_code error) {
  const std::error_code why = error ? error : make_error_code(Errc::closed_here);
  for_each_stream([why](Stream& stream) { stream.close({.code = why, .detail = {}}); });
}

void ServerCore::abort_connections(Errc why) {
  for_each_stream([why](Stream& stream) { stream.abort({.code = why, .detail = {}}); });
}

void ServerCore::drain(std::function<void()> done,
                       std::optional<std::chrono::milliseconds> timeout) {
  ++counters_->drains;
  // Those who wait in the queue have sent their requests, perhaps, and would be reset.
  const auto alive = shared_from_this();
  for (std::size_t i = 0; i < acceptors_.size(); ++i) acceptors_[i]->accept_waiting();
  stop();
  if (server_ == nullptr) {  // it was destroyed by its stop_factory, or before
    if (done) loop_.add_callback(std::move(done));
    return;
  }
  drained_.push_back(done ? std::move(done) : [] {});
  for_each_stream([](Stream& stream) { stream.drain(); });
  if (drain_timer_) loop_.cancel(drain_timer_);
  drain_timer_ = loop_.call_later(saturated(timeout.value_or(options_.drain_timeout)), [this] {
    drain_timer_ = {};
    log(LogLevel::warning, "drain_timeout", {{"connections", std::to_string(connections_)}});
    abort_connections(Errc::server_draining);
  });
  loop_.add_callback([weak = weak_from_this()] {
    if (const auto core = weak.lock()) core->check_drained();
  });
}

ServerCounters ServerCore::counters() const {
  ServerCounters counted = *counters_;
  counted.traffic = stream_options_->traffic;
  return counted;
}

void ServerCore::check_drained() {
  if (connections_ > 0 || drained_.empty()) return;
  loop_.cancel(std::exchange(drain_timer_, {}));
  for (std::function<void()>& done : std::exchange(drained_, {}))
    loop_.add_callback(std::move(done));
}

void ServerCore::detach() {
  if (handle_ != nullptr) {
    const std::lock_guard lock(handle_->mutex);
    handle_->loop = nullptr;
    handle_->core = nullptr;
  }
  acceptors_.clear();
  for_each_stream([](Stream& stream) {
    stream.abort({.code = Errc::server_gone, .detail = {}});
    stream.forget_server();
  });
  loop_.cancel(drain_timer_);
  // Whoever waits for the drain is told: nothing of it is left.
  connections_ = 0;
  check_drained();
  loop_.remove_server(*this);
  server_ = nullptr;
}

}  // namespace detail

TcpServer::TcpServer(IOLoop& loop, std::string_view address, ProtocolFactory build_class,
                     ServerOptions options)
    : core_(std::make_shared<detail::ServerCore>(*this, loop, address, std::move(build_class),
                                                 std::move(options))) {}

TcpServer::~TcpServer() {
  core_->detach();
}

// The verbs below may run hooks, and a hook may destroy the server: they hold the core.

void TcpServer::start() {
  std::shared_ptr(core_)->start();
}

void TcpServer::bind(std::string_view address) {
  core_->bind(address);
}

void TcpServer::listen(std::string_view address) {
  std::shared_ptr(core_)->listen(address);
}

void TcpServer::add_sockets(std::vector<ListeningSocket> sockets) {
  std::shared_ptr(core_)->add_sockets(std::move(sockets));
}

void TcpServer::add_connection(std::unique_ptr<Transport> transport) {
  std::shared_ptr(core_)->add_connection(std::move(transport));
}

void TcpServer::stop() {
  std::shared_ptr(core_)->stop();
}

void TcpServer::drain(std::function<void()> done,
                      std::optional<std::chrono::milliseconds> timeout) {
  std::shared_ptr(core_)->drain(std::move(done), timeout);
}

void TcpServer::close_connections(std::error_code error) {
  core_->close_connections(error);
}

void TcpServer::deal_connections(std::vector<ServerHandle> servers) {
  core_->deal_connections(std::move(servers));
}

ServerHandle TcpServer::handle() {
  return core_->handle();
}

std::size_t ServerHandle::connection_count() const noexcept {
  return core_->connections.load(std::memory_order_relaxed);
}

void TcpServer::abort_connections() {
  core_->abort_connections(Errc::aborted_here);
}

std::vector<Address> TcpServer::local_addresses() const {
  std::vector<Address> addresses;
  for (const auto& acceptor : core_->acceptors()) addresses.push_back(acceptor->local_address());
  return addresses;
}

std::size_t TcpServer::connection_count() const noexcept {
  return core_->connections();
}

ServerCounters TcpServer::counters() const {
  return core_->counters();
}

void TcpServer::for_each_connection(const std::function<void(Protocol&)>& visit) {
  std::shared_ptr(core_)->for_each_stream([&](detail::Stream& stream) {
    if (!stream.arriving()) visit(stream.protocol());
  });
}

IOLoop& TcpServer::loop() const noexcept {
  return core_->loop().owner();
}
const ServerOptions& TcpServer::options() const noexcept {
  return core_->options();
}

void TcpServer::on_connect(Protocol& conn) {
  conn.on_connect();
  conn.read_until_close();
}

void TcpServer::handle_stream(Protocol& conn, ByteView chunk) {
  conn.on_data(chunk);
}
void TcpServer::on_close(Protocol&, const CloseReason&) {}

}  // namespace twister
