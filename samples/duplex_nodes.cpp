// duplex_nodes: workers with names that call each other by way of a server, and are called by it (torpc).
//   ./dev run duplex_nodes                                  the server
//   ./dev run duplex_nodes worker ada 127.0.0.1:8888        a worker, and in another terminal:
//   ./dev run duplex_nodes worker bob 127.0.0.1:8888        another; type: ada hello
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <twister/io_loop.hpp>
#include <twister/rpc/torpc.hpp>
#include <twister/serve.hpp>

using nlohmann::json;

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

std::string text_of(const twister::TorpcResult& result) {
  return result.ok() ? result.value.dump() : result.status.message();
}

class Server : public twister::TorpcServer {
 public:
  using TorpcServer::TorpcServer;

 private:
  // The server calls its clients: who has just come is asked how it is.
  void on_registered(twister::TorpcPeer& peer, const std::string& name) override {
    peer.call("hear", {"the server", "how are you?"}, [name](const twister::TorpcResult& result) {
      say(name + " says " + text_of(result));
    });
  }
  void on_unregistered(const std::string& name) override { say(name + " is gone"); }
};

int serve(int argc, char** argv) {
  static const twister::TorpcServices none;  // the server only passes calls on
  return twister::serve_main(
      argc, argv,
      [](twister::IOLoop& loop, std::string_view address, const twister::ServerOptions& options) {
        return std::make_unique<Server>(loop, address, none, twister::TorpcOptions{}, options);
      },
      {.max_threads = 1});
}

int work(const std::string& name, const std::string& server) {
  twister::IOLoop loop;
  twister::TorpcServices services;
  services.on("hear", [name](const std::string& who, const std::string& what) {
    say(who + ": " + what);
    return name + " has heard \"" + what + "\"";
  });
  twister::TorpcClient client(loop, server, {.name = name}, services);
  client.connect();

  loop.add_handler(STDIN_FILENO, twister::Readiness::readable, [&](twister::Readiness) {
    std::array<char, 4096> typed;
    const ssize_t size = ::read(STDIN_FILENO, typed.data(), typed.size());
    if (size <= 0) {
      loop.remove_handler(STDIN_FILENO);
      return client.close([&] { loop.stop(); });
    }
    const std::string_view line(typed.data(), static_cast<std::size_t>(size));
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string_view what = line.substr(blank, line.find('\n') - blank);
    client.call_node(line.substr(0, blank), "hear", {name, what.substr(!what.empty())},
                     [](const twister::TorpcResult& result) { say("-> " + text_of(result)); });
  });
  loop.run_until_signal();
  return 0;
}

int main(int argc, char** argv) try {
  if (argc > 1 && std::string_view(argv[1]) == "worker") {
    if (argc == 4) return work(argv[2], argv[3]);
    std::fprintf(stderr, "usage: %s worker NAME HOST:PORT\n", argv[0]);
    return 2;
  }
  return serve(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
