// twister/rpc/torpc_services.hpp - what can be called by torpc.
//
//   TorpcServices services;
//   services.on("add", [](double a, double b) { return a + b; });
//   services.on("wait", [](TorpcContext& context, int ms, TorpcReply reply) {
//     context.loop().call_later(std::chrono::milliseconds(ms), [reply] { reply("done"); });
//   });
#pragma once

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/rpc/detail/duplex_methods.hpp>
#include <twister/rpc/detail/json_arguments.hpp>
#include <twister/rpc/method.hpp>

namespace twister {

class TorpcPeer;

// Answers one call, once. Of a status that it fails with the caller gets the text, which is all that the wire
// has room for. See DuplexReply for its functions.
class TorpcReply : public detail::DuplexReply {
 public:
  using DuplexReply::DuplexReply;
};

// What a handler may want to know of its call: see DuplexContext for method(), peer(), loop() and
// connection().
class TorpcContext : public detail::DuplexContext<TorpcPeer> {
 public:
  using DuplexContext::DuplexContext;
  using DuplexContext::is_notice;
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
// See DuplexMethods for intercept() and count_in().
class TorpcServices : public detail::DuplexMethods<TorpcContext, TorpcReply> {
 public:
  TorpcServices() : DuplexMethods("TorpcServices") {}

  // Throws std::invalid_argument for a name that is taken, empty, or longer than 255 bytes.
  template <class F>
  void on(std::string name, F handler, const RpcMethodOptions& options = {}) {
    add(std::move(name), wrap(std::move(handler)), options);
  }

  // Null when there is none.
  const Method* find(const std::string& name) const;
  // What `others` have comes first, and their interceptors and metrics are those of this one, too. They
  // outlive this one.
  void look_first_in(const TorpcServices& others);

 private:
  template <class F>
  static Method wrap(F handler);

  const TorpcServices* others_ = nullptr;
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
  using Arguments = typename detail::HandlerShape<F, TorpcContext, TorpcReply>::Arguments;
  return typed(std::move(handler),
               [](json& given) { return detail::torpc_arguments<Arguments>(given); });
}

}  // namespace twister
