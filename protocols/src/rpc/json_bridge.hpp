// src/rpc/json_bridge.hpp - services over protobuf messages, for peers that have JSON values instead.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include <twister/rpc/json_rpc_services.hpp>

#include "session.hpp"

namespace twister::detail {

// What all methods of one add_services() have in common. Ownership: shared by their handlers and calls. Threads: any.
class JsonBridge : public std::enable_shared_from_this<JsonBridge> {
 public:
  using json = nlohmann::json;
  using MessageLite = google::protobuf::MessageLite;
  // `reply` is null when the status is not ok.
  using Answer = std::function<void(const RpcStatus& status, json reply)>;

  // Throws std::invalid_argument for a method in whose messages an Any may be.
  JsonBridge(const RpcServices& services, const JsonRpcServicesOptions& options);

  // Those that have a form in JSON: without streams.
  const std::vector<const RpcMethod*>& methods() const noexcept { return methods_; }

  // `params`: the request as an object; or alone in an array, whatever its JSON is; or nothing for an
  // empty message. Answered once, during the call or later, unless the connection is lost.
  template <class Peer>
  void serve(const RpcMethod& method, Peer& peer, const json& params, Answer answer) {
    const auto host = [this](IOLoop& loop) { return hosts_.of(loop, services_, options_); };
    serve(session_of(peer, this, host), method, params, std::move(answer));
  }

  RpcStatus read(const std::string& text, MessageLite& into) const;
  RpcStatus write(const MessageLite& reply, json& into) const;

 private:
  void serve(const std::shared_ptr<CallSession>& session, const RpcMethod& method,
             const json& params, Answer answer);

  const RpcServices& services_;
  RpcOptions options_;
  google::protobuf::util::JsonPrintOptions print_;
  google::protobuf::util::JsonParseOptions parse_;
  std::vector<const RpcMethod*> methods_;
  LoopHosts hosts_;
};

}  // namespace twister::detail
