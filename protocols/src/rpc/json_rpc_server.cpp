#include <optional>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/rpc/json_rpc.hpp>

namespace twister {

using nlohmann::json;

namespace {

detail::Nodes<JsonRpcPeer>& names_of(const JsonRpcContext& context) {
  auto* const names = context.peer()->names();
  if (names == nullptr) throw RpcError(RpcCode::unimplemented, "no names are registered here");
  return *names;
}

void pass_on(JsonRpcContext& context, const std::string& name, const std::string& method,
             std::optional<json> params, const JsonRpcReply& reply) {
  const auto to = names_of(context).find(name);
  if (to == nullptr) throw RpcError(detail::no_node(name));
  if (context.is_notification()) {
    to->notify(method, std::move(params).value_or(nullptr));
    return;
  }
  reply.on_cancel(
      to->call(method, std::move(params).value_or(nullptr), [reply](JsonRpcResult result) {
        if (result.error) return reply.fail(*result.error);
        if (!result.ok()) return reply.fail(result.status);
        reply(std::move(result.value));
      }));
}

}  // namespace

void add_names(JsonRpcMethods& methods) {
  methods.on("twister.register", {"name"}, [](JsonRpcContext& context, const std::string& name) {
    return names_of(context).take(*context.peer(), name);
  });
  methods.on("twister.call_node", {"name", "method", "params"}, pass_on);
}

JsonRpcServer::JsonRpcServer(IOLoop& loop, std::string_view address, const JsonRpcMethods& methods,
                             const JsonRpcOptions& options, ServerOptions server)
    : DuplexServer(
          loop, address,
          build_json_rpc(methods, options, [this](JsonRpcPeer& peer) { peer.use_names(&nodes()); }),
          options, std::move(server)) {}

void JsonRpcServer::for_each_peer(const std::function<void(JsonRpcPeer&)>& visit) {
  for_each_connection([&](Protocol& connection) {
    const auto peer = static_cast<JsonRpcConnection&>(connection).peer();
    if (peer != nullptr && peer->is_open()) visit(*peer);
  });
}

std::size_t JsonRpcServer::notify_all(std::string_view method, const json& params) {
  std::size_t count = 0;
  for_each_peer([&](JsonRpcPeer& peer) {
    const WriteStatus status = peer.notify(method, params);
    if (status == WriteStatus::queued || status == WriteStatus::paused) ++count;
  });
  return count;
}

}  // namespace twister
