#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <getopt.h>

#include "twister/serve.hpp"

#include "serve_plan.hpp"

namespace twister {
namespace {

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
      "  --max-connections N      connections of a process, divided among its threads; more are "
      "refused\n"
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
  return serve_main(argc, argv, detail::plain_server(build_class), std::move(defaults));
}

}  // namespace twister
