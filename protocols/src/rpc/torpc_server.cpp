#include <utility>

#include <twister/io_loop.hpp>
#include <twister/rpc/torpc.hpp>

namespace twister {

using nlohmann::json;

struct TorpcServer::Made {
  explicit Made(const TorpcServices& given) { services.look_first_in(given); }

  TorpcServices services;
  TorpcServer* server = nullptr;
};

namespace {

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
    : TorpcServer(loop, address, std::make_unique<Made>(services), options, std::move(server)) {}

TorpcServer::TorpcServer(IOLoop& loop, std::string_view address, std::unique_ptr<Made> made,
                         const TorpcOptions& options, ServerOptions server)
    : TcpServer(
          loop, address,
          [made = made.get(), options]() -> std::unique_ptr<Protocol> {
            return std::make_unique<TorpcConnection>(
                made->services, options, [made](TorpcPeer& peer) { made->server->welcome(peer); });
          },
          std::move(server)),
      made_(std::move(made)),
      options_(options) {
  made_->server = this;
  made_->services.on("call_node", [this](const TorpcArguments& given, const TorpcReply& reply) {
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

std::function<void()> TorpcServer::call_node(std::string_view name, std::string_view method,
                                             json arguments, TorpcCallback done,
                                             const TorpcCallOptions& options) {
  const auto to = node(name);
  if (to == nullptr) {
    RpcStatus status(RpcCode::not_found, "node " + std::string(name) + " not exist");
    loop().add_callback(
        [done = std::move(done), status = std::move(status)] { done(TorpcResult(status)); });
    return [] {};
  }
  return to->call(method, std::move(arguments), std::move(done), options);
}

void TorpcServer::welcome(TorpcPeer& peer) {
  peer.take_names([this, &peer](const std::string& name) { return take_name(peer, name); });
}

bool TorpcServer::take_name(TorpcPeer& peer, const std::string& name) {
  if (!nodes_.take(peer, name, options_.max_names, options_.max_name_bytes)) return false;
  on_registered(peer, name);
  return true;
}

void TorpcServer::on_close(Protocol& connection, const CloseReason& reason) {
  TcpServer::on_close(connection, reason);
  const auto& peer = static_cast<TorpcConnection&>(connection).peer();
  for (const std::string& name : nodes_.release(peer.get())) on_unregistered(name);
}

}  // namespace twister
