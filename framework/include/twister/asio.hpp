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

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>

#include <twister/io_loop.hpp>
#include <twister/io_stream.hpp>
#include <twister/tcp_client.hpp>

namespace twister {

// The loop's io_context. Do not run it: IOLoop::run() does.
asio::io_context& io_context(IOLoop& loop) noexcept;

inline asio::io_context::executor_type executor(IOLoop& loop) noexcept {
  return io_context(loop).get_executor();
}

namespace detail {

void log_task_exception(const std::exception_ptr& error, std::string_view peer = {}) noexcept;

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
                 [](const std::exception_ptr& error) {
                   if (error != nullptr) detail::log_task_exception(error);
                 });
}

// ---- reads of an IOStream, for any completion token ----
//
//   std::optional<std::string> line = co_await async_read_until(stream, "\n", asio::use_awaitable);
//   if (!line) co_return;  // the peer has ended the stream, and nothing was left
//
// They complete as the reads of the same name do: with an error that the awaitable form throws as
// std::system_error, or with the data. A clean end before any byte is no error and no data. The
// operation's cancellation slot cancels the read: asio::error::operation_aborted, and no byte is
// lost.

namespace detail {

using OptionalBytes = std::optional<std::string>;

// Begins a read by `begin(ReadHandler)`, and completes the operation on its own executor.
template <class Handler, class Begin>
void read_and_complete(IOStream& stream, Handler handler, Begin begin) {
  auto slot = asio::get_associated_cancellation_slot(handler);
  // std::function copies. It also keeps a coroutine, and with it the slot, to the end of this call.
  auto kept = std::make_shared<Handler>(std::move(handler));
  begin([&loop = stream.loop(), slot, kept](std::error_code error, ByteView data) mutable {
    if (slot.is_connected()) slot.clear();
    OptionalBytes result;
    if (!error) result.emplace(as_text(data));
    if (error == Errc::end_of_stream) error.clear();
    if (error == Errc::read_cancelled) error = asio::error::operation_aborted;
    const auto own = asio::get_associated_executor(*kept, executor(loop));
    asio::dispatch(own, [kept, error, result = std::move(result)]() mutable {
      std::move (*kept)(error, std::move(result));
    });
  });
  if (slot.is_connected()) {
    slot.assign([cancel = stream.read_canceller()](asio::cancellation_type) { cancel(); });
  }
}

template <class Handler>
void wait_and_complete(IOStream& stream, Handler handler) {
  auto slot = asio::get_associated_cancellation_slot(handler);
  auto kept = std::make_shared<Handler>(std::move(handler));  // as above
  stream.when_drained([&loop = stream.loop(), slot, kept](std::error_code error) mutable {
    if (slot.is_connected()) slot.clear();
    if (error == std::errc::operation_canceled) error = asio::error::operation_aborted;
    const auto own = asio::get_associated_executor(*kept, executor(loop));
    asio::dispatch(own, [kept, error] { std::move (*kept)(error); });
  });
  if (slot.is_connected()) {
    slot.assign([cancel = stream.drain_canceller()](asio::cancellation_type) { cancel(); });
  }
}

}  // namespace detail

template <class Token>
auto async_read_bytes(IOStream& stream, std::size_t count, Token&& token,
                      const ReadOptions& options = {}) {
  return asio::async_initiate<Token, void(std::error_code, detail::OptionalBytes)>(
      [&stream, count, options](auto handler) {
        detail::read_and_complete(stream, std::move(handler), [&](ReadHandler complete) {
          stream.read_bytes(count, std::move(complete), options);
        });
      },
      token);
}

template <class Token>
auto async_read_until(IOStream& stream, std::string_view delimiter, Token&& token,
                      const ReadOptions& options = {}) {
  return asio::async_initiate<Token, void(std::error_code, detail::OptionalBytes)>(
      [&stream, delimiter = std::string(delimiter), options](auto handler) {
        detail::read_and_complete(stream, std::move(handler), [&](ReadHandler complete) {
          stream.read_until(delimiter, std::move(complete), options);
        });
      },
      token);
}

template <class Token>
auto async_read_until_regex(IOStream& stream, Matcher regex, Token&& token,
                            const ReadOptions& options = {}) {
  return asio::async_initiate<Token, void(std::error_code, detail::OptionalBytes)>(
      [&stream, regex = std::move(regex), options](auto handler) mutable {
        detail::read_and_complete(stream, std::move(handler), [&](ReadHandler complete) {
          stream.read_until_regex(std::move(regex), std::move(complete), options);
        });
      },
      token);
}

template <class Token>
auto async_read_until_close(IOStream& stream, Token&& token) {
  return asio::async_initiate<Token, void(std::error_code, detail::OptionalBytes)>(
      [&stream](auto handler) {
        detail::read_and_complete(stream, std::move(handler), [&](ReadHandler complete) {
          stream.read_until_close(std::move(complete));
        });
      },
      token);
}

// Waits until output is low enough to go on writing: IOStream::when_drained. The operation's
// cancellation slot ends the wait: asio::error::operation_aborted.
template <class Token>
auto async_drained(IOStream& stream, Token&& token) {
  return asio::async_initiate<Token, void(std::error_code)>(
      [&stream](auto handler) { detail::wait_and_complete(stream, std::move(handler)); }, token);
}

// ---- connecting, for any completion token ----
//
//   IOStream stream = co_await async_connect(client, "example.com:80", asio::use_awaitable);
//
// A failure is a std::system_error whose text names the destination and every address tried; in the
// awaitable form it is thrown. The operation's cancellation slot cancels the attempt:
// asio::error::operation_aborted.

namespace detail {

template <class Handler>
void connect_and_complete(TcpClient& client, const Destination& to, const ConnectOverrides& options,
                          Handler handler) {
  auto slot = asio::get_associated_cancellation_slot(handler);
  auto kept = std::make_shared<Handler>(std::move(handler));  // std::function copies
  auto cancel = client.connect(
      to,
      [&loop = client.loop(), slot, kept](const ConnectError& error, IOStream stream) mutable {
        if (slot.is_connected()) slot.clear();
        std::exception_ptr failure;
        if (error) {
          std::error_code code = error.code;
          if (code == std::errc::operation_canceled) code = asio::error::operation_aborted;
          failure = std::make_exception_ptr(std::system_error(code, error.detail));
        }
        const auto own = asio::get_associated_executor(*kept, executor(loop));
        asio::dispatch(own, [kept, failure, stream = std::move(stream)]() mutable {
          std::move (*kept)(failure, std::move(stream));
        });
      },
      options);
  if (slot.is_connected()) {
    slot.assign([cancel = std::move(cancel)](asio::cancellation_type) { cancel(); });
  }
}

}  // namespace detail

template <class Token>
auto async_connect(TcpClient& client, Destination to, Token&& token,
                   const ConnectOverrides& options = {}) {
  return asio::async_initiate<Token, void(std::exception_ptr, IOStream)>(
      [&client, to = std::move(to), options](auto handler) {
        detail::connect_and_complete(client, to, options, std::move(handler));
      },
      token);
}

// For a server whose connections are coroutines: runs `coroutine(IOStream)` for each. The stream
// stays open until the coroutine lets go of it, so that a reply may take its time: when the peer has
// ended its side, or the server drains, reads come to their end. An exception is logged and aborts the
// connection: IOStream::failure_handler().
//
//   twister::serve_main(argc, argv, twister::spawn_streams(echo));
template <class Coroutine>
ProtocolFactory spawn_streams(Coroutine coroutine) {
  return handle_streams([coroutine](IOStream stream) {
    IOLoop& loop = stream.loop();
    stream.set_keep_open(true);
    auto failed = stream.failure_handler();
    asio::co_spawn(executor(loop), detail::run_task(coroutine, std::move(stream)),
                   std::move(failed));
  });
}

}  // namespace twister
