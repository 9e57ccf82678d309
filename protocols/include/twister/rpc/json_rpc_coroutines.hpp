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
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <nlohmann/json.hpp>

#include <twister/asio.hpp>
#include <twister/rpc/json_rpc_peer.hpp>

namespace twister {

namespace detail {

template <class F, class... A>
asio::awaitable<nlohmann::json> json_of_coroutine(F function, A... arguments) {
  using Result = typename decltype(function(std::move(arguments)...))::value_type;
  if constexpr (std::is_void_v<Result>) {
    co_await function(std::move(arguments)...);
    co_return nlohmann::json();
  } else {
    Result result = co_await function(std::move(arguments)...);
    co_return nlohmann::json(std::move(result));
  }
}

}  // namespace detail

// A handler that is a coroutine, `awaitable<R>(json params)` or
// `awaitable<R>(std::shared_ptr<JsonRpcPeer> caller, json params)`, run on the connection's loop. What it
// returns or throws is the answer. When the connection is lost, or its time is over, the operation that it awaits
// is cancelled.
template <class F>
JsonRpcMethods::LateHandler json_rpc_coroutine(F function) {
  using json = nlohmann::json;
  return
      [function = std::move(function)](JsonRpcContext& context, json& params, JsonRpcReply reply) {
        auto signal = std::make_shared<asio::cancellation_signal>();
        reply.on_cancel([signal] { signal->emit(asio::cancellation_type::terminal); });
        auto answer = asio::bind_cancellation_slot(
            signal->slot(), [signal, reply](const std::exception_ptr& error, json result) {
              if (error != nullptr) return reply.fail(error);
              reply(std::move(result));
            });
        if constexpr (std::invocable<F, std::shared_ptr<JsonRpcPeer>, json>) {
          asio::co_spawn(executor(context.loop()),
                         detail::json_of_coroutine(function, context.peer(), std::move(params)),
                         std::move(answer));
        } else {
          asio::co_spawn(executor(context.loop()),
                         detail::json_of_coroutine(function, std::move(params)), std::move(answer));
        }
      };
}

// Calls by a JsonRpcPeer or a JsonRpcClient, for any completion token. A failure is a JsonRpcError when
// the peer has answered with one, else an RpcError; the awaitable form throws them. The operation's
// cancellation slot cancels the call.
template <class Caller, class Token>
auto async_call(Caller& caller, std::string method, nlohmann::json params, Token&& token,
                const JsonRpcCallOptions& options = {}) {
  return asio::async_initiate<Token, void(std::exception_ptr, nlohmann::json)>(
      [&caller, method = std::move(method), params = std::move(params),
       options](auto handler) mutable {
        auto slot = asio::get_associated_cancellation_slot(handler);
        // std::function copies.
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        auto finished = [&loop = caller.loop(), slot, kept](JsonRpcResult result) mutable {
          if (slot.is_connected()) slot.clear();
          std::exception_ptr failure;
          nlohmann::json value;
          try {
            value = std::move(result).value_or_throw();
          } catch (...) {
            failure = std::current_exception();
          }
          const auto own = asio::get_associated_executor(*kept, executor(loop));
          asio::dispatch(own, [kept, failure, value = std::move(value)]() mutable {
            std::move (*kept)(failure, std::move(value));
          });
        };
        auto cancel = caller.call(method, std::move(params), std::move(finished), options);
        if (slot.is_connected()) {
          slot.assign([cancel = std::move(cancel)](asio::cancellation_type) { cancel(); });
        }
      },
      token);
}

}  // namespace twister
