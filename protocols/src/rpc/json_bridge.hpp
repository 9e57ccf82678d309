// src/rpc/json_bridge.hpp - services over protobuf messages, for peers that have JSON values instead.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include <twister/rpc/json_rpc_services.hpp>

#include "session.hpp"

namespace twister::detail {

// What all methods of one add_services() have in common. Ownership: shared by their handlers and calls. Threads: any.
class JsonBridge final : public SessionMethods, public std::enable_shared_from_this<JsonBridge> {
 public:
  using json = nlohmann::json;
  using MessageLite = google::protobuf::MessageLite;
  // `reply` is null when the status is not ok.
  using Answer = std::function<void(const RpcStatus& status, json reply)>;

  // Throws std::invalid_argument for a method in whose messages an Any may be.
  JsonBridge(const RpcServices& services, const JsonRpcServicesOptions& options);

  // Adds the methods that have a form in JSON, those without streams, to JsonRpcMethods or TorpcServices.
  template <class Methods>
  static void add_to(Methods& methods, const RpcServices& services,
                     const JsonRpcServicesOptions& options) {
    const auto bridge = std::make_shared<JsonBridge>(services, options);
    for (const RpcMethod* const method : bridge->methods_) {
      typename Methods::LateHandler handler = [bridge, method](auto& context, const json& params,
                                                               const auto& reply) {
        bridge->serve(*method, *context.peer(), params,
                      [reply](const RpcStatus& status, json result) {
                        if (!status.ok()) return reply.fail(status);
                        reply(std::move(result));
                      });
      };
      methods.add_unchecked(method->name(), {.later = std::move(handler), .bridged = bridge.get()});
    }
  }

  std::shared_ptr<RpcHost> host(IOLoop& loop, MetricsRegistry* metrics) override {
    return hosts_.of(loop, services_, options_, options_.metrics ? options_.metrics : metrics);
  }
  MetricsRegistry* metrics() const noexcept override { return options_.metrics; }

  RpcStatus read(const std::string& text, MessageLite& into) const;
  RpcStatus write(const MessageLite& reply, json& into) const;

 private:
  // `params`: the request as an object; or alone in an array, whatever its JSON is; or nothing for an
  // empty message. Answered once, during the call or later, unless the connection is lost.
  template <class Peer>
  void serve(const RpcMethod& method, Peer& peer, const json& params, Answer answer) {
    serve(session_of(peer, *this), method, params, std::move(answer));
  }
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
