// handover_server: answers one line a connection, and can be replaced while it does.
//   handover_server [--port PORT] [--processes N] [--successor PROGRAM]
//
// Uses the listener that it was started with, if any, and binds one otherwise. SIGTERM drains. In one
// process (without --processes), SIGUSR2 hands the listener to a new process of PROGRAM (this one,
// unless told otherwise), and leaves once that one is ready.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <twister/fork_processes.hpp>
#include <twister/inherited_sockets.hpp>
#include <twister/log.hpp>
#include <twister/protocols/line_protocol.hpp>
#include <twister/signal_watch.hpp>
#include <twister/spawn_with_listeners.hpp>
#include <twister/tcp_server.hpp>

namespace {

class OneLine : public twister::LineProtocol {
  void on_line(std::string_view line) override {
    send_line(std::to_string(::getpid()) + " " + std::string(line));
    close();
  }
  // The client has connected, so its line is on its way: on_line ends the connection.
  void on_drain() override {}
};

// Starts the next process of this program and ends this one when that one is ready.
class Successor {
 public:
  Successor(twister::IOLoop& loop, twister::TcpServer& server,
            std::vector<twister::ListeningSocket> listeners, std::string program)
      : loop_(loop),
        server_(server),
        listeners_(std::move(listeners)),
        program_(std::move(program)),
        restart_(loop, SIGUSR2, [this] { start(); }),
        ended_(loop, SIGCHLD, [this] { collect(); }) {
    loop_.add_handler(ready_.native_handle(), twister::Readiness::readable,
                      [this](twister::Readiness) { listen(); });
  }
  ~Successor() { loop_.remove_handler(ready_.native_handle()); }
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

 private:
  void start() {
    if (pid_ != 0) return;
    pid_ =
        twister::spawn_with_listeners({program_}, listeners_, {.environment = {ready_.variable()}});
  }

  void listen() {
    while (const auto line = ready_.receive())
      if (*line == "READY=1" && pid_ != 0) server_.drain([this] { loop_.stop(); });
  }

  // One that fails leaves the place to the next.
  void collect() {
    if (pid_ == 0 || ::waitpid(pid_, nullptr, WNOHANG) != pid_) return;
    twister::log(twister::LogLevel::error, "successor_failed", {{"pid", std::to_string(pid_)}});
    pid_ = 0;
  }

  twister::IOLoop& loop_;
  twister::TcpServer& server_;
  std::vector<twister::ListeningSocket> listeners_;
  std::string program_;
  twister::NotifySocket ready_;
  pid_t pid_ = 0;  // of one that is not ready yet; 0: there is none
  twister::SignalWatch restart_;
  twister::SignalWatch ended_;
};

std::vector<twister::ListeningSocket> duplicates(const std::vector<twister::ListeningSocket>& all) {
  std::vector<twister::ListeningSocket> copies;
  for (const twister::ListeningSocket& each : all) copies.push_back(each.duplicate());
  return copies;
}

void announce(const std::string& address) {
  std::printf("listening on %s\n", address.c_str());
  std::fflush(stdout);
  twister::notify_ready();
}

int serve_alone(std::vector<twister::ListeningSocket> sockets, const std::string& address,
                const std::string& successor_program) {
  twister::IOLoop loop;
  twister::TcpServer server(loop, "", twister::build<OneLine>());
  const Successor successor(loop, server, duplicates(sockets), successor_program);
  server.add_sockets(std::move(sockets));
  loop.add_callback([&address] { announce(address); });
  loop.run_until_signal();
  return 0;
}

int serve_as_child(int, std::vector<twister::ListeningSocket> sockets) {
  twister::IOLoop loop;
  twister::TcpServer server(loop, "", twister::build<OneLine>());
  server.add_sockets(std::move(sockets));
  loop.run_until_signal();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string port = "8888";
  std::size_t processes = 0;
  std::string successor = "/proc/self/exe";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--port") port = argv[i + 1];
    if (std::string_view(argv[i]) == "--successor") successor = argv[i + 1];
    if (std::string_view(argv[i]) == "--processes") {
      processes = std::strtoul(argv[i + 1], nullptr, 10);
    }
  }
  try {
    auto inherited = twister::inherited_sockets();
    auto sockets =
        inherited.empty() ? twister::bind_sockets("127.0.0.1:" + port) : inherited.take_all();
    const std::string address = sockets.at(0).local_address().to_string();
    if (processes == 0) return serve_alone(std::move(sockets), address, successor);
    return twister::fork_processes(
        {.processes = processes, .started = [&address] { announce(address); }}, std::move(sockets),
        serve_as_child);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
