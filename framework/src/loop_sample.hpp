// src/loop_sample.hpp - what a loop and its servers have counted, as a copy for another thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <twister/counters.hpp>

#include "loop_monitor.hpp"

namespace twister::detail {

class LoopCore;

struct ServerSample {
  std::string label;  // where it listens
  ServerCounters counters;
  std::size_t connections = 0;
  bool accepting = false;
  bool draining = false;
};

struct ConnectionSample {
  std::optional<std::uint64_t> id;  // of a socket; the kernel gives none twice
  std::string peer;
  std::optional<std::string> server;
  std::chrono::seconds age{};
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::size_t queued_bytes = 0;
};

struct LoopSample {
  std::uint64_t turns = 0;
  std::uint64_t callbacks = 0;
  std::size_t timers = 0;
  std::size_t streams = 0;
  // Only of a loop that is monitored.
  struct Times {
    Duration longest_turn{};
    DurationHistogram turns;
    DurationHistogram lag;
  };
  std::optional<Times> times;
  // Those that are called alike are added up.
  std::vector<ServerSample> servers;
  std::vector<ConnectionSample> connections;
};

// On the loop's thread. Lists at most `connections`, the newest first: each costs a system call.
LoopSample take_sample(LoopCore& loop, std::size_t connections);

}  // namespace twister::detail
