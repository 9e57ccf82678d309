// http_get: fetches a page over HTTP/1.0: connect by name, write, read the header, read the body.
//   python3 -m http.server 8000     then, in another terminal:  ./dev run http_get localhost:8000 /
// You see the header that the server sent, and then the page.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <asio/use_awaitable.hpp>

#include <twister/asio.hpp>

// The number behind `Content-Length:`, whatever its case.
std::size_t content_length(std::string header) {
  std::transform(header.begin(), header.end(), header.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view name = "\r\ncontent-length: ";
  const std::size_t found = header.find(name);
  std::size_t length = 0;
  if (found == header.npos ||
      std::from_chars(header.data() + found + name.size(), header.data() + header.size(), length)
              .ec != std::errc{}) {
    throw std::runtime_error("the server does not say how long the page is");
  }
  return length;
}

asio::awaitable<void> get(twister::TcpClient& client, std::string server, std::string path) {
  twister::IOStream stream = co_await twister::async_connect(client, server, asio::use_awaitable);
  stream.write("GET " + path + " HTTP/1.0\r\nHost: " + server + "\r\n\r\n");
  const std::optional<std::string> header =
      co_await twister::async_read_until(stream, "\r\n\r\n", asio::use_awaitable);
  if (!header) throw std::runtime_error("the server has nothing to say");
  std::fwrite(header->data(), 1, header->size(), stdout);
  const std::size_t length = content_length(*header);
  const std::optional<std::string> body =
      co_await twister::async_read_bytes(stream, length, asio::use_awaitable);
  if (!body) throw std::runtime_error("the server sent a header and no page");
  std::fwrite(body->data(), 1, body->size(), stdout);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s HOST:PORT PATH\n", argv[0]);
    return 2;
  }
  int status = 0;
  twister::IOLoop loop;
  twister::TcpClient client(loop);
  const auto finished = [&](std::exception_ptr error) {
    try {
      if (error != nullptr) std::rethrow_exception(error);
    } catch (const std::exception& what) {
      std::fprintf(stderr, "%s: %s\n", argv[0], what.what());
      status = 1;
    }
    loop.stop();
  };
  asio::co_spawn(twister::executor(loop), get(client, argv[1], argv[2]), finished);
  loop.run();
  return status;
}
