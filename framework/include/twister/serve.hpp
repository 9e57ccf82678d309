// twister/serve.hpp - a whole program around a Protocol.
//
//   int main(int argc, char** argv) {  // --host --port --threads; SIGTERM drains
//     return twister::serve_main(argc, argv, twister::build<Echo>());
//   }
//
// Not for programs with more than one server, or with options of their own: they make a TcpServer
// and call IOLoop::run_until_signal, or fill in ServeOptions and call serve().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <twister/io_loop.hpp>
#include <twister/protocol_factory.hpp>
#include <twister/tcp_server.hpp>

namespace twister {

class MetricsRegistry;

// How the threads of a program come by their connections.
enum class Dealing {
  // Each has a listener on the address, and the kernel chooses by the client's port. A unix-domain path
  // has one listener, and whoever accepts first.
  listener_a_loop,
  // The first accepts, and gives each connection to the loop that has the fewest.
  least_connections,
};

struct ServeOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8888;
  // One loop, and one server, a thread.
  unsigned threads = 1;
  // With few and long connections, chance may give one thread twice as many as another; dealing
  // costs a wake-up of the other thread for each.
  Dealing dealing = Dealing::listener_a_loop;
  // Of each loop that serves.
  IOLoopOptions loop{};
  // 1 for programs whose connections share state that is not guarded: then there is no `--threads`.
  unsigned max_threads = 256;
  // Where an AdminServer listens, on a thread of its own; empty for none. Of several processes, the
  // one with task_id() N listens on the port plus N, or on the path with `.N` behind it; while it is
  // restarted, who connects there waits.
  std::string admin{};
  // What it serves beside twister's own metrics; outlives serve(). Null: one of its own. Protocols
  // count there, too: it becomes StreamOptions::metrics, unless `server` has one.
  MetricsRegistry* metrics = nullptr;
  // With a Watchdog on the loops, which logs callbacks that take longer.
  std::optional<std::chrono::milliseconds> stall_limit{};
  // Other than one: they are forked, share the listeners, and each has `threads`; `cores` for one a
  // CPU. See twister/fork_processes.hpp.
  unsigned processes = 1;
  // What `--processes` may ask for. 1, and there is no such option: state in the program's memory,
  // the members of a chat room, say, would be cut into as many parts.
  unsigned max_processes = 1;
  // Of each process: its max_connections are divided among its threads, rounded up. The parent of
  // several lets them drain for 30 s, or 5 s longer than drain_timeout.
  ServerOptions server{};
};

// Makes the server of one loop, not yet started: for servers that are a class of their own.
using MakeServer = std::function<std::unique_ptr<TcpServer>(IOLoop&, std::string_view address,
                                                            const ServerOptions&)>;

// Serves until SIGINT or SIGTERM, then drains. Prints `listening on HOST:PORT` on standard output,
// a line a listener, when connections are accepted, and then `admin on HOST:PORT`. Returns 0; with
// several processes, what fork_processes() does. Throws as bind_sockets() does, for `admin` too, and
// with several processes as fork_processes(), before there is any.
int serve(const ServeOptions& options, const MakeServer& make_server);
int serve(const ServeOptions& options, const ProtocolFactory& build_class);

// serve() with options from the command line: --host, --port, --threads, --processes,
// --max-connections, --drain-timeout, --admin, --stall-limit, --help. Returns what main() should: 0
// after a drain, 2 for a bad option, 1 when it cannot start; either with one line on standard error.
int serve_main(int argc, char** argv, const ProtocolFactory& build_class,
               ServeOptions defaults = {});
int serve_main(int argc, char** argv, const MakeServer& make_server, ServeOptions defaults = {});

}  // namespace twister
