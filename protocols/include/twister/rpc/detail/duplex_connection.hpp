// twister/rpc/detail/duplex_connection.hpp - what the connections, servers and clients of JSON-RPC and of torpc have
// in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/destination.hpp>
#include <twister/io_loop.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/reconnecting_client.hpp>
#include <twister/rpc/detail/lazy_connection.hpp>
#include <twister/rpc/detail/nodes.hpp>
#include <twister/rpc/status.hpp>
#include <twister/tcp_server.hpp>

namespace twister::detail {

// A connection whose messages go to, and come from, a peer: a JsonRpcPeer or a TorpcPeer.
//
// Ends: when the peer has sent FIN, and when a server drains, calls that are being answered are
//   answered first. Calls to the other side end with UNAVAILABLE.
template <Codec C, class PeerType>
class DuplexConnection : public MessageProtocol<C> {
 public:
  using Peer = PeerType;
  using Message = typename Peer::Message;
  using Told = std::function<void(Peer&)>;

  // Makes a peer when it is connected, and hands it to `connected`.
  DuplexConnection(C codec, const typename Peer::Methods& methods, typename Peer::Options options,
                   Told connected = {})
      : MessageProtocol<C>(std::move(codec)),
        methods_(&methods),
        options_(std::move(options)),
        connected_(std::move(connected)) {}
  // Carries the messages of a peer that is there already.
  DuplexConnection(C codec, std::shared_ptr<Peer> peer)
      : MessageProtocol<C>(std::move(codec)), peer_(std::move(peer)) {}

  // From on_connect on.
  const std::shared_ptr<Peer>& peer() const noexcept { return peer_; }

  void on_connect() override {
    const bool is_new = peer_ == nullptr;
    if (is_new) peer_ = Peer::make(this->loop(), *methods_, options_);
    peer_->attach([this](const Message& message) { return this->send(message); }, this,
                  this->stream_options().memory_budget);
    peer_->count_in(this->stream_options().metrics);
    if (is_new) peer_->start_calls();
    if (connected_) connected_(*peer_);
  }
  void on_message(Message& message) override { peer_->receive(message); }
  EofAction on_eof() override {
    const EofAction action = MessageProtocol<C>::on_eof();
    if (!this->is_open() || peer_->calls_served() == 0) return action;
    peer_->end_calls({RpcCode::unavailable, "the peer has ended the connection"});
    peer_->drain([this] { this->close(); });
    return EofAction::keep_open;
  }
  void on_drain() override {
    peer_->drain([this] { this->close(Errc::server_draining); });
  }
  void on_close(const CloseReason& reason) override {
    const auto kept = peer_;  // callbacks may do anything
    if (kept) kept->detach({RpcCode::unavailable, "the connection is lost: " + reason.message()});
  }

 private:
  std::shared_ptr<Peer> peer_;
  const typename Peer::Methods* methods_ = nullptr;
  typename Peer::Options options_;
  Told connected_;
};

// A server that knows who is connected, and by which names.
template <class Connection>
class DuplexServer : public TcpServer {
 public:
  using Peer = typename Connection::Peer;

  ~DuplexServer() override { abort_connections(); }  // they go before what they refer to

  // Who has a name; null for nobody.
  std::shared_ptr<Peer> node(std::string_view name) const { return nodes_.find(name); }
  std::vector<std::string> node_names() const { return nodes_.names(); }
  // Calls a method of the one who has a name, as the peer's call(). Nobody has: NOT_FOUND, "node NAME not
  // exist".
  std::function<void()> call_node(std::string_view name, std::string_view method,
                                  nlohmann::json params, typename Peer::Callback done,
                                  const typename Peer::CallOptions& options = {}) {
    const auto to = node(name);
    if (to != nullptr) return to->call(method, std::move(params), std::move(done), options);
    loop().add_callback([done = std::move(done), status = no_node(name)] { done(Result(status)); });
    return [] {};
  }

 protected:
  using Result = typename Peer::Result;

  DuplexServer(IOLoop& loop, std::string_view address, ProtocolFactory build,
               const typename Peer::Options& options, ServerOptions server)
      : TcpServer(loop, address, std::move(build), std::move(server)),
        nodes_(options.max_names, options.max_name_bytes,
               [this](Peer& peer, const std::string& name) { on_registered(peer, name); }) {}

  // A name was taken, or is free again.
  virtual void on_registered(Peer& /*peer*/, const std::string& /*name*/) {}
  virtual void on_unregistered(const std::string& /*name*/) {}
  void on_close(Protocol& connection, const CloseReason& reason) override {
    TcpServer::on_close(connection, reason);
    const auto& peer = static_cast<Connection&>(connection).peer();
    for (const std::string& name : nodes_.release(peer.get())) on_unregistered(name);
  }
  Nodes<Peer>& nodes() noexcept { return nodes_; }

 private:
  Nodes<Peer> nodes_;
};

// One connection to a server, made at the first call and again whenever it is lost.
template <class PeerType>
class DuplexClient {
 public:
  using Peer = PeerType;
  using CallOptions = typename Peer::CallOptions;

  ~DuplexClient() {
    peer_->queue_calls({});
    peer_->end_calls_soon({RpcCode::cancelled, "the client was destroyed"});
  }
  DuplexClient(const DuplexClient&) = delete;
  DuplexClient& operator=(const DuplexClient&) = delete;

  // As the peer's.
  std::function<void()> call(std::string_view method, nlohmann::json params,
                             typename Peer::Callback done, const CallOptions& options = {}) {
    return peer_->call(method, std::move(params), std::move(done), options);
  }

  // Connects now, for clients that are called more than they call.
  void connect() { connection_.connect(); }
  // Ends the connection when what was written is sent; calls end. The next call connects again.
  void close(std::function<void()> done = {}) { connection_.client().stop(std::move(done)); }

  const std::shared_ptr<Peer>& peer() const noexcept { return peer_; }
  IOLoop& loop() const noexcept { return peer_->loop(); }
  ReconnectingClient& connection() noexcept { return connection_.client(); }

 protected:
  // `build` makes a connection that carries the messages of the peer.
  DuplexClient(IOLoop& loop, Destination to, std::shared_ptr<Peer> peer,
               std::function<std::unique_ptr<Protocol>(std::shared_ptr<Peer>)> build,
               ReconnectOptions reconnect, bool wait_for_ready)
      : peer_(std::move(peer)),
        connection_(
            loop, std::move(to), [peer = peer_, build = std::move(build)] { return build(peer); },
            std::move(reconnect), wait_for_ready,
            [peer = peer_](const ConnectError& error) {
              peer->end_calls({RpcCode::unavailable, error.message()});
            }) {
    peer_->queue_calls([this] { connection_.want(); });
  }

  static const typename Peer::Methods& no_methods() {
    static const typename Peer::Methods none;
    return none;
  }

 private:
  std::shared_ptr<Peer> peer_;
  LazyConnection connection_;
};

}  // namespace twister::detail
