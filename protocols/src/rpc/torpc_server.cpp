#include <memory>
#include <utility>

#include <twister/rpc/torpc.hpp>

namespace twister {

using nlohmann::json;

namespace {

std::unique_ptr<TorpcServices> with_functions_of(const TorpcServices& services) {
  auto own = std::make_unique<TorpcServices>();
  own->look_first_in(services);
  return own;
}

// Splits what "call_node" was given, and throws what its caller shall know.
struct NodeCall {
  explicit NodeCall(const json& given) {
    if (given.size() < 2 || !given[0].is_string() || !given[1].is_string()) {
      throw RpcError(RpcCode::invalid_argument,
                     "call_node takes a name, a method, and its arguments");
    }
    name = given[0].get<std::string>();
    method = given[1].get<std::string>();
    arguments = json(given.begin() + 2, given.end());
    if (arguments.is_null()) arguments = json::array();
  }
  std::string name;
  std::string method;
  json arguments;
};

}  // namespace

TorpcServer::TorpcServer(IOLoop& loop, std::string_view address, const TorpcServices& services,
                         const TorpcOptions& options, ServerOptions server)
    : TorpcServer(loop, address, with_functions_of(services), options, std::move(server)) {}

TorpcServer::TorpcServer(IOLoop& loop, std::string_view address,
                         std::unique_ptr<TorpcServices> services, const TorpcOptions& options,
                         ServerOptions server)
    : DuplexServer(
          loop, address,
          [this, all = services.get(), options]() -> std::unique_ptr<Protocol> {
            return std::make_unique<TorpcConnection>(*all, options, [this](TorpcPeer& peer) {
              peer.take_names(
                  [this, &peer](const std::string& name) { return nodes().take(peer, name); });
            });
          },
          options, std::move(server)),
      services_(std::move(services)) {
  services_->on("call_node", [this](const TorpcArguments& given, const TorpcReply& reply) {
    NodeCall call_of(given.values);
    reply.on_cancel(call_node(call_of.name, call_of.method, std::move(call_of.arguments),
                              [reply](TorpcResult result) {
                                // What is known here of the node's connection is not for others.
                                if (result.status == RpcCode::unavailable) {
                                  result.status.text = "the connection is lost";
                                }
                                if (!result.ok()) return reply.fail(result.status);
                                reply(std::move(result.value));
                              }));
  });
}

// Connections go before what they refer to.
TorpcServer::~TorpcServer() {
  abort_connections();
}

}  // namespace twister
