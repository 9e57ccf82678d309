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
