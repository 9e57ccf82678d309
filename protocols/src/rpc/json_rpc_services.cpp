#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/rpc/json_rpc_services.hpp>

#include "json_bridge.hpp"

namespace twister {

void add_services(JsonRpcMethods& methods, const RpcServices& services,
                  const JsonRpcServicesOptions& options) {
  detail::JsonBridge::add_to(methods, services, options);
}

}  // namespace twister
