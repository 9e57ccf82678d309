#include <utility>

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
    : DuplexClient(
          loop, std::move(to), JsonRpcPeer::make(loop, methods, options.rpc),
          [codec = json_rpc_codec(options.rpc)](std::shared_ptr<JsonRpcPeer> peer) {
            return std::make_unique<JsonRpcConnection>(codec, std::move(peer));
          },
          std::move(options.reconnect), options.wait_for_ready) {}

}  // namespace twister
