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

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/destination.hpp>
#include <twister/reconnecting_client.hpp>
#include <twister/rpc/detail/duplex_connection.hpp>
#include <twister/rpc/torpc_peer.hpp>
#include <twister/tcp_server.hpp>

namespace twister {

// A connection whose messages go to, and come from, a TorpcPeer: see DuplexConnection. A length over the limit
// closes it; a body that is none does not.
class TorpcConnection : public detail::DuplexConnection<TorpcCodec, TorpcPeer> {
 public:
  // Makes a peer when it is connected, and hands it to `connected`.
  TorpcConnection(const TorpcServices& services, const TorpcOptions& options, Told connected = {});
  // Carries the messages of a peer that is there already. Its calls wait until start_calls().
  TorpcConnection(std::shared_ptr<TorpcPeer> peer, const TorpcOptions& options);

  void on_message_skipped(const CodecError& error) override {
    peer()->receive_malformed(codec().payload().header(), error);
  }
};

// A server whose clients may have names, and may be called by them: torpc's DuplexRPCServer.
//
// The first to register a name has it until it disconnects; a connection may have several. Clients
// reach each other by the function "call_node", whose arguments are the name, the method, and the
// method's own; a service that has a function of that name decides for itself. A call that is passed on ends
// when the connection of its caller does. See DuplexServer for node(), node_names(), call_node(), on_registered() and
// on_unregistered().
class TorpcServer : public detail::DuplexServer<TorpcConnection> {
 public:
  TorpcServer(IOLoop& loop, std::string_view address, const TorpcServices& services,
              const TorpcOptions& options = {}, ServerOptions server = {});
  ~TorpcServer() override;

 private:
  TorpcServer(IOLoop& loop, std::string_view address, std::unique_ptr<TorpcServices> services,
              const TorpcOptions& options, ServerOptions server);

  std::unique_ptr<TorpcServices>
      services_;  // with "call_node"; they are there before the TcpServer is
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
// been sent when the connection is lost end with UNAVAILABLE, and are not sent again. See DuplexClient for call(),
// connect(), close(), peer(), loop() and connection().
//
// Ownership: the loop outlives it. Destroying it ends all calls with CANCELLED, from the loop; it may
//   be destroyed inside a callback.
// Threads: the loop's.
class TorpcClient : public detail::DuplexClient<TorpcPeer> {
 public:
  // `services` are what the server, and others by way of it, may call; they outlive the client.
  TorpcClient(IOLoop& loop, Destination to, TorpcClientOptions options = {},
              const TorpcServices& services = no_methods());

  // As TorpcPeer's.
  WriteStatus notice(std::string_view method, nlohmann::json arguments = nullptr) {
    return peer()->notice(method, std::move(arguments));
  }
  // A method of the client that is registered with the server as `name`.
  std::function<void()> call_node(std::string_view name, std::string_view method,
                                  const nlohmann::json& arguments, TorpcCallback done,
                                  const TorpcCallOptions& options = {});
};

}  // namespace twister
