// twister/rpc/detail/json_coroutines.hpp - what JSON-RPC and torpc have in common where coroutines are concerned.
#pragma once

#include <exception>
#include <functional>
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

// What the coroutine returns or throws is the answer; when nobody waits for that, it is cancelled.
template <class Reply>
void answer_by_coroutine(IOLoop& loop, asio::awaitable<nlohmann::json> coroutine, Reply reply) {
  auto signal = std::make_shared<asio::cancellation_signal>();
  reply.on_cancel([signal] { signal->emit(asio::cancellation_type::terminal); });
  asio::co_spawn(
      executor(loop), std::move(coroutine),
      asio::bind_cancellation_slot(
          signal->slot(), [signal, reply](const std::exception_ptr& error, nlohmann::json result) {
            if (error != nullptr) return reply.fail(error);
            reply(std::move(result));
          }));
}

}  // namespace detail

// Calls by a JsonRpcPeer, a JsonRpcClient, a TorpcPeer or a TorpcClient, for any completion token. It completes with an
// std::exception_ptr and the result: a JsonRpcError when the peer has answered with one, else an RpcError;
// the awaitable form throws them. The operation's cancellation slot cancels the call.
template <class Caller, class Token>
auto async_call(Caller& caller, std::string method, nlohmann::json params, Token&& token,
                const typename Caller::CallOptions& options = {}) {
  return asio::async_initiate<Token, void(std::exception_ptr, nlohmann::json)>(
      [&caller, method = std::move(method), params = std::move(params),
       options](auto handler) mutable {
        auto slot = asio::get_associated_cancellation_slot(handler);
        // std::function copies.
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        auto finished = [&loop = caller.loop(), slot, kept](auto result) mutable {
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
