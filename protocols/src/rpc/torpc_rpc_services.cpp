#include <twister/rpc/torpc_peer.hpp>
#include <twister/rpc/torpc_rpc_services.hpp>

#include "json_bridge.hpp"

namespace twister {

void add_services(TorpcServices& functions, const RpcServices& services,
                  const JsonRpcServicesOptions& options) {
  detail::JsonBridge::add_to(functions, services, options);
}

}  // namespace twister
