#include "twister/rpc/server.hpp"

#include <utility>

#include <twister/rpc/connection.hpp>
#include <twister/rpc/names.hpp>

#include "make_host.hpp"

namespace twister {

namespace {

std::shared_ptr<detail::RpcHost> host_of(IOLoop& loop, const RpcServices& services,
                                         const RpcServerOptions& options) {
  return detail::make_host(loop, &services, options.rpc, options.server.stream.metrics,
                           options.names);
}

}  // namespace

RpcServer::RpcServer(IOLoop& loop, std::string_view address, const RpcServices& services,
                     RpcServerOptions options)
    // Braces: arguments are made in this order, and the host needs what the server takes.
    : RpcServer{loop, address, host_of(loop, services, options), std::move(options.server)} {}

RpcServer::RpcServer(IOLoop& loop, std::string_view address, std::shared_ptr<detail::RpcHost> host,
                     ServerOptions options)
    : TcpServer(
          loop, address, [host] { return std::make_unique<RpcConnection>(host); },
          std::move(options)),
      host_(std::move(host)) {
  host_->set_name_events(
      {.registered = [this](RpcConnection& peer,
                            const std::string& name) { on_registered(peer, name); },
       .unregistered = [this](const std::string& name) { on_unregistered(name); }});
}

RpcServer::~RpcServer() {
  host_->leave();
}

std::vector<std::string> RpcServer::node_names() const {
  return host_->all_names();
}

const RpcCounters& RpcServer::rpc_counters() const noexcept {
  return host_->counters();
}

void RpcNode::start_call(detail::RpcPending& pending) {
  if (pending.stream() == nullptr) return host_->start_call_to(name_, pending);
  pending.end_later(RpcStatus(RpcCode::unimplemented, "streams are not for peers by name"));
  pending.release();
}

MakeServer serve_rpc(const RpcServices& services, const RpcOptions& options) {
  return [&services, options, names = std::make_shared<RpcNames>()](
             IOLoop& loop, std::string_view address, const ServerOptions& server) {
    return std::make_unique<RpcServer>(
        loop, address, services,
        RpcServerOptions{.rpc = options, .server = server, .names = names});
  };
}

}  // namespace twister
