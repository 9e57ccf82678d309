// src/server_core.hpp - what is behind a TcpServer, and outlives it by a callback.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <twister/tcp_server.hpp>

#include "acceptor.hpp"
#include "descriptor.hpp"
#include "loop_core.hpp"
#include "stream.hpp"
#include "stream_shared.hpp"

namespace twister::detail {

// The smaller of 10 000 and 80 % of the descriptors that the process may open.
std::size_t default_max_connections() noexcept;

// What a ServerHandle points to. `core` is used on the loop only, `loop` under the lock; both are null
// once the server is gone.
struct ServerHandleCore {
  std::mutex mutex;
  LoopCore* loop = nullptr;
  ServerCore* core = nullptr;
  std::atomic<std::size_t> connections{0};

  // Hands a connection over, from any thread. False when the server is gone.
  static bool give(const std::shared_ptr<ServerHandleCore>& to, Descriptor& connection,
                   const Address& peer);
};

// Ownership: shared by the server and by whatever of it is running, because a server may be
//   destroyed inside any of its callbacks. `server_` is null from then on.
class ServerCore : public std::enable_shared_from_this<ServerCore> {
 public:
  ServerCore(TcpServer& server, IOLoop& loop, std::string_view address, ProtocolFactory build_class,
             ServerOptions options);

  void start();
  void bind(std::string_view address);
  void listen(std::string_view address);
  void add_sockets(std::vector<ListeningSocket> sockets);
  void add_connection(std::unique_ptr<Transport> transport);
  void stop();
  void drain(std::function<void()> done, std::optional<std::chrono::milliseconds> timeout);
  void close_connections(std::error_code error);
  void abort_connections(Errc why);
  void deal_connections(std::vector<ServerHandle> servers) { dealt_to_ = std::move(servers); }
  ServerHandle handle();
  void serve(Descriptor connection, const Address& peer);
  // The server is being destroyed: every connection is aborted, and none reports to it any more.
  void detach();

  void connection_ended() noexcept { count_connection(-1); }
  void count_end(std::error_code why) noexcept {
    ++counters_->closed[static_cast<std::size_t>(close_cause(why))];
  }
  // Calls the functions that wait for the drain, if the last connection has ended.
  void check_drained();

  void for_each_stream(const std::function<void(Stream&)>& visit);
  LoopCore& loop() noexcept { return loop_; }
  const ServerOptions& options() const noexcept { return options_; }
  std::size_t connections() const noexcept { return connections_; }
  ServerCounters counters() const;
  // Where it listens, or listened: what metrics call it.
  const std::string& label() const noexcept { return label_; }
  bool is(const TcpServer* server) const noexcept { return server != nullptr && server == server_; }
  bool draining() const noexcept { return !drained_.empty(); }
  const std::vector<std::unique_ptr<Acceptor>>& acceptors() const noexcept { return acceptors_; }

 private:
  void accept(int descriptor, const Address& peer);
  bool deal(Descriptor& connection, const Address& peer);
  std::vector<ListeningSocket> sockets_of(std::string_view address) const;
  void count_connection(int change) noexcept;
  void await(std::unique_ptr<Transport> transport);
  std::optional<Admission> admit(const Address& peer);
  std::unique_ptr<Protocol> build(const Address& peer) noexcept;
  void refuse(const Address& peer, std::string_view limit, std::size_t value,
              std::uint64_t& counter) const;

  TcpServer* server_;
  LoopCore& loop_;
  std::string address_;
  std::string label_ = address_;
  ProtocolFactory build_class_;
  ServerOptions options_;
  std::shared_ptr<const StreamShared> stream_options_;
  // Shared with acceptors that are at work while they are closed.
  std::shared_ptr<ServerCounters> counters_ = std::make_shared<ServerCounters>();
  std::size_t max_connections_;
  std::size_t connections_ = 0;
  std::map<Address, std::size_t> connections_by_network_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<ListeningSocket> bound_;  // waits for start()
  std::vector<ServerHandle> dealt_to_;
  std::shared_ptr<ServerHandleCore> handle_;
  std::vector<std::function<void()>> drained_;
  TimerId drain_timer_;
};

}  // namespace twister::detail
