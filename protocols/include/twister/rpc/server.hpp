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
#include <string_view>

#include <twister/rpc/connection.hpp>
#include <twister/rpc/detail/host.hpp>
#include <twister/rpc/options.hpp>
#include <twister/rpc/services.hpp>
#include <twister/serve.hpp>
#include <twister/tcp_server.hpp>

namespace twister {

struct RpcServerOptions {
  RpcOptions rpc{};
  ServerOptions server{};
};

// A TcpServer whose connections are RpcConnections. What it says of draining holds: clients are told to send
// no more calls, those in flight are answered within drain_timeout, and then connections close.
//
// Ownership: `services` outlives it. Threads: the loop's.
class RpcServer : public TcpServer {
 public:
  RpcServer(IOLoop& loop, std::string_view address, const RpcServices& services,
            RpcServerOptions options = {});

  const RpcCounters& rpc_counters() const noexcept;

 private:
  RpcServer(IOLoop& loop, std::string_view address, std::shared_ptr<detail::RpcHost> host,
            ServerOptions options);

  std::shared_ptr<detail::RpcHost> host_;
};

// For serve() and serve_main(): a server for each loop, which share the services.
MakeServer serve_rpc(const RpcServices& services, const RpcOptions& options = {});

}  // namespace twister
