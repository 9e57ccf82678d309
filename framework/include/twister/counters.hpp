// twister/counters.hpp - what a server has counted since it was made.
//
//   const twister::ServerCounters counted = server.counters();
//   log("slow consumers", counted.traffic.writes_dropped);
//
// Not for scraping: AdminServer (twister/admin_server.hpp) serves all of it for Prometheus.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace twister {

// What the connections of a server have moved. Plain integers of the loop's thread: counting a
// message is two additions.
struct TrafficCounters {
  std::uint64_t received_bytes = 0;  // taken from the kernel; also what was discarded after close()
  std::uint64_t sent_bytes = 0;      // given to the kernel
  std::uint64_t writes_dropped = 0;  // over max_write_buffer_size: slow consumers
  std::uint64_t writes_late = 0;     // to a connection that was closed or closing
};

// Why connections ended, in few words: a Condition where there is one.
enum class CloseCause : std::uint8_t {
  clean,      // the peer ended the stream
  here,       // close() or abort() without an error of its own
  gone,       // Condition::gone
  limit,      // Condition::limit
  malformed,  // Condition::malformed
  timed_out,  // Condition::timed_out
  refused,    // Condition::refused
  draining,   // the server was shutting down
  exception,  // a callback threw
  other,
};
inline constexpr std::size_t close_causes = 10;

CloseCause close_cause(std::error_code code) noexcept;
// "clean", "here", ... as in the enumeration.
std::string_view name_of(CloseCause cause) noexcept;

struct ServerCounters {
  std::uint64_t accepted = 0;  // given a Protocol
  // Not given one:
  std::uint64_t refused_limit = 0;        // beyond max_connections
  std::uint64_t refused_memory = 0;       // the memory budget was used up
  std::uint64_t refused_address = 0;      // beyond max_connections_per_address
  std::uint64_t refused_handshake = 0;    // the transport or its layer was not established
  std::uint64_t refused_factory = 0;      // the factory returned null
  std::uint64_t refused_exception = 0;    // the factory threw
  std::uint64_t refused_descriptors = 0;  // shed because the process was out of descriptors
  std::uint64_t accept_failures = 0;      // times that accepting had to rest
  std::uint64_t drains = 0;
  std::array<std::uint64_t, close_causes> closed{};  // by CloseCause
  TrafficCounters traffic{};

  std::uint64_t closed_by(CloseCause cause) const noexcept {
    return closed[static_cast<std::size_t>(cause)];
  }
};

}  // namespace twister
