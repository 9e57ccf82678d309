#include "twister/serve.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <getopt.h>

#include <twister/admin_server.hpp>
#include <twister/fork_processes.hpp>
#include <twister/loop_pool.hpp>
#include <twister/watchdog.hpp>

namespace twister {
namespace {

std::string join(const std::string& host, std::uint16_t port) {
  if (host.starts_with("unix:")) return host;
  const bool bare_v6 = host.find(':') != host.npos && !host.starts_with('[');
  return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

// A set of sockets for each thread, one set behind the other, all on the same addresses.
std::vector<ListeningSocket> bind_for_threads(const ServeOptions& options) {
  BindOptions bind = options.server.bind;
  bind.reuse_port =
      bind.reuse_port || (options.threads > 1 && options.dealing == Dealing::listener_a_loop);
  std::vector<ListeningSocket> sockets = bind_sockets(join(options.host, options.port), bind);
  std::vector<std::string> addresses;
  for (const ListeningSocket& socket : sockets)
    addresses.push_back(socket.local_address().to_string());
  if (options.dealing == Dealing::least_connections) return sockets;
  for (unsigned thread = 1; thread < options.threads; ++thread) {
    for (const std::string& address : addresses) {
      for (ListeningSocket& socket : bind_sockets(address, bind))
        sockets.push_back(std::move(socket));
    }
  }
  return sockets;
}

// What looks at the loops from outside: their AdminServer and their Watchdog, on threads of their
// own, because a loop that hangs cannot say so itself. Destroyed before the loops.
class Lookout {
 public:
  Lookout(const ServeOptions& options, const std::vector<IOLoop*>& loops) {
    if (options.stall_limit) {
      watchdog_.emplace(loops, WatchdogOptions{.limit = *options.stall_limit});
      watchdog_->start();
    }
    if (options.admin.empty()) return;
    const MetricsRegistry& metrics = options.metrics != nullptr ? *options.metrics : no_metrics_;
    pool_.emplace(1);
    pool_->start([&](IOLoop& loop) {
      auto admin =
          std::make_shared<AdminServer>(loop, options.admin, metrics, AdminOptions{.loops = loops});
      admin->start();
      addresses_ = admin->local_addresses();
      return admin;
    });
  }

  const std::vector<Address>& addresses() const noexcept { return addresses_; }

 private:
  const MetricsRegistry no_metrics_;
  std::optional<Watchdog> watchdog_;
  std::vector<Address> addresses_;
  std::optional<LoopPool> pool_;
};

void announce(const char* what, const std::vector<Address>& addresses) {
  for (const Address& address : addresses)
    std::printf("%s on %s\n", what, address.to_string().c_str());
  std::fflush(stdout);
}

// The options of one of several processes: each has an admin port of its own.
ServeOptions of_process(ServeOptions options, int id) {
  if (options.admin.empty()) return options;
  const Address admin = Address::parse(options.admin);
  if (admin.port() != 0) {
    options.admin = admin.with_port(static_cast<std::uint16_t>(admin.port() + id)).to_string();
  }
  return options;
}

MakeServer plain_server(const ProtocolFactory& build_class) {
  return [build_class](IOLoop& loop, std::string_view address, const ServerOptions& options) {
    return std::make_unique<TcpServer>(loop, address, build_class, options);
  };
}

std::size_t listeners_of_a_thread(const ServeOptions& options,
                                  const std::vector<ListeningSocket>& sockets) {
  return options.dealing == Dealing::least_connections ? sockets.size()
                                                       : sockets.size() / options.threads;
}

// Serves in this process until a signal; calls `waiting` once signals are heeded.
void serve_on(std::vector<ListeningSocket> sockets, const ServeOptions& options,
              const MakeServer& make_server, const IOLoop::Callback& waiting) {
  const std::string address = join(options.host, options.port);
  if (options.threads == 1) {
    IOLoop loop;
    const std::unique_ptr<TcpServer> server = make_server(loop, address, options.server);
    server->add_sockets(std::move(sockets));
    const Lookout lookout(options, {&loop});
    // From the loop: whoever hears of it may send SIGTERM at once, which has to be heeded by then.
    loop.add_callback([&] {
      if (waiting) waiting();
      announce("admin", lookout.addresses());
    });
    loop.run_until_signal();
    return;
  }
  LoopPool pool(options.threads);
  const auto of_a_thread = static_cast<std::ptrdiff_t>(listeners_of_a_thread(options, sockets));
  auto next = sockets.begin();
  std::vector<ServerHandle> handles;
  TcpServer* first = nullptr;
  pool.start([&](IOLoop& loop) -> std::shared_ptr<void> {  // one thread after the other
    const std::shared_ptr<TcpServer> server = make_server(loop, address, options.server);
    if (first == nullptr) first = server.get();
    handles.push_back(server->handle());
    if (next == sockets.end()) return server;
    const auto end = next + of_a_thread;
    server->add_sockets({std::make_move_iterator(next), std::make_move_iterator(end)});
    next = end;
    return server;
  });
  if (options.dealing == Dealing::least_connections) {
    pool.loop(0).add_callback([first, &handles] { first->deal_connections(handles); });
  }
  std::vector<IOLoop*> loops;
  for (std::size_t i = 0; i < pool.size(); ++i) loops.push_back(&pool.loop(i));
  const Lookout lookout(options, loops);
  pool.run_until_signal([&] {
    if (waiting) waiting();
    announce("admin", lookout.addresses());
  });
}

// ---- command line ----

constexpr auto see_help = "; --help lists the options";

// What is wrong with an argument, for the user to read.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class Number>
Number parse_number(std::string_view option, std::string_view text, Number least, Number most,
                    std::string_view what) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() ||
      !(value >= least && value <= most)) {
    throw UsageError("--" + std::string(option) + ": \"" + std::string(text) + "\" is not " +
                     std::string(what));
  }
  return value;
}

void print_help(const char* program, const ServeOptions& defaults) {
  std::printf(
      "usage: %s [--host HOST] [--port PORT]%s%s [--max-connections N] [--drain-timeout SECONDS]\n"
      "       [--admin HOST:PORT] [--stall-limit SECONDS]\n"
      "  --host HOST              address, name or unix:PATH to listen on; empty for all (%s)\n"
      "  --port PORT              0 lets the kernel choose (%u)\n"
      "%s%s"
      "  --max-connections N      connections beyond this are refused\n"
      "  --drain-timeout SECONDS  how long connections may take to end after SIGTERM (%g)\n"
      "  --admin HOST:PORT        metrics, health and connections by HTTP, for operators\n"
      "  --stall-limit SECONDS    callbacks that block for longer are logged\n",
      program, defaults.max_threads > 1 ? " [--threads N]" : "",
      defaults.max_processes > 1 ? " [--processes N]" : "", defaults.host.c_str(), defaults.port,
      defaults.max_threads > 1 ? "  --threads N              event loops, each with a thread (1)\n"
                               : "",
      defaults.max_processes > 1
          ? "  --processes N            processes on the same port, restarted when they crash (1)\n"
          : "",
      std::chrono::duration<double>(defaults.server.drain_timeout).count());
}

// The options of the command line over the defaults; empty after --help.
std::optional<ServeOptions> parse_arguments(int argc, char** argv, ServeOptions options) {
  enum Option {
    host = 1,
    port,
    threads,
    processes,
    max_connections,
    drain_timeout,
    admin,
    stall_limit,
    help
  };
  static constexpr std::array<option, 10> known{
      {{"host", required_argument, nullptr, host},
       {"port", required_argument, nullptr, port},
       {"threads", required_argument, nullptr, threads},
       {"processes", required_argument, nullptr, processes},
       {"max-connections", required_argument, nullptr, max_connections},
       {"drain-timeout", required_argument, nullptr, drain_timeout},
       {"admin", required_argument, nullptr, admin},
       {"stall-limit", required_argument, nullptr, stall_limit},
       {"help", no_argument, nullptr, help},
       {nullptr, 0, nullptr, 0}}};
  const ServeOptions defaults = options;
  optind = 0;  // and not 1: forgets what an earlier call was in the middle of
  opterr = 0;
  for (;;) {
    const int at =
        std::max(optind, 1);  // `+`: in the order of the command line, so that this is the culprit
    switch (const int found = getopt_long(argc, argv, "+:h", known.data(), nullptr)) {
      case -1:
        if (optind < argc)
          throw UsageError(std::string("unexpected argument \"") + argv[optind] + "\"" + see_help);
        return options;
      case host:
        options.host = optarg;
        break;
      case port:
        options.port =
            parse_number<std::uint16_t>("port", optarg, 0, 65535, "a port from 0 to 65535");
        break;
      case threads:
        options.threads = parse_number<unsigned>(
            "threads", optarg, 1, options.max_threads,
            options.max_threads == 1 ? "possible: this program runs on one thread"
                                     : "a number from 1 to " + std::to_string(options.max_threads));
        break;
      case processes:
        options.processes = parse_number<unsigned>(
            "processes", optarg, 1, options.max_processes,
            options.max_processes == 1
                ? "possible: this program runs in one process"
                : "a number from 1 to " + std::to_string(options.max_processes));
        break;
      case max_connections:
        options.server.max_connections = parse_number<std::size_t>(
            "max-connections", optarg, 1, unlimited, "a number of connections, 1 or more");
        break;
      case drain_timeout: {
        const double seconds =
            parse_number<double>("drain-timeout", optarg, 0, 1e6, "a number of seconds, 0 or more");
        options.server.drain_timeout = std::chrono::milliseconds(static_cast<long>(seconds * 1000));
        break;
      }
      case admin:
        options.admin = optarg;
        break;
      case stall_limit: {
        const double seconds = parse_number<double>("stall-limit", optarg, 0.004, 1e6,
                                                    "a number of seconds, 0.004 or more");
        options.stall_limit = std::chrono::milliseconds(static_cast<long>(seconds * 1000));
        break;
      }
      case help:
      case 'h':
        print_help(argv[0], defaults);
        return std::nullopt;
      default:
        throw UsageError(std::string(found == ':' ? "missing value after " : "unknown option ") +
                         argv[at] + see_help);
    }
  }
}

}  // namespace

int serve(const ServeOptions& options, const MakeServer& make_server) {
  if (options.threads == 0) throw std::invalid_argument("serve: at least one thread is needed");
  std::vector<ListeningSocket> sockets = bind_for_threads(options);
  std::vector<Address> addresses;
  for (std::size_t i = 0; i < listeners_of_a_thread(options, sockets); ++i)
    addresses.push_back(sockets[i].local_address());
  const IOLoop::Callback started = [&addresses] { announce("listening", addresses); };
  if (options.processes == 1) {
    serve_on(std::move(sockets), options, make_server, started);
    return 0;
  }
  return fork_processes({.processes = options.processes, .started = started}, std::move(sockets),
                        [&](int id, std::vector<ListeningSocket> inherited) {
                          serve_on(std::move(inherited), of_process(options, id), make_server, {});
                          return 0;
                        });
}

int serve(const ServeOptions& options, const ProtocolFactory& build_class) {
  return serve(options, plain_server(build_class));
}

int serve_main(int argc, char** argv, const MakeServer& make_server, ServeOptions defaults) {
  const char* program = argc > 0 ? argv[0] : "server";
  try {
    const auto options = parse_arguments(argc, argv, std::move(defaults));
    return options ? serve(*options, make_server) : 0;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return 1;
  }
}

int serve_main(int argc, char** argv, const ProtocolFactory& build_class, ServeOptions defaults) {
  return serve_main(argc, argv, plain_server(build_class), std::move(defaults));
}

}  // namespace twister
