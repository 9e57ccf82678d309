#include "twister/rpc/json_rpc_services.hpp"

#include <memory>
#include <utility>

#include <twister/rpc/json_rpc_peer.hpp>

#include "json_bridge.hpp"

namespace twister {

using nlohmann::json;

void add_services(JsonRpcMethods& methods, const RpcServices& services,
                  const JsonRpcServicesOptions& options) {
  const auto bridge = std::make_shared<detail::JsonBridge>(services, options);
  for (const RpcMethod* const method : bridge->methods()) {
    JsonRpcMethods::LateHandler handler =
        [bridge, method](JsonRpcContext& context, const json& params, const JsonRpcReply& reply) {
          bridge->serve(*method, *context.peer(), params,
                        [reply](const RpcStatus& status, json result) {
                          if (!status.ok()) return reply.fail(status);
                          reply(std::move(result));
                        });
        };
    methods.add_unchecked(method->name(), {.later = std::move(handler)});
  }
}

}  // namespace twister
