// twister/rpc/json_rpc_coroutines.hpp - JSON-RPC with Asio's coroutines: handlers, and calls.
//
//   methods.on("wait", json_rpc_coroutine([](json params) -> asio::awaitable<json> {
//     ...
//     co_return "done";
//   }));
//
//   json params = {42, 23};       // built first: g++ 12
//   json result = co_await async_call(client, "subtract", params, asio::use_awaitable);
//
// Includes Asio, as <twister/asio.hpp> does; other files need not.
#pragma once

#include <concepts>
#include <memory>
#include <utility>

#include <twister/rpc/detail/json_coroutines.hpp>  // async_call
#include <twister/rpc/json_rpc_peer.hpp>

namespace twister {

// A handler that is a coroutine, `awaitable<R>(json params)` or
// `awaitable<R>(std::shared_ptr<JsonRpcPeer> caller, json params)`, run on the connection's loop. What it
// returns or throws is the answer. When the connection is lost, or its time is over, the operation that it
// awaits is cancelled.
template <class F>
JsonRpcMethods::LateHandler json_rpc_coroutine(F function) {
  using json = nlohmann::json;
  return [function = std::move(function)](JsonRpcContext& context, json& params,
                                          JsonRpcReply reply) {
    if constexpr (std::invocable<F, std::shared_ptr<JsonRpcPeer>, json>) {
      detail::answer_by_coroutine(
          context.loop(), detail::json_of_coroutine(function, context.peer(), std::move(params)),
          std::move(reply));
    } else {
      detail::answer_by_coroutine(
          context.loop(), detail::json_of_coroutine(function, std::move(params)), std::move(reply));
    }
  };
}

}  // namespace twister
