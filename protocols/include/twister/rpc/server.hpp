// twister/rpc/server.hpp - a server that answers calls.
//
//   int main(int argc, char** argv) {
//     twister::RpcServices services;
//     services.on<Add, Sum>("calculator.Calculator/Add", add);
//     return twister::serve_main(argc, argv, twister::serve_rpc(services));
//   }
//
// For connections that are made the other way round, by a program behind a firewall say, it is the client
// that has services: RpcClientOptions::services.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <twister/rpc/caller.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/detail/host.hpp>
#include <twister/rpc/options.hpp>
#include <twister/rpc/services.hpp>
#include <twister/serve.hpp>
#include <twister/tcp_server.hpp>

namespace twister {

class RpcNames;

struct RpcServerOptions {
  RpcOptions rpc{};
  ServerOptions server{};
  // What the peers of servers on several loops are called, for all of them: see <twister/rpc/names.hpp>. Null: names
  // are this server's.
  std::shared_ptr<RpcNames> names{};
};

// Calls to the peer that has a name with a server: RpcServer::node(). When nobody has it, calls end with NOT_FOUND;
// with UNAVAILABLE when the peer is lost, or the server gone; with RESOURCE_EXHAUSTED when the peer does not take what
// it is sent, or too much is on its way to its loop. Streams are UNIMPLEMENTED, as for call_node().
//
// Threads: the server's loop's.
class RpcNode final : public RpcCaller {
 public:
  RpcNode(std::shared_ptr<detail::RpcHost> host, std::string name)
      : host_(std::move(host)), name_(std::move(name)) {}

 private:
  void start_call(detail::RpcPending& pending) override;
  detail::RpcHost& caller_host() noexcept override { return *host_; }

  std::shared_ptr<detail::RpcHost> host_;
  std::string name_;
};

// A TcpServer whose connections are RpcConnections. What it says of draining holds: clients are told to send
// no more calls, those in flight are answered within drain_timeout, and then connections close.
//
// With add_names(), its clients have names: the first to register one has it until it disconnects.
//
// Ownership: `services` outlives it. Threads: the loop's.
class RpcServer : public TcpServer {
 public:
  RpcServer(IOLoop& loop, std::string_view address, const RpcServices& services,
            RpcServerOptions options = {});
  ~RpcServer() override;

  // The peer that has a name at the time of each call, on whichever loop it is.
  RpcNode node(std::string_view name) const { return {host_, std::string(name)}; }
  std::vector<std::string> node_names() const;
  const RpcCounters& rpc_counters() const noexcept;

 protected:
  // A name was taken by a peer of this loop, which has not been told yet; or is free again.
  virtual void on_registered(RpcConnection& /*peer*/, const std::string& /*name*/) {}
  virtual void on_unregistered(const std::string& /*name*/) {}

 private:
  RpcServer(IOLoop& loop, std::string_view address, std::shared_ptr<detail::RpcHost> host,
            ServerOptions options);

  std::shared_ptr<detail::RpcHost> host_;
};

// For serve() and serve_main(): a server for each loop, which share the services. Their calls are in the metrics
// of `--admin`.
MakeServer serve_rpc(const RpcServices& services, const RpcOptions& options = {});

}  // namespace twister
