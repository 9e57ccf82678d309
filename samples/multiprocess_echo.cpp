// multiprocess_echo: several processes on one port; one that crashes is replaced.
//   ./dev run multiprocess_echo --processes 3
//   then, in another terminal:  nc 127.0.0.1 8888
// The first line says which process you talk to. `kill -9` it: its clients lose their connection, all
// others go on, and the next one to call may meet its successor. Ctrl-C ends them all.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <twister/fork_processes.hpp>
#include <twister/io_loop.hpp>
#include <twister/tcp_server.hpp>

class Echo : public twister::Protocol {
  void on_connect() override {
    write("process " + std::to_string(*twister::task_id()) + ", pid " + std::to_string(::getpid()) +
          "\n");
  }
  void on_data(twister::ByteView data) override { write(data); }
};

// What each process does, again whenever it is restarted: it has its own loop and its own server, and
// shares the listeners with the others.
int serve(int, std::vector<twister::ListeningSocket> sockets) {
  twister::IOLoop loop;
  twister::TcpServer server(loop, "", twister::build<Echo>());
  server.add_sockets(std::move(sockets));
  loop.run_until_signal();
  return 0;
}

int main(int argc, char** argv) {
  std::string port = "8888";
  twister::ForkOptions options{.processes = twister::cores};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--port") port = argv[i + 1];
    if (std::string_view(argv[i]) == "--processes") {
      options.processes = std::strtoul(argv[i + 1], nullptr, 10);
    }
  }
  try {
    auto sockets = twister::bind_sockets("127.0.0.1:" + port);
    const std::string address = sockets[0].local_address().to_string();
    options.started = [&address] {
      std::printf("listening on %s\n", address.c_str());
      std::fflush(stdout);
    };
    return twister::fork_processes(options, std::move(sockets), serve);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
