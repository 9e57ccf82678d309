// chat_client: a client for the chat that stays: when the server goes and comes back, so does it.
//   ./dev run chat          then, in another terminal:  ./dev run chat_client localhost:8888
// What you type goes to the server, and what it says is printed. Stop the server and start it again.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <string_view>

#include <twister/io_loop.hpp>
#include <twister/protocols/line_protocol.hpp>
#include <twister/reconnecting_client.hpp>

void say(std::string_view line) {
  std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
  std::fflush(stdout);
}

// Made anew for every connection.
class Chat : public twister::LineProtocol {
  void on_connect() override { say("[connected to " + peer_address().to_string() + "]"); }
  void on_line(std::string_view line) override { say(line); }
  void on_close(const twister::CloseReason& reason) override { say("[" + reason.message() + "]"); }
};

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s HOST:PORT\n", argv[0]);
    return 2;
  }
  twister::IOLoop loop;
  twister::ReconnectingClient client(loop, argv[1], twister::build<Chat>());
  client.start();

  loop.add_handler(STDIN_FILENO, twister::Readiness::readable, [&](twister::Readiness) {
    std::array<char, 4096> typed;
    const ssize_t size = ::read(STDIN_FILENO, typed.data(), typed.size());
    if (size <= 0) {  // Ctrl-D: leave, when the server has had the last line
      loop.remove_handler(STDIN_FILENO);
      client.stop([&loop] { loop.stop(); });
    } else if (twister::Protocol* const server = client.connection()) {
      server->write(std::string_view(typed.data(), static_cast<std::size_t>(size)));
    } else {
      say("[not sent: there is no connection]");
    }
  });
  loop.run_until_signal();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
