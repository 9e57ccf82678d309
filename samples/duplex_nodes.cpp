// duplex_nodes: workers with names that call each other by way of a server, and are called by it.
//   ./dev run duplex_nodes                                  the server
//   ./dev run duplex_nodes worker ada 127.0.0.1:8888        a worker, and in another terminal:
//   ./dev run duplex_nodes worker bob 127.0.0.1:8888        another; type: ada hello
// Start the server again, and the workers come back under their names.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include <twister/io_loop.hpp>
#include <twister/rpc/client.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/names.hpp>
#include <twister/rpc/server.hpp>
#include <twister/serve.hpp>

#include "duplex_nodes.twister.hpp"

using nodes::Heard;
using nodes::Words;

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

Words words(std::string_view who, std::string_view what) {
  Words words;
  words.set_who(std::string(who));
  words.set_what(std::string(what));
  return words;
}

class Server : public twister::RpcServer {
 public:
  using RpcServer::RpcServer;

 private:
  // The server calls its clients: who has just come is asked how it is.
  void on_registered(twister::RpcConnection& peer, const std::string& name) override {
    nodes::Node::Client(peer).Hear(
        words("the server", "how are you?"),
        [name](const twister::RpcStatus& status, Heard& heard) {
          say(name + " says " + (status.ok() ? heard.answer() : status.message()));
        });
  }
  void on_unregistered(const std::string& name) override { say(name + " is gone"); }
};

int serve(int argc, char** argv) {
  twister::RpcServices services;  // the server only passes calls on
  add_names(services);
  const auto names = std::make_shared<twister::RpcNames>();  // of the servers of all threads
  return twister::serve_main(
      argc, argv,
      [&](twister::IOLoop& loop, std::string_view address, const twister::ServerOptions& options) {
        return std::make_unique<Server>(
            loop, address, services, twister::RpcServerOptions{.server = options, .names = names});
      });
}

class Worker : public nodes::Node::Service<Worker> {
 public:
  explicit Worker(std::string name) : name_(std::move(name)) {}

  twister::RpcStatus Hear(twister::RpcContext&, const Words& words, Heard& heard) {
    say(words.who() + ": " + words.what());
    heard.set_answer(name_ + " has heard \"" + words.what() + "\"");
    return {};
  }

 private:
  std::string name_;
};

int work(const std::string& name, const std::string& server) {
  twister::IOLoop loop;
  Worker worker(name);
  twister::RpcServices services;
  services.add(worker);
  twister::RpcClient client(loop, server,
                            {.services = &services, .stay_connected = true, .names = {name}});
  client.connect();

  loop.add_handler(STDIN_FILENO, twister::Readiness::readable, [&](twister::Readiness) {
    std::array<char, 4096> typed;
    const ssize_t size = ::read(STDIN_FILENO, typed.data(), typed.size());
    if (size <= 0) {
      loop.remove_handler(STDIN_FILENO);
      return loop.stop();
    }
    const std::string_view line(typed.data(), static_cast<std::size_t>(size));
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string_view what = line.substr(blank, line.find('\n') - blank);
    client.call_node<Heard>(line.substr(0, blank), "nodes.Node/Hear",
                            words(name, what.substr(!what.empty())), {},
                            [](const twister::RpcStatus& status, Heard& heard) {
                              say("-> " + (status.ok() ? heard.answer() : status.message()));
                            });
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
