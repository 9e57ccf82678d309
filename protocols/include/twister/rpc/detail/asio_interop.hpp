// twister/rpc/detail/asio_interop.hpp - what is between RpcTask and Asio's coroutines; see <twister/rpc/asio.hpp>.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/post.hpp>

#include <twister/asio.hpp>
#include <twister/rpc/context.hpp>
#include <twister/rpc/detail/pool.hpp>
#include <twister/rpc/task.hpp>

namespace twister::detail {

template <class T>
using ValueOrNothing = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// Emitted when a call is cancelled: by its stop token, so that a stream's handler may have any number of them, one
// after the other, and none is left behind.
class CallSignal : public std::enable_shared_from_this<CallSignal> {
 public:
  // Without a call, it is emitted by hand only.
  explicit CallSignal(RpcContext* context) noexcept : context_(context) {}

  void start() {
    if (context_ == nullptr) return;
    if (context_->cancelled()) {  // behind the beginning of the operation
      context_->loop().add_callback([self = shared_from_this()] { self->emit(); });
    } else {
      when_.emplace(context_->stop_token(), Emit{this});
    }
  }
  void emit() {
    const auto kept = shared_from_this();  // the operation may complete in it
    signal_.emit(asio::cancellation_type::terminal);
  }
  asio::cancellation_slot slot() noexcept { return signal_.slot(); }

 private:
  struct Emit {
    void operator()() const { signal->emit(); }
    CallSignal* signal;
  };

  RpcContext* context_;
  asio::cancellation_signal signal_;
  std::optional<std::stop_callback<Emit>> when_;
};

// An operation of Asio's whose end a task awaits.
template <class T, class Executor>
class [[nodiscard]] AwaitedByAsio {
 public:
  AwaitedByAsio(IOLoop& loop, RpcContext* context, asio::awaitable<T, Executor> work)
      : loop_(loop), context_(context), work_(std::move(work)) {}
  AwaitedByAsio(const AwaitedByAsio&) = delete;
  AwaitedByAsio& operator=(const AwaitedByAsio&) = delete;
  ~AwaitedByAsio() {
    if (state_ == nullptr || !state_->awaiting) return;
    state_->awaiting = {};
    state_->signal->emit();
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    state_ = std::make_shared<State>(context_);
    state_->awaiting = awaiting;
    state_->signal->start();
    asio::co_spawn(
        executor(loop_), std::move(work_),
        asio::bind_cancellation_slot(state_->signal->slot(),
                                     [state = state_](std::exception_ptr error, auto... value) {
                                       state->error = std::move(error);
                                       state->value.emplace(std::move(value)...);
                                       if (state->awaiting)
                                         std::exchange(state->awaiting, {}).resume();
                                     }));
  }
  T await_resume() {
    if (state_->error != nullptr) throw_error();
    if constexpr (!std::is_void_v<T>) return std::move(*state_->value);
  }

 private:
  struct State {
    explicit State(RpcContext* context) : signal(std::make_shared<CallSignal>(context)) {}
    std::shared_ptr<CallSignal> signal;
    std::coroutine_handle<> awaiting;
    std::exception_ptr error;
    std::optional<ValueOrNothing<T>> value;
  };

  [[noreturn]] void throw_error() const {
    try {
      std::rethrow_exception(state_->error);
    } catch (const std::system_error& error) {
      const bool cancelled = context_ != nullptr && context_->cancelled();
      if (!cancelled || error.code() != asio::error::operation_aborted) throw;
    }
    throw RpcError(RpcCode::cancelled, "the call was cancelled");
  }

  IOLoop& loop_;
  RpcContext* context_;
  asio::awaitable<T, Executor> work_;
  std::shared_ptr<State> state_;  // since it is awaited
};

template <class T>
struct TaskSignature {
  using type = void(std::exception_ptr, T);
};
template <>
struct TaskSignature<void> {
  using type = void(std::exception_ptr);
};

// A coroutine that awaits a task for somebody who is none. Destroyed before its end, it destroys the task.
struct TaskDriver {
  struct promise_type {
    static void* operator new(std::size_t bytes) { return pool_allocate(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept {
      pool_free(frame, bytes);
    }
    TaskDriver get_return_object() noexcept {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }  // it has caught the task's
  };
  std::coroutine_handle<> coroutine;
};

// A task that runs, and the handler of its end.
template <class T, class Handler>
struct RunningTask : std::enable_shared_from_this<RunningTask<T, Handler>> {
  RunningTask(IOLoop& its, Handler given)
      : loop(its), slot(asio::get_associated_cancellation_slot(given)), handler(std::move(given)) {}

  void begin(RpcTask<T> task) {
    if (slot.is_connected()) {
      slot.assign([weak = this->weak_from_this()](asio::cancellation_type) {
        const auto self = weak.lock();  // not inside what the task does
        if (self != nullptr) self->loop.add_callback([self] { self->cancel(); });
      });
    }
    driver = drive(std::move(task), this->shared_from_this()).coroutine;
    driver.resume();
    begins = false;
  }

  static TaskDriver drive(RpcTask<T> task, std::shared_ptr<RunningTask> run) {
    try {
      if constexpr (std::is_void_v<T>) {
        co_await task;
        run->value.emplace();
      } else {
        run->value.emplace(co_await task);
      }
    } catch (...) {
      run->error = std::current_exception();
    }
    run->driver = {};
    run->complete();
  }

  void cancel() {
    if (!driver) return;  // it has ended
    std::exchange(driver, {}).destroy();
    error = std::make_exception_ptr(std::system_error(asio::error::operation_aborted));
    complete();
  }

  void complete() {
    if (slot.is_connected()) slot.clear();
    auto done = [self = this->shared_from_this()]() mutable {
      Handler own = std::move(self->handler);
      if constexpr (std::is_void_v<T>) {
        std::move(own)(self->error);
      } else {
        std::move(own)(self->error, self->error != nullptr ? T() : std::move(*self->value));
      }
    };
    const auto own = asio::get_associated_executor(handler, executor(loop));
    if (begins) {  // no handler is called inside the function that begins its operation
      asio::post(own, std::move(done));
    } else {
      asio::dispatch(own, std::move(done));
    }
  }

  IOLoop& loop;
  asio::cancellation_slot slot;
  Handler handler;
  std::coroutine_handle<> driver;  // while it runs
  bool begins = true;
  std::exception_ptr error;
  std::optional<ValueOrNothing<T>> value;
};

template <class T, class Handler>
void run_task_and_complete(IOLoop& loop, RpcTask<T> task, Handler handler) {
  std::make_shared<RunningTask<T, Handler>>(loop, std::move(handler))->begin(std::move(task));
}

}  // namespace twister::detail
