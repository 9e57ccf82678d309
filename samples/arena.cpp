// arena: a real-time game server. Players walk over a field and collect dots, 50 to a room, 20 ticks a second.
//   ./dev run arena         then, in another terminal:  ./dev run arena_bot 127.0.0.1:8888 --bots 100
// messages: samples/arena.proto, each behind a 4-byte big-endian length; --admin shows how late ticks are
#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include <twister/log.hpp>
#include <twister/protocols/protobuf_log.hpp>
#include <twister/serve.hpp>

#include "arena_server.hpp"

int main(int argc, char** argv) {
  twister::log_protobuf();
  twister::MetricsRegistry metrics;
  Arena arena(metrics, std::random_device{}());
  const auto make_server = [&arena](twister::IOLoop& loop, std::string_view address,
                                    const twister::ServerOptions& options) {
    arena.start(loop);
    return std::make_unique<twister::TcpServer>(loop, address,
                                                twister::build<Session>(std::ref(arena)), options);
  };
  // Rooms are shared by all connections: hence one thread.
  const int status = twister::serve_main(
      argc, argv, make_server, {.max_threads = 1, .metrics = &metrics, .server = arena_options()});
  if (arena.ticks().run() == 0) return status;

  const auto milliseconds = [](double seconds) {
    std::array<char, 32> text;
    std::snprintf(text.data(), text.size(), "%.2f", seconds * 1000);
    return std::string(text.data());
  };
  const Ticks& ticks = arena.ticks();
  twister::log(twister::LogLevel::info, "arena_ended",
               {{"ticks", std::to_string(ticks.run())},
                {"overruns", std::to_string(ticks.overruns())},
                {"skipped", std::to_string(ticks.skipped())},
                {"late_ms_p50", milliseconds(ticks.lateness().quantile(0.5))},
                {"late_ms_p99", milliseconds(ticks.lateness().quantile(0.99))},
                {"late_ms_max", milliseconds(ticks.lateness().max())}});
  return status;
}
