// twister/rpc/asio.hpp - calls and handlers for Asio's coroutines and completion tokens.
//
//   Sum sum = co_await async_call<Sum>(client, loop, "calculator.Calculator/Add", add, options,
//                                  asio::use_awaitable);
//   services.on<Add, Sum>("calculator.Calculator/Add", answer_by<Add, Sum>(add_by_asio));
//
// RpcTask (<twister/rpc/task.hpp>) costs half as much a call. This is for handlers that await what only Asio
// has: its timers, sockets and channels.
#pragma once

#include <exception>
#include <memory>
#include <utility>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>

#include <twister/asio.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/context.hpp>
#include <twister/rpc/reply.hpp>

namespace twister {

namespace detail {

template <class Reply, class Handler>
void call_and_complete(RpcCaller& caller, IOLoop& loop, const RpcMethodRef& method,
                       const google::protobuf::MessageLite& request, const RpcCallOptions& options,
                       Handler handler) {
  auto slot = asio::get_associated_cancellation_slot(handler);
  auto kept = std::make_shared<Handler>(std::move(handler));
  const RpcCallHandle call = caller.call<Reply>(
      method, request, options, [&loop, slot, kept](const RpcStatus& status, Reply& reply) mutable {
        if (slot.is_connected()) slot.clear();
        std::exception_ptr failure;
        if (!status.ok()) failure = std::make_exception_ptr(RpcError(status));
        const auto own = asio::get_associated_executor(*kept, executor(loop));
        asio::dispatch(own, [kept, failure, reply = std::move(reply)]() mutable {
          std::move (*kept)(failure, std::move(reply));
        });
      });
  if (slot.is_connected()) {
    slot.assign([call](asio::cancellation_type) { call.cancel(); });
  }
}

}  // namespace detail

// A call that completes with an std::exception_ptr, an RpcError, and the reply; the awaitable form throws. The
// operation's cancellation slot cancels the call.
//
// Ownership: the request, the name, and what the options point to last until the operation has begun: with the
//   tokens that begin when they are awaited (asio::use_awaitable, asio::deferred), until the co_await that awaits
//   it. The caller and the loop last until it has ended.
template <class Reply, class Token>
auto async_call(RpcCaller& caller, IOLoop& loop, const RpcMethodRef& method,
                const google::protobuf::MessageLite& request, const RpcCallOptions& options,
                Token&& token) {
  return asio::async_initiate<Token, void(std::exception_ptr, Reply)>(
      [&caller, &loop, method, &request, options](auto handler) {
        detail::call_and_complete<Reply>(caller, loop, method, request, options,
                                         std::move(handler));
      },
      token);
}

// A handler for RpcServices::on() from a function asio::awaitable<Reply>(RpcContext&, const Request&). When the call
// is cancelled, so is the operation that the coroutine awaits.
template <class Request, class Reply, class Function>
auto answer_by(Function function) {
  return [function](RpcContext& context, Request& request, RpcReply<Reply> reply) {
    auto signal = std::make_shared<asio::cancellation_signal>();
    context.on_cancel([signal] { signal->emit(asio::cancellation_type::terminal); });
    asio::co_spawn(
        executor(context.loop()), function(context, std::as_const(request)),
        asio::bind_cancellation_slot(
            signal->slot(), [reply, signal](const std::exception_ptr& error, Reply answer) {
              if (error != nullptr) {
                reply(error);
              } else {
                reply(answer);
              }
            }));
  };
}

}  // namespace twister
