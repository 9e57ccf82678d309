// twister/rpc/json_rpc.hpp - JSON-RPC 2.0 over streams, both sides: servers, clients, connections.
//
//   twister::JsonRpcMethods methods;
//   methods.on("subtract", {"minuend", "subtrahend"}, [](double a, double b) { return a - b; });
//   return twister::serve_main(argc, argv, twister::build_json_rpc(methods));
//
// and the other side:
//
//   twister::JsonRpcClient client(loop, "localhost:8888");
//   client.call("subtract", {42, 23}, [](const twister::JsonRpcResult& result) { ... });
//
// Not for HTTP, and not the fastest: see the binary wire in rpc.hpp. Coroutines are in
// json_rpc_coroutines.hpp.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/codecs/any_framing.hpp>
#include <twister/codecs/framed.hpp>
#include <twister/codecs/json.hpp>
#include <twister/destination.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/reconnecting_client.hpp>
#include <twister/rpc/detail/lazy_connection.hpp>
#include <twister/rpc/detail/nodes.hpp>
#include <twister/rpc/json_rpc_methods.hpp>
#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/tcp_server.hpp>

namespace twister {

// A connection whose messages go to, and come from, a JsonRpcPeer. The codec is to be told to skip what
// it refuses, which is then answered: -32700 for what is no JSON, -32600 for what is over a limit.
//
// Ends: when the peer has sent FIN, and when a server drains, calls that are being answered are
//   answered first. Calls to the other side end with UNAVAILABLE.
template <Codec C>
requires std::same_as<typename C::Message, nlohmann::json>
class BasicJsonRpcConnection : public MessageProtocol<C> {
 public:
  using Told = std::function<void(JsonRpcPeer&)>;

  // Makes a peer when it is connected, and hands it to `connected`.
  BasicJsonRpcConnection(C codec, const JsonRpcMethods& methods, JsonRpcOptions options,
                         Told connected = {})
      : MessageProtocol<C>(std::move(codec)),
        methods_(&methods),
        options_(std::move(options)),
        connected_(std::move(connected)) {}
  // Carries the messages of a peer that is there already.
  BasicJsonRpcConnection(C codec, std::shared_ptr<JsonRpcPeer> peer)
      : MessageProtocol<C>(std::move(codec)), peer_(std::move(peer)) {}

  // From on_connect on.
  const std::shared_ptr<JsonRpcPeer>& peer() const noexcept { return peer_; }

  void on_connect() override {
    if (!peer_) peer_ = JsonRpcPeer::make(this->loop(), *methods_, options_);
    peer_->attach([this](const nlohmann::json& message) { return this->send(message); }, this,
                  this->stream_options().memory_budget);
    if (connected_) connected_(*peer_);
  }
  void on_message(nlohmann::json& message) override { peer_->receive(message); }
  void on_message_skipped(const CodecError& error) override { peer_->receive_malformed(error); }
  // The last word of the connection.
  void on_message_error(const CodecError& error) override { peer_->receive_malformed(error); }
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
  std::shared_ptr<JsonRpcPeer> peer_;
  const JsonRpcMethods* methods_ = nullptr;
  JsonRpcOptions options_;
  Told connected_;
};

// The framing by its name.
using JsonRpcCodec = Framed<AnyFraming, Json>;
using JsonRpcConnection = BasicJsonRpcConnection<JsonRpcCodec>;

// Throws std::invalid_argument for a framing that there is not, and a depth over 1000.
JsonRpcCodec json_rpc_codec(const JsonRpcOptions& options);

// For a TcpServer, or serve_main(). `methods` outlives the server; `connected` is told of each caller,
// who may be called back.
ProtocolFactory build_json_rpc(const JsonRpcMethods& methods, const JsonRpcOptions& options = {},
                               std::function<void(JsonRpcPeer&)> connected = {});

// A server that knows who is connected, and by which names: see add_names().
class JsonRpcServer : public TcpServer, private detail::JsonRpcNames {
 public:
  JsonRpcServer(IOLoop& loop, std::string_view address, const JsonRpcMethods& methods,
                const JsonRpcOptions& options = {}, ServerOptions server = {});
  ~JsonRpcServer() override;

  void for_each_peer(const std::function<void(JsonRpcPeer&)>& visit);
  // Sends a notification to all, and returns to how many. It is written out for each.
  std::size_t notify_all(std::string_view method, const nlohmann::json& params = nullptr);

  // Who has a name; null for nobody.
  std::shared_ptr<JsonRpcPeer> node(std::string_view name) const override {
    return nodes_.find(name);
  }
  std::vector<std::string> node_names() const { return nodes_.names(); }
  // Calls a method of the one who has a name, as JsonRpcPeer::call(). Nobody has: NOT_FOUND, "node NAME not
  // exist".
  std::function<void()> call_node(std::string_view name, std::string_view method,
                                  nlohmann::json params, JsonRpcCallback done,
                                  const JsonRpcCallOptions& options = {});

 protected:
  // A name was taken, or is free again.
  virtual void on_registered(JsonRpcPeer& /*peer*/, const std::string& /*name*/) {}
  virtual void on_unregistered(const std::string& /*name*/) {}
  void on_close(Protocol& connection, const CloseReason& reason) override;

 private:
  bool take_name(JsonRpcPeer& peer, const std::string& name) override;

  JsonRpcOptions options_;
  detail::Nodes<JsonRpcPeer> nodes_;
};

// Adds two methods, for the clients of a JsonRpcServer to be called by their names:
//   twister.register(name)                       true, or false for a name that somebody else has. The first
//                                                to register one has it until it disconnects; a connection
//                                                may have several
//   twister.call_node(name, method, params)      what the one of that name answers. Nobody has it: -32005,
//                                                "node NAME not exist". A notification is passed on as one
// A call that is passed on ends when the connection of its caller does. Names are those of one server: with
// several loops there are as many tables. A JsonRpcClient that has a name registers it at each connection, in
// ReconnectOptions::prepare_connection.
//
// Errors: std::invalid_argument for names of methods that are taken.
void add_names(JsonRpcMethods& methods);

struct JsonRpcClientOptions {
  JsonRpcOptions rpc{};
  ReconnectOptions reconnect{};
  // What becomes of calls while there is no connection, when an attempt fails: they end with
  // UNAVAILABLE, or wait for the next one until their deadline.
  bool wait_for_ready = false;
};

// One connection to a server, made at the first call and again whenever it is lost.
//
// Calls that are made before it is there are sent in order when it is. Calls that had been sent when it
// is lost end with UNAVAILABLE, and are not sent again: they may have been executed.
//
// Ownership: the loop outlives it. Destroying it ends all calls with CANCELLED, from the loop; it may
//   be destroyed inside a callback.
// Threads: the loop's.
class JsonRpcClient {
 public:
  using CallOptions = JsonRpcCallOptions;

  // `methods` are what the server may call; they outlive the client.
  JsonRpcClient(IOLoop& loop, Destination to, JsonRpcClientOptions options = {},
                const JsonRpcMethods& methods = no_methods());
  ~JsonRpcClient();
  JsonRpcClient(const JsonRpcClient&) = delete;
  JsonRpcClient& operator=(const JsonRpcClient&) = delete;

  // As JsonRpcPeer's.
  std::function<void()> call(std::string_view method, nlohmann::json params, JsonRpcCallback done,
                             const JsonRpcCallOptions& options = {}) {
    return peer_->call(method, std::move(params), std::move(done), options);
  }
  WriteStatus notify(std::string_view method, nlohmann::json params = nullptr) {
    return peer_->notify(method, std::move(params));
  }
  WriteStatus send(JsonRpcBatch batch) { return peer_->send(std::move(batch)); }

  // Connects now, for clients that are called more than they call.
  void connect() { connection_.connect(); }
  // Ends the connection when what was written is sent; calls end. The next call connects again.
  void close(std::function<void()> done = {}) { connection_.client().stop(std::move(done)); }

  const std::shared_ptr<JsonRpcPeer>& peer() const noexcept { return peer_; }
  IOLoop& loop() const noexcept { return peer_->loop(); }
  ReconnectingClient& connection() noexcept { return connection_.client(); }

 private:
  static const JsonRpcMethods& no_methods();

  std::shared_ptr<JsonRpcPeer> peer_;
  detail::LazyConnection connection_;
};

}  // namespace twister
