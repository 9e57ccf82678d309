#include "twister/rpc/torpc_rpc_services.hpp"

#include <memory>
#include <utility>

#include <twister/rpc/torpc_peer.hpp>

#include "json_bridge.hpp"

namespace twister {

using nlohmann::json;

void add_services(TorpcServices& functions, const RpcServices& services,
                  const JsonRpcServicesOptions& options) {
  const auto bridge = std::make_shared<detail::JsonBridge>(services, options);
  for (const RpcMethod* const method : bridge->methods()) {
    const auto handler = [bridge, method](TorpcContext& context, const json& arguments,
                                          const TorpcReply& reply) {
      bridge->serve(*method, *context.peer(), arguments,
                    [reply](const RpcStatus& status, json result) {
                      if (!status.ok()) return reply.fail(status);
                      reply(std::move(result));
                    });
    };
    functions.add_unchecked(method->name(), {.later = handler});
  }
}

}  // namespace twister
