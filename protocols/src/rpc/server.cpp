#include "twister/rpc/server.hpp"

#include <utility>

#include <twister/rpc/connection.hpp>

namespace twister {

RpcServer::RpcServer(IOLoop& loop, std::string_view address, const RpcServices& services,
                     RpcServerOptions options)
    : RpcServer(loop, address, std::make_shared<detail::RpcHost>(loop, &services, options.rpc),
                std::move(options.server)) {}

RpcServer::RpcServer(IOLoop& loop, std::string_view address, std::shared_ptr<detail::RpcHost> host,
                     ServerOptions options)
    : TcpServer(
          loop, address, [host] { return std::make_unique<RpcConnection>(host); },
          std::move(options)),
      host_(std::move(host)) {}

const RpcCounters& RpcServer::rpc_counters() const noexcept {
  return host_->counters();
}

MakeServer serve_rpc(const RpcServices& services, const RpcOptions& options) {
  return [&services, options](IOLoop& loop, std::string_view address, const ServerOptions& server) {
    return std::make_unique<RpcServer>(loop, address, services,
                                       RpcServerOptions{.rpc = options, .server = server});
  };
}

}  // namespace twister
