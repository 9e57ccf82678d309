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
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/codecs/any_framing.hpp>
#include <twister/codecs/framed.hpp>
#include <twister/codecs/json.hpp>
#include <twister/destination.hpp>
#include <twister/protocol_factory.hpp>
#include <twister/reconnecting_client.hpp>
#include <twister/rpc/detail/duplex_connection.hpp>
#include <twister/rpc/json_rpc_methods.hpp>
#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/tcp_server.hpp>

namespace twister {

// A connection whose messages go to, and come from, a JsonRpcPeer: see DuplexConnection. The codec is to be told to
// skip what it refuses, which is then answered: -32700 for what is no JSON, -32600 for what is over a limit.
template <Codec C>
requires std::same_as<typename C::Message, nlohmann::json>
class BasicJsonRpcConnection : public detail::DuplexConnection<C, JsonRpcPeer> {
 public:
  using detail::DuplexConnection<C, JsonRpcPeer>::DuplexConnection;

  void on_message_skipped(const CodecError& error) override {
    this->peer()->receive_malformed(error);
  }
  // The last word of the connection.
  void on_message_error(const CodecError& error) override {
    this->peer()->receive_malformed(error);
  }
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

// A server that knows who is connected, and by which names: see add_names(), and DuplexServer for node(),
// node_names(), call_node(), on_registered() and on_unregistered().
class JsonRpcServer : public detail::DuplexServer<JsonRpcConnection> {
 public:
  JsonRpcServer(IOLoop& loop, std::string_view address, const JsonRpcMethods& methods,
                const JsonRpcOptions& options = {}, ServerOptions server = {});

  void for_each_peer(const std::function<void(JsonRpcPeer&)>& visit);
  // Sends a notification to all, and returns to how many. It is written out for each.
  std::size_t notify_all(std::string_view method, const nlohmann::json& params = nullptr);
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
// is lost end with UNAVAILABLE, and are not sent again: they may have been executed. See DuplexClient for call(),
// connect(), close(), peer(), loop() and connection().
//
// Ownership: the loop outlives it. Destroying it ends all calls with CANCELLED, from the loop; it may
//   be destroyed inside a callback.
// Threads: the loop's.
class JsonRpcClient : public detail::DuplexClient<JsonRpcPeer> {
 public:
  // `methods` are what the server may call; they outlive the client.
  JsonRpcClient(IOLoop& loop, Destination to, JsonRpcClientOptions options = {},
                const JsonRpcMethods& methods = no_methods());

  // As JsonRpcPeer's.
  WriteStatus notify(std::string_view method, nlohmann::json params = nullptr) {
    return peer()->notify(method, std::move(params));
  }
  WriteStatus send(JsonRpcBatch batch) { return peer()->send(std::move(batch)); }
};

}  // namespace twister
