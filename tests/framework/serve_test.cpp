// serve_main() as a function: what it prints and returns. Whole programs are tests of the samples.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/serve.hpp>

#include "serve_plan.hpp"
#include "server_core.hpp"
#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

template <class Build>
Outcome call(std::vector<std::string> arguments, const Build& build_class,
             const ServeOptions& defaults) {
  arguments.insert(arguments.begin(), "prog");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = serve_main(static_cast<int>(argv.size()) - 1, argv.data(), build_class, defaults);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

Outcome call(std::vector<std::string> arguments, const ServeOptions& defaults = {}) {
  return call(std::move(arguments), ProtocolFactory(build<EchoBack>()), defaults);
}

struct Complaint {
  std::vector<std::string> arguments;
  std::string err;
};

class BadOption : public ::testing::TestWithParam<Complaint> {};

TEST_P(BadOption, EndsWithTwoAndOneLine) {
  const Outcome outcome = call(GetParam().arguments);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "prog: " + GetParam().err + "\n");
}

constexpr auto not_a_port = " is not a port from 0 to 65535";
constexpr auto not_seconds = " is not a number of seconds, 0 or more";
constexpr auto see_help = "; --help lists the options";

INSTANTIATE_TEST_SUITE_P(
    Table, BadOption,
    ::testing::Values(
        Complaint{{"--port", "65536"}, std::string("--port: \"65536\"") + not_a_port},
        Complaint{{"--port", "-1"}, std::string("--port: \"-1\"") + not_a_port},
        Complaint{{"--port", "http"}, std::string("--port: \"http\"") + not_a_port},
        Complaint{{"--port", ""}, std::string("--port: \"\"") + not_a_port},
        Complaint{{"--port=80x"}, std::string("--port: \"80x\"") + not_a_port},
        Complaint{{"--threads", "0"}, "--threads: \"0\" is not a number from 1 to 256"},
        Complaint{{"--threads", "257"}, "--threads: \"257\" is not a number from 1 to 256"},
        Complaint{{"--max-connections", "0"},
                  "--max-connections: \"0\" is not a number of connections, 1 or more"},
        Complaint{{"--drain-timeout", "-1"}, std::string("--drain-timeout: \"-1\"") + not_seconds},
        Complaint{{"--drain-timeout", "nan"},
                  std::string("--drain-timeout: \"nan\"") + not_seconds},
        Complaint{{"--drain-timeout", "inf"},
                  std::string("--drain-timeout: \"inf\"") + not_seconds},
        Complaint{{"--port"}, std::string("missing value after --port") + see_help},
        Complaint{{"--nosuch"}, std::string("unknown option --nosuch") + see_help},
        Complaint{{"-p", "80"}, std::string("unknown option -p") + see_help},
        Complaint{{"--host", "x", "--nosuch"}, std::string("unknown option --nosuch") + see_help},
        Complaint{{"stray", "--nosuch"}, std::string("unexpected argument \"stray\"") + see_help},
        Complaint{{"--help=no"}, std::string("unknown option --help=no") + see_help},
        Complaint{{"stray"}, std::string("unexpected argument \"stray\"") + see_help},
        Complaint{{"--", "--help"}, std::string("unexpected argument \"--help\"") + see_help}));

TEST(ServeMain, RefusesThreadsWhereThereMayBeOne) {
  const Outcome outcome = call({"--threads", "2"}, {.max_threads = 1});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err,
            "prog: --threads: \"2\" is not possible: this program runs on one thread\n");
}

TEST(ServeMain, RefusesProcessesUnlessTheProgramMayHaveThem) {
  EXPECT_EQ(call({"--processes", "2"}).err,
            "prog: --processes: \"2\" is not possible: this program runs in one process\n");
  EXPECT_EQ(call({"--processes", "9"}, {.max_processes = 8}).err,
            "prog: --processes: \"9\" is not a number from 1 to 8\n");
}

TEST(ServeMain, RefusesToForkWhereALoopExists) {
  const IOLoop loop;
  const Outcome outcome = call({"--port", "0", "--processes", "2"}, {.max_processes = 8});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, StartsWith("prog: fork_processes: there is an IOLoop already"));
}

TEST(ServeMain, HelpListsProcessesWhereThereMayBeSome) {
  EXPECT_EQ(call({"--help"}).out.find("--processes"), std::string::npos);
  EXPECT_THAT(call({"--help"}, {.max_processes = 8}).out, HasSubstr("\n  --processes N "));
}

TEST(ServeMain, HelpGoesToStandardOutput) {
  const Outcome outcome = call({"--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, StartsWith("usage: prog [--host HOST] [--port PORT] [--threads N]"));
  for (const char* option :
       {"--host", "--port", "--threads", "--max-connections", "--drain-timeout"})
    EXPECT_THAT(outcome.out, HasSubstr(std::string("\n  ") + option));
}

TEST(ServeMain, HelpLeavesThreadsOutWhereThereMayBeOne) {
  const Outcome outcome = call({"--help"}, {.max_threads = 1});
  EXPECT_EQ(outcome.out.find("--threads"), std::string::npos);
}

TEST(ServeMain, EndsWithOneWhenThePortIsTaken) {
  const auto taken = bind_sockets("127.0.0.1:0");
  const std::string port = std::to_string(taken[0].local_address().port());
  const Outcome outcome = call({"--port", port});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "prog: cannot listen on 127.0.0.1:" + port + ": Address already in use\n");
}

TEST(ServeMain, EndsWithOneWhenThePortIsTakenForAllThreads) {
  const auto taken = bind_sockets("127.0.0.1:0");
  const std::string port = std::to_string(taken[0].local_address().port());
  EXPECT_EQ(call({"--port", port, "--threads", "2"}).code, 1);
}

TEST(ServeMain, EndsWithOneWhenTheHostIsUnknown) {
  const Outcome outcome = call({"--host", "no-such-host.invalid"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, StartsWith("prog: cannot listen on no-such-host.invalid:8888: "));
}

TEST(ServeMain, EndsWithOneWhenTheServerCannotBeMade) {
  const MakeServer failing = [](IOLoop&, std::string_view,
                                const ServerOptions&) -> std::unique_ptr<TcpServer> {
    throw std::runtime_error("no data base");
  };
  for (const char* threads : {"1", "3"}) {
    const Outcome outcome = call({"--port", "0", "--threads", threads}, failing, {});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "prog: no data base\n");
  }
}

// Raises SIGTERM as soon as somebody handles it.
void raise_when_handled(IOLoop& loop) {
  struct sigaction now {};
  ::sigaction(SIGTERM, nullptr, &now);
  if (now.sa_handler != SIG_DFL) {
    ::kill(::getpid(), SIGTERM);
  } else {
    loop.call_later(std::chrono::milliseconds(1), [&loop] { raise_when_handled(loop); });
  }
}

const MakeServer brief = [](IOLoop& loop, std::string_view address, const ServerOptions& options) {
  // Seven, or a thread's part of seven.
  if (options.max_connections.value_or(unlimited) <= 7)
    loop.add_callback([&loop] { raise_when_handled(loop); });
  return std::make_unique<TcpServer>(loop, address, build<EchoBack>(), options);
};

TEST(ServeMain, SaysWhereItListensAndEndsWithZeroAfterASignal) {
  const Outcome outcome = call({"--port", "0", "--max-connections", "7"}, brief, {});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, MatchesRegex("listening on 127\\.0\\.0\\.1:[0-9]+\n"));
}

TEST(ServeMain, SaysItOnceForAllThreads) {
  const CapturedLog log;
  const Outcome outcome =
      call({"--port", "0", "--threads", "3", "--max-connections", "7"}, brief, {});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, MatchesRegex("listening on 127\\.0\\.0\\.1:[0-9]+\n"));
}

TEST(ServeMain, SaysItForEachFamily) {
  const CapturedLog log;
  const Outcome outcome = call({"--host", "", "--port", "0", "--max-connections", "7"}, brief, {});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out,
              MatchesRegex("listening on 0\\.0\\.0\\.0:[0-9]+\nlistening on \\[::\\]:[0-9]+\n"));
}

TEST(ServeMain, ServesAUnixPathOnManyThreads) {
  const CapturedLog log;
  const std::string path =
      "unix:" + ::testing::TempDir() + "twister-serve-" + std::to_string(::getpid());
  const Outcome outcome =
      call({"--host", path, "--threads", "3", "--max-connections", "7"}, brief, {});
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out, "listening on " + path + "\n");
}

TEST(ServeMain, DividesConnectionsAmongThreads) {
  const CapturedLog log;
  std::vector<std::size_t> given;
  const MakeServer noting = [&](IOLoop& loop, std::string_view address,
                                const ServerOptions& options) {
    given.push_back(options.max_connections.value());
    return brief(loop, address, options);
  };
  EXPECT_EQ(call({"--port", "0", "--threads", "3", "--max-connections", "7"}, noting, {}).code, 0);
  EXPECT_THAT(given, ElementsAre(3u, 3u, 3u));
}

TEST(ServeMain, DividesTheDefaultToo) {
  ServeOptions options;
  EXPECT_EQ(detail::options_of_a_loop(options).max_connections, std::nullopt);
  options.threads = 4;
  const std::size_t all = detail::default_max_connections();
  EXPECT_EQ(detail::options_of_a_loop(options).max_connections, (all + 3) / 4);
  options.server.max_connections = unlimited;
  EXPECT_EQ(detail::options_of_a_loop(options).max_connections, unlimited);
}

TEST(ServeMain, GivesProcessesMoreTimeThanTheyGiveTheirConnections) {
  using namespace std::chrono_literals;
  ServeOptions options;
  EXPECT_EQ(detail::stop_timeout_of(options), 30s);
  options.server.drain_timeout = 120s;
  EXPECT_EQ(detail::stop_timeout_of(options), 125s);
  options.server.drain_timeout = never;
  EXPECT_GE(detail::stop_timeout_of(options), never - 5s);
}

// ---- --admin of several processes ----

TEST(ServeMain, GivesEachProcessAnAdminAddressOfItsOwn) {
  EXPECT_EQ(detail::admin_address_of("localhost:9100", 0, 3), "localhost:9100");
  EXPECT_EQ(detail::admin_address_of("localhost:9100", 2, 3), "localhost:9102");
  EXPECT_EQ(detail::admin_address_of("[::1]:65534", 1, 2), "[::1]:65535");
  EXPECT_EQ(detail::admin_address_of(":0", 1, 2), ":0");
  EXPECT_EQ(detail::admin_address_of("unix:/run/a", 1, 2), "unix:/run/a.1");
  EXPECT_EQ(detail::admin_address_of("unix:/run/a", 0, 1), "unix:/run/a");
}

TEST(ServeMain, RefusesAnAdminAddressBeforeThereAreProcesses) {
  const auto taken = bind_sockets("127.0.0.1:0");
  const std::string address = taken[0].local_address().to_string();
  const auto complaint = [](const std::string& admin) {
    const Outcome outcome =
        call({"--port", "0", "--processes", "2", "--admin", admin}, {.max_processes = 8});
    EXPECT_EQ(outcome.code, 1);
    return outcome.err;
  };
  EXPECT_EQ(complaint(address),
            "prog: admin: cannot listen on " + address + ": Address already in use\n");
  EXPECT_EQ(
      complaint("127.0.0.1:65535"),
      "prog: admin: cannot listen on 127.0.0.1:65535: 2 processes need as many ports, and the last "
      "one is 65535\n");
  for (const char* none : {"9100", "127.0.0.1", "127.0.0.1:x", ":"})
    EXPECT_THAT(complaint(none), HasSubstr(std::string("\"") + none + "\": not HOST:PORT"));
}

TEST(ServeMain, TakesABareIPv6Address) {
  const CapturedLog log;
  const Outcome outcome =
      call({"--host", "::1", "--port", "0", "--max-connections", "7"}, brief, {});
  EXPECT_THAT(outcome.out, MatchesRegex("listening on \\[::1\\]:[0-9]+\n"));
}

}  // namespace
}  // namespace twister::testing
