// twister/rpc/torpc_services.hpp - what can be called by torpc.
//
//   TorpcServices services;
//   services.on("add", [](double a, double b) { return a + b; });
//   services.on("wait", [](TorpcContext& context, int ms, TorpcReply reply) {
//     context.loop().call_later(std::chrono::milliseconds(ms), [reply] { reply("done"); });
//   });
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/rpc/detail/json_arguments.hpp>
#include <twister/rpc/method.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

class IOLoop;
struct JsonRpcServicesOptions;
class MetricsRegistry;
class Protocol;
class RpcInterceptor;
class TorpcPeer;
namespace detail {
class FreeMethod;
class FreeMethods;
class TorpcAnswer;
}  // namespace detail

// Answers one call, once: what comes later does nothing. Copies are the same reply; when the last of
// them is destroyed and nothing was answered, the caller gets an error.
//
// Threads: the connection's loop; from elsewhere, Handle::post().
class TorpcReply {
 public:
  explicit TorpcReply(std::shared_ptr<detail::TorpcAnswer> answer) : answer_(std::move(answer)) {}

  void operator()(nlohmann::json result) const;
  // The caller gets the text, which is all that the wire has room for.
  void fail(const RpcStatus& status) const;
  // As if a handler had thrown it.
  void fail(const std::exception_ptr& error) const;
  // False when nobody waits: it was answered, the connection is lost, or it was a notice.
  bool wanted() const noexcept;
  // Calls the function, from the loop, when the connection is lost or the method's timeout has passed; at
  // once, if that has happened. Not after the answer. Any number of functions.
  void on_cancel(std::function<void()> function) const;

 private:
  std::shared_ptr<detail::TorpcAnswer> answer_;
};

// What a handler may want to know of its call. Good during the call of the handler.
class TorpcContext {
 public:
  TorpcContext(TorpcPeer& peer, const std::string& method, bool is_notice)
      : peer_(peer), method_(method), is_notice_(is_notice) {}

  const std::string& method() const noexcept { return method_; }
  bool is_notice() const noexcept { return is_notice_; }
  // The caller, who can be called as well. May be kept.
  std::shared_ptr<TorpcPeer> peer() const;
  IOLoop& loop() const;
  // Null where messages come by other ways.
  Protocol* connection() const;

 private:
  TorpcPeer& peer_;
  const std::string& method_;
  bool is_notice_;
};

// All arguments as they came, for handlers that take any number.
struct TorpcArguments {
  nlohmann::json values = nlohmann::json::array();
};

// The functions of a service, by name.
//
// A handler is R(A, B, ...), with a TorpcContext& before its arguments if it likes, and with a
// TorpcReply behind them if it answers later, and then of void. Types of arguments: bool, numbers,
// std::string, json, std::optional at the end for what may be left out, what nlohmann::json converts
// to; or TorpcArguments alone for all of them.
//
// Limits: RpcMethodOptions of each function; arguments count for max_request_bytes as JSON text without
//   blanks.
// Errors: the text of an RpcError that a handler throws goes to the caller. Anything else is logged
//   with a reference, and the caller gets the reference alone.
// Ownership: outlives the servers. Nothing is added to it once it was called: std::logic_error.
// Threads: any number may serve from it.
class TorpcServices {
 public:
  using json = nlohmann::json;

  struct Method {
    // One of the two is there.
    std::function<json(TorpcContext&, json& arguments)> at_once{};
    std::function<void(TorpcContext&, json& arguments, TorpcReply)> later{};
    const detail::FreeMethod* checks = nullptr;  // none: the handler does what they do
  };

  TorpcServices();
  ~TorpcServices();
  TorpcServices(const TorpcServices&) = delete;
  TorpcServices& operator=(const TorpcServices&) = delete;

  // Throws std::invalid_argument for a name that is taken, empty, or longer than 255 bytes.
  template <class F>
  void on(std::string name, F handler, const RpcMethodOptions& options = {}) {
    add(std::move(name), wrap(std::move(handler)), options);
  }
  // As RpcServices::intercept(). Functions of add_services() have the interceptors of their services instead.
  void intercept(std::shared_ptr<RpcInterceptor> interceptor);
  // Calls are counted and timed there, as RpcOptions::metrics says; it outlives the connections.
  void count_in(MetricsRegistry& metrics);

  // Null when there is none.
  const Method* find(const std::string& name) const;
  // What `others` have comes first, and their interceptors and metrics are those of this one, too. They
  // outlive this one.
  void look_first_in(const TorpcServices& others);

 private:
  friend void add_services(TorpcServices& functions, const RpcServices& services,
                           const JsonRpcServicesOptions& options);

  void add(std::string name, Method method, const RpcMethodOptions& options);
  void add_unchecked(std::string name, Method method);
  template <class F>
  static Method wrap(F handler);

  std::map<std::string, Method, std::less<>> methods_;
  const TorpcServices* others_ = nullptr;
  std::shared_ptr<detail::FreeMethods> checks_;
};

// ---- how handlers are wrapped ----

namespace detail {

template <class Arguments>
Arguments torpc_arguments(nlohmann::json& given) {
  if constexpr (std::is_same_v<Arguments, std::tuple<TorpcArguments>>) {
    return {TorpcArguments{std::move(given)}};
  } else {
    std::vector<std::string> names;
    for (std::size_t i = 1; i <= std::tuple_size_v<Arguments>; ++i) {
      names.push_back("argument " + std::to_string(i));
    }
    const auto expected = parameter_names<Arguments>(std::move(names));
    return convert_arguments<Arguments>(match_arguments(given, expected), expected);
  }
}

}  // namespace detail

template <class F>
TorpcServices::Method TorpcServices::wrap(F handler) {
  using All = typename detail::Signature<F>::Parameters;
  constexpr bool with_context = detail::begins_with<TorpcContext&, All>;
  constexpr bool with_reply = detail::ends_with<TorpcReply, All>;
  constexpr std::size_t count = std::tuple_size_v<All> - with_context - with_reply;
  using Arguments = detail::Slice<All, with_context, count>;
  if constexpr (with_reply) {
    return {.later = [handler = std::move(handler)](TorpcContext& context, json& given,
                                                    TorpcReply reply) mutable {
      std::apply(
          [&](auto&&... arguments) {
            if constexpr (with_context) {
              handler(context, std::move(arguments)..., std::move(reply));
            } else {
              handler(std::move(arguments)..., std::move(reply));
            }
          },
          detail::torpc_arguments<Arguments>(given));
    }};
  } else {
    return {.at_once = [handler = std::move(handler)](TorpcContext& context, json& given) mutable {
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
          detail::torpc_arguments<Arguments>(given));
    }};
  }
}

}  // namespace twister
