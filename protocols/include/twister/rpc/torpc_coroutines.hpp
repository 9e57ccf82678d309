// twister/rpc/torpc_coroutines.hpp - torpc with Asio's coroutines: functions, and calls.
//
//   services.on("wait", torpc_coroutine([](int ms) -> asio::awaitable<std::string> {
//     ...
//     co_return "done";
//   }));
//
//   json arguments = {1, 2};       // built first: g++ 12
//   json sum = co_await async_call(client, "add", arguments, asio::use_awaitable);
//
// Includes Asio, as <twister/asio.hpp> does; other files need not.
#pragma once

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <twister/rpc/detail/json_coroutines.hpp>  // async_call
#include <twister/rpc/torpc_peer.hpp>

namespace twister {

namespace detail {

// The coroutine as a function that TorpcServices::on() takes.
template <class F, class Parameters>
struct TorpcCoroutine;

template <class F, class... A>
struct TorpcCoroutine<F, std::tuple<A...>> {
  void operator()(TorpcContext& context, std::decay_t<A>... arguments, TorpcReply reply) const {
    answer_by_coroutine(context.loop(), json_of_coroutine(function, std::move(arguments)...),
                        std::move(reply));
  }
  F function;
};

template <class F, class... A>
struct TorpcCoroutine<F, std::tuple<std::shared_ptr<TorpcPeer>, A...>> {
  void operator()(TorpcContext& context, std::decay_t<A>... arguments, TorpcReply reply) const {
    answer_by_coroutine(context.loop(),
                        json_of_coroutine(function, context.peer(), std::move(arguments)...),
                        std::move(reply));
  }
  F function;
};

}  // namespace detail

// A handler that is a coroutine, `awaitable<R>(A, B, ...)`, or with a std::shared_ptr<TorpcPeer>, the caller,
// before its arguments; types are those of TorpcServices. It runs on the connection's loop. What it returns or
// throws is the answer. When the connection is lost, or its time is over, the operation that it awaits is
// cancelled.
template <class F>
auto torpc_coroutine(F function) {
  using Parameters = typename detail::Signature<F>::Parameters;
  return detail::TorpcCoroutine<F, Parameters>{std::move(function)};
}

}  // namespace twister
