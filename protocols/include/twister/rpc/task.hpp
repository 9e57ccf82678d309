// twister/rpc/task.hpp - handlers that are coroutines, and calls that they await.
//
//   RpcTask<Sum> add_twice(RpcContext& context, const Add& add) {
//     Sum sum = co_await call<Sum>(backend, "calculator.Calculator/Add", add, {.parent = &context});
//     if (sum.value() > limit) throw RpcError(RpcCode::out_of_range, "too much");
//     co_return sum;
//   }
//   services.on<Add, Sum>("calculator.Calculator/AddTwice", add_twice);
//
// A light type: its frames come from a pool, and neither a lock nor Asio is touched. For what Asio awaits,
// see <twister/rpc/asio.hpp>. With g++ 12, read docs/explanation/gcc-12-coroutines.md first.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/rpc/call.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/detail/awaited.hpp>
#include <twister/rpc/detail/handlers.hpp>
#include <twister/rpc/detail/pool.hpp>

namespace twister {

namespace detail {

// What all promises have: memory, whom to resume, and what was thrown.
class TaskPromiseBase {
 public:
  static void* operator new(std::size_t bytes) { return pool_allocate(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { pool_free(frame, bytes); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  std::coroutine_handle<> continuation{};  // who awaits it
  RpcCall* call = nullptr;                 // or whose handler it is
  std::exception_ptr error{};
};

struct TaskEnd {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
    Promise& promise = done.promise();
    if (promise.call != nullptr) {
      promise.finish_call();
      done.destroy();
      return std::noop_coroutine();
    }
    return promise.continuation ? promise.continuation : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

template <class T>
class TaskPromise final : public TaskPromiseBase {
 public:
  std::coroutine_handle<TaskPromise> get_return_object() noexcept {
    return std::coroutine_handle<TaskPromise>::from_promise(*this);
  }
  TaskEnd final_suspend() const noexcept { return {}; }
  template <class Value>
  void return_value(Value&& result) {
    value.emplace(std::forward<Value>(result));
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
  void finish_call() noexcept {
    RpcCall& its = *call;
    try {
      if constexpr (std::is_base_of_v<google::protobuf::MessageLite, T>) {
        if (error) std::rethrow_exception(error);
        its.finish(RpcStatus(), &*value);
      }  // a task of anything else is no handler's
    } catch (...) {
      its.finish_with_exception();
    }
    value.reset();
    its.release();
  }

  std::optional<T> value;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  std::coroutine_handle<TaskPromise> get_return_object() noexcept {
    return std::coroutine_handle<TaskPromise>::from_promise(*this);
  }
  TaskEnd final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void take() const {
    if (error) std::rethrow_exception(error);
  }
  void finish_call() noexcept {
    RpcCall& its = *call;
    try {
      take();
      its.finish(RpcStatus());
    } catch (...) {
      its.finish_with_exception();
    }
    its.release();
  }
};

}  // namespace detail

// A coroutine that begins when it is awaited, or when a call is given to it. What it throws is thrown where it is
// awaited, or answers the call.
//
// Ownership: a task owns its coroutine until it is awaited to its end; awaiting a task twice is a bug.
// Threads: the loop's.
template <class T = void>
class [[nodiscard]] RpcTask {
 public:
  using promise_type = detail::TaskPromise<T>;

  // NOLINTNEXTLINE(google-explicit-constructor): what the compiler gets from get_return_object()
  RpcTask(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}
  RpcTask(RpcTask&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  RpcTask& operator=(RpcTask other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~RpcTask() {
    if (coroutine_) coroutine_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    coroutine_.promise().continuation = awaiting;
    return coroutine_;
  }
  T await_resume() { return coroutine_.promise().take(); }

  // Runs it for a call, which it answers.
  void answer(RpcCall& call) && {
    auto coroutine = std::exchange(coroutine_, {});
    call.retain();
    coroutine.promise().call = &call;
    coroutine.resume();
  }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <class T>
struct CoroutineAnswer<RpcTask<T>> {
  using Value = T;
  static void answer(RpcCall& call, RpcTask<T>&& task) { std::move(task).answer(call); }
};

}  // namespace detail

// Awaits the reply of a call. Throws RpcError when there is none.
template <class Reply>
detail::AwaitedCall<Reply> call(RpcCaller& caller, const RpcMethodRef& method,
                                const google::protobuf::MessageLite& request,
                                const RpcCallOptions& options = {}) {
  return {caller, method, request, options};
}

// Awaits a time from now. A coroutine that still waits when its loop is destroyed is not resumed any more,
// and its memory is lost: that is at the end of a program.
inline detail::AwaitedTime sleep(IOLoop& loop, Duration time) {
  return {loop, time};
}

// The same in a handler: false, and at once, when its caller does not wait any more, so that the handler can
// end and make room for others.
//   const bool wanted = co_await sleep(context, 1s);
//   if (!wanted) co_return;
inline detail::AwaitedSleep sleep(RpcContext& context, Duration time) {
  return {context, time};
}

}  // namespace twister
