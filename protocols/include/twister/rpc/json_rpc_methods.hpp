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

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/rpc/detail/json_arguments.hpp>
#include <twister/rpc/json_rpc_error.hpp>
#include <twister/rpc/method.hpp>

namespace twister {

class IOLoop;
class JsonRpcPeer;
struct JsonRpcServicesOptions;
class MetricsRegistry;
class Protocol;
class RpcInterceptor;
namespace detail {
class FreeMethod;
class FreeMethods;
class JsonRpcAnswer;
}  // namespace detail

// Answers one call, once: what comes later does nothing. Copies are the same reply; when the last of
// them is destroyed and nothing was answered, the caller gets an internal error.
//
// Threads: the connection's loop; from elsewhere, Handle::post().
class JsonRpcReply {
 public:
  explicit JsonRpcReply(std::shared_ptr<detail::JsonRpcAnswer> answer)
      : answer_(std::move(answer)) {}

  void operator()(nlohmann::json result) const;
  void fail(const JsonRpcError& error) const;
  void fail(const RpcStatus& status) const { fail(to_json_rpc_error(status)); }
  // As if a handler had thrown it.
  void fail(const std::exception_ptr& error) const;
  // False when nobody waits: it was answered, the connection is lost, or it was a notification.
  bool wanted() const noexcept;
  // Calls the function, from the loop, when the connection is lost or the method's timeout has passed; at
  // once, if that has happened. Not after the answer. Any number of functions.
  void on_cancel(std::function<void()> function) const;

 private:
  std::shared_ptr<detail::JsonRpcAnswer> answer_;
};

// What a handler may want to know of its call. Good during the call of the handler.
class JsonRpcContext {
 public:
  JsonRpcContext(JsonRpcPeer& peer, const std::string& method, bool is_notification)
      : peer_(peer), method_(method), is_notification_(is_notification) {}

  const std::string& method() const noexcept { return method_; }
  bool is_notification() const noexcept { return is_notification_; }
  // The caller, who can be called as well. May be kept.
  std::shared_ptr<JsonRpcPeer> peer() const;
  IOLoop& loop() const;
  // Null where messages come by other ways.
  Protocol* connection() const;

 private:
  JsonRpcPeer& peer_;
  const std::string& method_;
  bool is_notification_;
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
class JsonRpcMethods {
 public:
  using json = nlohmann::json;
  using Handler = std::function<json(JsonRpcContext&, json& params)>;
  using LateHandler = std::function<void(JsonRpcContext&, json& params, JsonRpcReply reply)>;

  struct Method {
    // One of the two is there.
    Handler at_once{};
    LateHandler later{};
    const detail::FreeMethod* checks = nullptr;  // none: the handler does what they do
  };

  JsonRpcMethods();
  ~JsonRpcMethods();
  JsonRpcMethods(const JsonRpcMethods&) = delete;
  JsonRpcMethods& operator=(const JsonRpcMethods&) = delete;

  // These throw std::invalid_argument for a name that is taken, empty, longer than 255 bytes, or begins with
  // "rpc.", which is reserved; and for other names of parameters than there are parameters.
  template <class F>
  void on(std::string name, F handler, const RpcMethodOptions& options = {}) {
    add(std::move(name), raw(std::move(handler)), options);
  }
  template <class F>
  void on(std::string name, std::vector<std::string> parameters, F handler,
          const RpcMethodOptions& options = {}) {
    add(std::move(name), typed(std::move(parameters), std::move(handler)), options);
  }
  // What is called when there is no method of a name. Interceptors and metrics have it as "*".
  void otherwise(LateHandler handler, const RpcMethodOptions& options = {});

  // As RpcServices::intercept(). Methods of add_services() have the interceptors of their services instead.
  void intercept(std::shared_ptr<RpcInterceptor> interceptor);
  // Calls are counted and timed there, as RpcOptions::metrics says; it outlives the connections.
  void count_in(MetricsRegistry& metrics);

  // Null when there is none, not even for others.
  const Method* find(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  friend void add_services(JsonRpcMethods& methods, const RpcServices& services,
                           const JsonRpcServicesOptions& options);

  void add(std::string name, Method method, const RpcMethodOptions& options);
  void add_unchecked(std::string name, Method method);

  template <class F>
  static Method raw(F handler);
  template <class F>
  static Method typed(std::vector<std::string> parameters, F handler);

  std::map<std::string, Method, std::less<>> methods_;
  Method otherwise_;
  std::shared_ptr<detail::FreeMethods> checks_;
};

// ---- how handlers are wrapped ----

template <class F>
JsonRpcMethods::Method JsonRpcMethods::raw(F handler) {
  using Signature = detail::Signature<F>;
  using Parameters = typename Signature::Parameters;
  if constexpr (std::is_same_v<Parameters, std::tuple<>>) {
    return {.at_once = [handler = std::move(handler)](JsonRpcContext&, json& params) mutable {
      detail::match_arguments(params, {});
      return detail::json_of_call([&]() -> decltype(auto) { return handler(); });
    }};
  } else if constexpr (detail::is_params<Parameters, 0, 1>) {
    return {.at_once = [handler = std::move(handler)](JsonRpcContext&, json& params) mutable {
      return detail::json_of_call([&]() -> decltype(auto) { return handler(params); });
    }};
  } else if constexpr (detail::is_params<Parameters, 1, 2>) {
    return {
        .at_once = [handler = std::move(handler)](JsonRpcContext& context, json& params) mutable {
          return detail::json_of_call([&]() -> decltype(auto) { return handler(context, params); });
        }};
  } else {
    static_assert(
        detail::is_params<Parameters, 1, 3>,
        "a handler without names of parameters takes json, or JsonRpcContext& and json, and "
        "then perhaps a JsonRpcReply");
    return {.later = std::move(handler)};
  }
}

template <class F>
JsonRpcMethods::Method JsonRpcMethods::typed(std::vector<std::string> parameters, F handler) {
  using All = typename detail::Signature<F>::Parameters;
  constexpr bool with_context = detail::begins_with<JsonRpcContext&, All>;
  constexpr bool with_reply = detail::ends_with<JsonRpcReply, All>;
  constexpr std::size_t count = std::tuple_size_v<All> - with_context - with_reply;
  if (parameters.size() != count) {
    throw std::invalid_argument("JsonRpcMethods: " + std::to_string(parameters.size()) +
                                " names for " + std::to_string(count) + " parameters");
  }
  using Arguments = detail::Slice<All, with_context, count>;
  auto names = detail::parameter_names<Arguments>(std::move(parameters));
  auto convert = [names = std::move(names)](const json& params) {
    return detail::convert_arguments<Arguments>(detail::match_arguments(params, names), names);
  };
  if constexpr (with_reply) {
    return {.later = [convert, handler = std::move(handler)](JsonRpcContext& context, json& params,
                                                             JsonRpcReply reply) mutable {
      std::apply(
          [&](auto&&... arguments) {
            if constexpr (with_context) {
              handler(context, std::move(arguments)..., std::move(reply));
            } else {
              handler(std::move(arguments)..., std::move(reply));
            }
          },
          convert(params));
    }};
  } else {
    return {.at_once = [convert, handler = std::move(handler)](JsonRpcContext& context,
                                                               json& params) mutable {
      return std::apply(
          [&](auto&&... arguments) {
            return detail::json_of_call([&]() -> decltype(auto) {
              if constexpr (with_context) {
                return handler(context, std::move(arguments)...);
              } else {
                return handler(std::move(arguments)...);
              }
            });
          },
          convert(params));
    }};
  }
}

}  // namespace twister
