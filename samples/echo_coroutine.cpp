// echo_coroutine: sends back lines, written as a loop instead of a class.
//   ./dev run echo_coroutine     then, in another terminal:  nc 127.0.0.1 8888
#include <optional>
#include <string>
#include <utility>

#include <asio/use_awaitable.hpp>

#include <twister/asio.hpp>
#include <twister/serve.hpp>

asio::awaitable<void> echo(twister::IOStream stream) {
  for (;;) {
    const std::optional<std::string> line =
        co_await twister::async_read_until(stream, "\n", asio::use_awaitable);
    if (!line) co_return;  // the client has ended
    stream.write(*line);
    co_await twister::async_drained(stream, asio::use_awaitable);
  }
}

int main(int argc, char** argv) {
  return twister::serve_main(argc, argv, twister::spawn_streams(echo));
}
