// load: loads a server and says how it answers.
//   load --port PORT [--work echo|fan-out|connect|idle] [--connections N] [--depth N] [--size BYTES]
//        [--framing raw|lp32|lines|jsonl|protobuf] [--rate N] [--duration SECONDS] [--sources N]
//        [--host ADDRESS] [--tls yes] [--slices]
//
// echo      each connection sends a burst of `depth` messages, and the next when all are back; with
//           --rate, messages leave by the clock and a latency counts from when one was due
// fan-out   one connection speaks, all hear it
// connect   connect, one message, reset; `connections` at a time
// idle      connects and holds the connections until standard input ends
//
// Prints a line of JSON a second in a pipe, a line that is overwritten on a terminal, and the whole
// at the end. With --slices it prints `ready`, runs for as many milliseconds as each line of
// standard input says, and prints a line of JSON for each.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <getopt.h>

#include "load_work.hpp"

namespace {

using namespace twister::bench;

struct Arguments {
  LoadOptions load;
  double duration = 10;
  bool slices = false;
};

std::string to_json(const Result& result) {
  const auto microseconds = [&](double share) {
    return static_cast<double>(result.latency.percentile(share)) / 1000;
  };
  char line[400];
  std::snprintf(line, sizeof line,
                "{\"messages\": %llu, \"seconds\": %.6f, \"rate\": %.0f, \"p50_us\": %.1f, "
                "\"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}",
                static_cast<unsigned long long>(result.messages), result.seconds,
                static_cast<double>(result.messages) / result.seconds, microseconds(0.5),
                microseconds(0.9), microseconds(0.99), microseconds(0.999),
                static_cast<double>(result.latency.largest()) / 1000);
  return line;
}

Clock::duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void run_slices(Work& work) {
  std::printf("ready\n");
  std::fflush(stdout);
  for (long milliseconds = 0; std::scanf("%ld", &milliseconds) == 1;) {
    std::printf("%s\n", to_json(work.run(std::chrono::milliseconds(milliseconds))).c_str());
    std::fflush(stdout);
  }
}

void run_seconds(Work& work, double duration) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  for (double done = 0; done < duration; done += 1) {
    const Result second = work.run(from_seconds(std::min(1.0, duration - done)));
    std::printf(terminal ? "\r\033[K%s" : "%s\n", to_json(second).c_str());
    std::fflush(stdout);
  }
  if (terminal) std::printf("\n");
}

int hold(const LoadOptions& options) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  LoadOptions echo = options;
  echo.work = "echo";
  const auto work = make_work(echo);
  work->run({});  // a message over each: they are accepted
  std::printf("{\"connected\": %zu}\n", options.connections);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

Arguments parse(int argc, char** argv) {
  enum {
    host = 1,
    port,
    work,
    connections,
    depth,
    size,
    framing,
    rate,
    duration,
    sources,
    tls,
    slices
  };
  static const option known[] = {{"host", required_argument, nullptr, host},
                                 {"port", required_argument, nullptr, port},
                                 {"work", required_argument, nullptr, work},
                                 {"connections", required_argument, nullptr, connections},
                                 {"depth", required_argument, nullptr, depth},
                                 {"size", required_argument, nullptr, size},
                                 {"framing", required_argument, nullptr, framing},
                                 {"rate", required_argument, nullptr, rate},
                                 {"duration", required_argument, nullptr, duration},
                                 {"sources", required_argument, nullptr, sources},
                                 {"tls", required_argument, nullptr, tls},
                                 {"slices", no_argument, nullptr, slices},
                                 {nullptr, 0, nullptr, 0}};
  const auto number = [](double least) {
    char* end = nullptr;
    const double value = std::strtod(optarg, &end);
    if (end == optarg || *end != '\0' || !(value >= least && value <= 1e9)) {
      std::fprintf(stderr, "load: \"%s\" is not a number of at least %g\n", optarg, least);
      std::exit(2);
    }
    return value;
  };
  const auto count = [&] { return static_cast<std::size_t>(number(1)); };
  Arguments all;
  for (;;) {
    switch (getopt_long(argc, argv, "", known, nullptr)) {
      case -1:
        if (all.load.port != 0) return all;
        std::fprintf(stderr, "load: --port PORT is missing\n");
        std::exit(2);
      case host:
        all.load.host = optarg;
        break;
      case port:
        all.load.port = static_cast<std::uint16_t>(number(1));
        break;
      case work:
        all.load.work = optarg;
        break;
      case connections:
        all.load.connections = count();
        break;
      case depth:
        all.load.depth = count();
        break;
      case size:
        all.load.size = count();
        break;
      case framing:
        all.load.framing = optarg;
        break;
      case rate:
        all.load.rate = number(1);
        break;
      case duration:
        all.duration = number(0);
        break;
      case sources:
        all.load.sources = count();
        break;
      case tls:
        all.load.tls = std::string(optarg) == "yes";
        break;
      case slices:
        all.slices = true;
        break;
      default:
        std::exit(2);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  if (arguments.load.work == "idle") return hold(arguments.load);
  const auto work = make_work(arguments.load);
  if (arguments.slices) {
    run_slices(*work);
  } else {
    run_seconds(*work, arguments.duration);
  }
}
