// twister/rpc/asio.hpp - calls and handlers for Asio's coroutines and completion tokens.
//
//   Sum sum = co_await async_call<Sum>(client, loop, "calculator.Calculator/Add", add, options,
//                                  asio::use_awaitable);
//   asio::awaitable<Sum> add(RpcContext& context, const Add& request) { ... }
//   services.on<Add, Sum>("calculator.Calculator/Add", add);
//
// RpcTask (<twister/rpc/task.hpp>) costs half as much a call. This is for handlers that await what only Asio
// has: its timers, sockets and channels; one that does so now and then is better an RpcTask that awaits by_asio().
#pragma once

#include <exception>
#include <memory>
#include <utility>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>

#include <twister/asio.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/context.hpp>
#include <twister/rpc/detail/asio_interop.hpp>
#include <twister/rpc/detail/handlers.hpp>
#include <twister/rpc/reply.hpp>
#include <twister/rpc/task.hpp>

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

// A slot for operations of Asio's that a handler begins, which are cancelled with its call:
//   const RpcCancellation cancellation(context);
//   timer->async_wait(asio::bind_cancellation_slot(
//       cancellation.slot(), [timer, reply, cancellation](std::error_code error) { ... }));
// A coroutine that on() was given, or by_asio(), has one of its own.
//
// Ownership: the operation's handler keeps a copy, as Asio refers to the slot until it completes, which may be after the
//   call is over. Threads: the loop's. Limits: one operation at a time.
class RpcCancellation {
 public:
  explicit RpcCancellation(RpcContext& context)
      : signal_(std::make_shared<detail::CallSignal>(&context)) {
    signal_->start();
  }

  asio::cancellation_slot slot() const noexcept { return signal_->slot(); }

 private:
  std::shared_ptr<detail::CallSignal> signal_;
};

// What an RpcTask awaits of Asio's:
//   const std::string line = co_await by_asio(context, next_line(stream));
// It is cancelled with the call, which throws RpcError(CANCELLED) here, and when the coroutine is destroyed.
template <class T, class Executor>
detail::AwaitedByAsio<T, Executor> by_asio(RpcContext& context, asio::awaitable<T, Executor> work) {
  return {context.loop(), &context, std::move(work)};
}
// The same where there is no call.
template <class T, class Executor>
detail::AwaitedByAsio<T, Executor> by_asio(IOLoop& loop, asio::awaitable<T, Executor> work) {
  return {loop, nullptr, std::move(work)};
}

// Runs a task for those who are no RpcTask:
//   Sum sum = co_await async_run(loop, add_twice(backend, add), asio::use_awaitable);
// It completes with an std::exception_ptr, of what the task has thrown, and its value. The operation's cancellation
// slot destroys the task, from the loop, with the calls and the sleep that it awaits:
// asio::error::operation_aborted.
template <class T, class Token>
auto async_run(IOLoop& loop, RpcTask<T> task, Token&& token) {
  using Signature = typename detail::TaskSignature<T>::type;
  return asio::async_initiate<Token, Signature>(
      [&loop, task = std::move(task)](auto handler) mutable {
        detail::run_task_and_complete(loop, std::move(task), std::move(handler));
      },
      token);
}

namespace detail {

// Handlers that are coroutines of Asio's.
template <class T, class Executor>
struct CoroutineAnswer<asio::awaitable<T, Executor>> {
  using Value = T;
  static void answer(RpcCall& call, asio::awaitable<T, Executor>&& coroutine) {
    const RpcReply<google::protobuf::MessageLite> reply(call);
    const RpcCancellation cancellation(call);
    asio::co_spawn(executor(call.loop()), std::move(coroutine),
                   asio::bind_cancellation_slot(
                       cancellation.slot(), [reply, cancellation](const std::exception_ptr& error,
                                                                  const auto&... value) {
                         if (reply.ended()) return;
                         if (error != nullptr) return reply(error);
                         if constexpr (sizeof...(value) == 0) {
                           reply(RpcStatus());
                         } else {
                           reply(value...);
                         }
                       }));
  }
};

}  // namespace detail
}  // namespace twister
