#include <twister/io_loop.hpp>
#include <twister/rpc/json_rpc.hpp>

namespace twister {

JsonRpcCodec json_rpc_codec(const JsonRpcOptions& options) {
  // What is refused is answered, and the next message read.
  return JsonRpcCodec(AnyFraming(options.framing, {.max_frame_bytes = options.max_message_bytes,
                                                   .on_oversize = Oversize::skip}),
                      Json({.max_depth = options.max_depth}), BadPayload::skip);
}

ProtocolFactory build_json_rpc(const JsonRpcMethods& methods, const JsonRpcOptions& options,
                               std::function<void(JsonRpcPeer&)> connected) {
  return [&methods, options, connected = std::move(connected), codec = json_rpc_codec(options)] {
    return std::make_unique<JsonRpcConnection>(codec, methods, options, connected);
  };
}

JsonRpcServer::JsonRpcServer(IOLoop& loop, std::string_view address, const JsonRpcMethods& methods,
                             const JsonRpcOptions& options, ServerOptions server)
    : TcpServer(loop, address, build_json_rpc(methods, options), std::move(server)) {}

void JsonRpcServer::for_each_peer(const std::function<void(JsonRpcPeer&)>& visit) {
  for_each_connection([&](Protocol& connection) {
    const auto peer = static_cast<JsonRpcConnection&>(connection).peer();
    if (peer != nullptr && peer->is_open()) visit(*peer);
  });
}

std::size_t JsonRpcServer::notify_all(std::string_view method, const nlohmann::json& params) {
  std::size_t count = 0;
  for_each_peer([&](JsonRpcPeer& peer) {
    const WriteStatus status = peer.notify(method, params);
    if (status == WriteStatus::queued || status == WriteStatus::paused) ++count;
  });
  return count;
}

JsonRpcClient::JsonRpcClient(IOLoop& loop, Destination to, JsonRpcClientOptions options,
                             const JsonRpcMethods& methods)
    : peer_(JsonRpcPeer::make(loop, methods, options.rpc)),
      connection_(
          loop, std::move(to),
          [peer = peer_, codec = json_rpc_codec(options.rpc)] {
            return std::make_unique<JsonRpcConnection>(codec, peer);
          },
          std::move(options.reconnect), options.wait_for_ready,
          [peer = peer_](const ConnectError& error) {
            peer->end_calls({RpcCode::unavailable, error.message()});
          }) {
  peer_->queue_calls([this] { connection_.want(); });
}

JsonRpcClient::~JsonRpcClient() {
  peer_->queue_calls({});
  peer_->end_calls_soon({RpcCode::cancelled, "the client was destroyed"});
}

const JsonRpcMethods& JsonRpcClient::no_methods() {
  static const JsonRpcMethods none;
  return none;
}

}  // namespace twister
