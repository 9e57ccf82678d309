// twister/rpc/json_rpc_methods.hpp - what can be called by JSON-RPC.
//
//   JsonRpcMethods methods;
//   methods.on("subtract", {"minuend", "subtrahend"}, [](double a, double b) { return a - b; });
//   methods.on("sum", [](const json& params) { return std::accumulate(...); });
//   methods.on("wait", [](JsonRpcContext& context, const json& params, JsonRpcReply reply) {
//     context.loop().call_later(1s, [reply] { reply("done"); });
//   });
//
// Coroutines as handlers are in json_rpc_coroutines.hpp. Methods over protobuf messages, which are
// served on other wires too: json_rpc_services.hpp.
#pragma once

#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/rpc/detail/duplex_methods.hpp>
#include <twister/rpc/detail/json_arguments.hpp>
#include <twister/rpc/json_rpc_error.hpp>
#include <twister/rpc/method.hpp>

namespace twister {

class JsonRpcPeer;

// Answers one call, once: see DuplexReply for its functions.
class JsonRpcReply : public detail::DuplexReply {
 public:
  using DuplexReply::DuplexReply;
};

// What a handler may want to know of its call: see DuplexContext for method(), peer(), loop() and
// connection().
class JsonRpcContext : public detail::DuplexContext<JsonRpcPeer> {
 public:
  using DuplexContext::DuplexContext;
  bool is_notification() const noexcept { return is_notice(); }
};

// The methods of a service, by name.
//
// A handler is a function of one of these forms:
//
//   R(A, B, ...)                               with the names of its parameters, which are then taken by
//   R(JsonRpcContext&, A, B, ...)              position or by name. Types: bool, numbers, std::string,
//   void(A, B, ..., JsonRpcReply)              json, std::optional for what may be left out, and
//   void(JsonRpcContext&, A, ..., JsonRpcReply)  what nlohmann::json converts to
//
//   R()                                        without parameters
//   R(const json& params)                      as they came: an array, an object, or null
//   R(JsonRpcContext&, const json& params)
//   void(JsonRpcContext&, const json& params, JsonRpcReply)
//
// R is what a nlohmann::json can be made of, or void for a result of null. Without a JsonRpcReply the
// answer is what is returned; with one, it comes when the handler likes.
//
// Limits: RpcMethodOptions of each method; params count for max_request_bytes as text without blanks. A call
//   over one of them is answered with -32008, one that takes too long with -32004.
// Errors: a JsonRpcError or an RpcError that a handler throws goes to the caller. Anything else is
//   logged with a reference, and the caller gets an internal error with that reference, never its
//   text. Parameters that do not fit are answered with -32602.
// Ownership: outlives the servers. Nothing is added to it once it was called: std::logic_error.
// Threads: any number may serve from it.
// See DuplexMethods for intercept() and count_in().
class JsonRpcMethods : public detail::DuplexMethods<JsonRpcContext, JsonRpcReply> {
 public:
  JsonRpcMethods() : DuplexMethods("JsonRpcMethods", "rpc.") {}

  // These throw std::invalid_argument for a name that is taken, empty, longer than 255 bytes, or begins with
  // "rpc.", which is reserved; and for other names of parameters than there are parameters.
  template <class F>
  void on(std::string name, F handler, const RpcMethodOptions& options = {}) {
    add(std::move(name), raw(std::move(handler)), options);
  }
  template <class F>
  void on(std::string name, std::vector<std::string> parameters, F handler,
          const RpcMethodOptions& options = {}) {
    add(std::move(name), named(std::move(parameters), std::move(handler)), options);
  }
  // What is called when there is no method of a name. Interceptors and metrics have it as "*".
  void otherwise(LateHandler handler, const RpcMethodOptions& options = {});

  // Null when there is none, not even for others.
  const Method* find(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  template <class F>
  static Method raw(F handler);
  template <class F>
  static Method named(std::vector<std::string> parameters, F handler);

  Method otherwise_;
};

// ---- how handlers are wrapped ----

template <class F>
JsonRpcMethods::Method JsonRpcMethods::raw(F handler) {
  using Parameters = typename detail::Signature<F>::Parameters;
  if constexpr (std::is_same_v<Parameters, std::tuple<>>) {
    return named({}, std::move(handler));
  } else {
    static_assert(
        detail::is_params<Parameters, 0, 1> || detail::is_params<Parameters, 1, 2> ||
            detail::is_params<Parameters, 1, 3>,
        "a handler without names of parameters takes json, or JsonRpcContext& and json, and "
        "then perhaps a JsonRpcReply");
    return typed(std::move(handler), [](json& params) { return std::tuple<json&>(params); });
  }
}

template <class F>
JsonRpcMethods::Method JsonRpcMethods::named(std::vector<std::string> parameters, F handler) {
  using Shape = detail::HandlerShape<F, JsonRpcContext, JsonRpcReply>;
  using Arguments = typename Shape::Arguments;
  if (parameters.size() != Shape::count) {
    throw std::invalid_argument("JsonRpcMethods: " + std::to_string(parameters.size()) +
                                " names for " + std::to_string(Shape::count) + " parameters");
  }
  auto names = detail::parameter_names<Arguments>(std::move(parameters));
  return typed(std::move(handler), [names = std::move(names)](const json& params) {
    return detail::convert_arguments<Arguments>(detail::match_arguments(params, names), names);
  });
}

}  // namespace twister
