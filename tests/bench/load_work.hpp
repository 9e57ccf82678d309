// load_work.hpp - what the load generator does to a server.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "histogram.hpp"

namespace twister::bench {

using Clock = std::chrono::steady_clock;

struct LoadOptions {
  std::string work = "echo";
  std::string framing = "raw";
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::size_t connections = 1;
  std::size_t depth = 1;    // messages of one burst
  std::size_t size = 64;    // bytes of a message, its framing included
  std::size_t sources = 1;  // client addresses, from 127.0.0.1 on
  bool tls = false;
  double rate = 0;  // messages a second of all connections; 0: as fast as replies come
};

struct Result {
  std::uint64_t messages = 0;
  double seconds = 0;
  Histogram latency;
};

class Work {
 public:
  virtual ~Work() = default;
  // Loads the server for so long, then until every reply is there.
  virtual Result run(Clock::duration duration) = 0;
};

// Connects. Fails the program, with a line on standard error, when the server cannot be reached,
// answers wrongly or stops answering.
std::unique_ptr<Work> make_work(const LoadOptions& options);

// One message as it goes over the wire, `size` bytes long.
std::string make_message(const std::string& framing, std::size_t size);

}  // namespace twister::bench
