// twister/rpc/torpc.hpp - torpc: calls in MessagePack between programs of any language, both ways.
//
//   twister::TorpcServices services;
//   services.on("add", [](double a, double b) { return a + b; });
//   twister::TorpcServer server(loop, "127.0.0.1:8888", services);
//   server.start();
//
// and the other side, which is called by its name as well:
//
//   twister::TorpcClient worker(loop, "localhost:8888", {.name = "worker1"}, services);
//   worker.call("add", {1, 2}, [](const twister::TorpcResult& result) { ... });
//   worker.call_node("worker2", "add", {1, 2}, ...);       // by way of the server
//
// Not for programs of your own alone: the binary wire in rpc.hpp has deadlines and types.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/destination.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/reconnecting_client.hpp>
#include <twister/rpc/detail/lazy_connection.hpp>
#include <twister/rpc/detail/nodes.hpp>
#include <twister/rpc/torpc_peer.hpp>
#include <twister/tcp_server.hpp>

namespace twister {

// A connection whose messages go to, and come from, a TorpcPeer.
//
// Ends: when the peer has sent FIN, and when a server drains, calls that are being answered are
//   answered first. A length over the limit closes it; a body that is none does not.
class TorpcConnection : public MessageProtocol<TorpcCodec> {
 public:
  using Told = std::function<void(TorpcPeer&)>;

  // Makes a peer when it is connected, and hands it to `connected`.
  TorpcConnection(const TorpcServices& services, const TorpcOptions& options, Told connected = {});
  // Carries the messages of a peer that is there already. Its calls wait until start_calls().
  TorpcConnection(std::shared_ptr<TorpcPeer> peer, const TorpcOptions& options);

  // From on_connect on.
  const std::shared_ptr<TorpcPeer>& peer() const noexcept { return peer_; }

  void on_connect() override;
  void on_message(TorpcMessage& message) override { peer_->receive(message); }
  void on_message_skipped(const CodecError& error) override;
  EofAction on_eof() override;
  void on_drain() override;
  void on_close(const CloseReason& reason) override;

 private:
  std::shared_ptr<TorpcPeer> peer_;
  const TorpcServices* services_ = nullptr;
  TorpcOptions options_;
  Told connected_;
};

// A server whose clients may have names, and may be called by them: torpc's DuplexRPCServer.
//
// The first to register a name has it until it disconnects; a connection may have several. Clients
// reach each other by the function "call_node", whose arguments are the name, the method, and the
// method's own; a service that has a function of that name decides for itself. A call that is passed on ends
// when the connection of its caller does.
class TorpcServer : public TcpServer {
 public:
  TorpcServer(IOLoop& loop, std::string_view address, const TorpcServices& services,
              const TorpcOptions& options = {}, ServerOptions server = {});
  ~TorpcServer() override;

  // Who has a name; null for nobody.
  std::shared_ptr<TorpcPeer> node(std::string_view name) const { return nodes_.find(name); }
  std::vector<std::string> node_names() const { return nodes_.names(); }
  // Calls a method of the one who has a name, as TorpcPeer::call(). Nobody has: NOT_FOUND, "node NAME not
  // exist".
  std::function<void()> call_node(std::string_view name, std::string_view method,
                                  nlohmann::json arguments, TorpcCallback done,
                                  const TorpcCallOptions& options = {});

 protected:
  // A name was taken, or is free again.
  virtual void on_registered(TorpcPeer& /*peer*/, const std::string& /*name*/) {}
  virtual void on_unregistered(const std::string& /*name*/) {}
  void on_close(Protocol& connection, const CloseReason& reason) override;

 private:
  struct Made;  // what is there before the TcpServer is
  TorpcServer(IOLoop& loop, std::string_view address, std::unique_ptr<Made> made,
              const TorpcOptions& options, ServerOptions server);
  void welcome(TorpcPeer& peer);
  bool take_name(TorpcPeer& peer, const std::string& name);

  std::unique_ptr<Made> made_;
  TorpcOptions options_;
  detail::Nodes<TorpcPeer> nodes_;
};

struct TorpcClientOptions {
  // To be registered under at each connection, before anything else is sent. Empty: none.
  std::string name{};
  TorpcOptions rpc{};
  // Its prepare_connection, if there is one, runs after the name is registered.
  ReconnectOptions reconnect{};
  // What becomes of calls while there is no connection, when an attempt fails: they end with
  // UNAVAILABLE, or wait for the next one until their deadline.
  bool wait_for_ready = false;
};

// One connection to a server, made at the first call and again whenever it is lost.
//
// Calls that are made before it is there, and the name registered, are sent in order when it is. A
// name that somebody else has makes the attempt a failure: std::errc::address_in_use. Calls that had
// been sent when the connection is lost end with UNAVAILABLE, and are not sent again.
//
// Ownership: the loop outlives it. Destroying it ends all calls with CANCELLED, from the loop; it may
//   be destroyed inside a callback.
// Threads: the loop's.
class TorpcClient {
 public:
  using CallOptions = TorpcCallOptions;

  // `services` are what the server, and others by way of it, may call; they outlive the client.
  TorpcClient(IOLoop& loop, Destination to, TorpcClientOptions options = {},
              const TorpcServices& services = no_services());
  ~TorpcClient();
  TorpcClient(const TorpcClient&) = delete;
  TorpcClient& operator=(const TorpcClient&) = delete;

  // As TorpcPeer's.
  std::function<void()> call(std::string_view method, nlohmann::json arguments, TorpcCallback done,
                             const TorpcCallOptions& options = {}) {
    return peer_->call(method, std::move(arguments), std::move(done), options);
  }
  WriteStatus notice(std::string_view method, nlohmann::json arguments = nullptr) {
    return peer_->notice(method, std::move(arguments));
  }
  // A method of the client that is registered with the server as `name`.
  std::function<void()> call_node(std::string_view name, std::string_view method,
                                  const nlohmann::json& arguments, TorpcCallback done,
                                  const TorpcCallOptions& options = {});

  // Connects now, for clients that are called more than they call.
  void connect() { connection_.connect(); }
  // Ends the connection when what was written is sent; calls end. The next call connects again.
  void close(std::function<void()> done = {}) { connection_.client().stop(std::move(done)); }

  const std::shared_ptr<TorpcPeer>& peer() const noexcept { return peer_; }
  IOLoop& loop() const noexcept { return peer_->loop(); }
  ReconnectingClient& connection() noexcept { return connection_.client(); }

 private:
  static const TorpcServices& no_services();

  std::shared_ptr<TorpcPeer> peer_;
  detail::LazyConnection connection_;
};

}  // namespace twister
