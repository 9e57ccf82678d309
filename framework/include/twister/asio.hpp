// twister/asio.hpp - Asio over the same loop: executor, timers and sockets of your own, coroutines.
//
//   twister::spawn(loop, [](twister::IOLoop& loop) -> asio::awaitable<void> {
//     asio::steady_timer timer(twister::executor(loop), 1s);
//     co_await timer.async_wait(asio::use_awaitable);
//   }, std::ref(loop));
//
// The only header of the framework that includes Asio: files that do not need it compile much
// faster without.
#pragma once

#include <exception>
#include <utility>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <twister/io_loop.hpp>

namespace twister {

// The loop's io_context. Do not run it: IOLoop::run() does.
asio::io_context& io_context(IOLoop& loop) noexcept;

inline asio::io_context::executor_type executor(IOLoop& loop) noexcept {
  return io_context(loop).get_executor();
}

namespace detail {

void log_task_exception(std::exception_ptr error) noexcept;

template <class Function, class... Args>
asio::awaitable<void> run_task(Function function, Args... args) {
  co_await function(std::move(args)...);
}

}  // namespace detail

// Runs the coroutine `function(args...)` on the loop. Arguments are moved into the coroutine and
// live as long as it does: pass what it needs here and capture nothing, because g++ 12 destroys
// some captured temporaries twice. An exception ends the task and is logged. What still runs when
// the loop is destroyed is destroyed with it.
template <class Function, class... Args>
void spawn(IOLoop& loop, Function function, Args... args) {
  asio::co_spawn(executor(loop), detail::run_task(std::move(function), std::move(args)...),
                 [](std::exception_ptr error) {
                   if (error != nullptr) detail::log_task_exception(std::move(error));
                 });
}

}  // namespace twister
