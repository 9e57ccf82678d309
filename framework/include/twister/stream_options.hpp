// twister/stream_options.hpp - the limits of one connection, with defaults that are safe on a
// hostile network.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>

namespace twister {

class MemoryBudget;
class MetricsRegistry;

// Spelled out where a limit is switched off.
inline constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
// The same for a time.
inline constexpr std::chrono::milliseconds never = std::chrono::milliseconds::max();

// What reading does while output is above the high-water mark.
enum class OutputHigh {
  stop_reading,  // the peer has to take replies before it may send more
  keep_reading,
};

// What a write does that would take output over max_write_buffer_size.
enum class SlowConsumer {
  abort,        // the connection is aborted: Errc::write_limit
  drop_newest,  // the write is dropped, and the connection goes on
  drop_oldest,  // what write_droppable() queued is dropped, the oldest first; if that is not enough, abort
};

// What becomes of a connection that sends more than it may.
enum class RateExceeded {
  delay,  // it is not read from until it may send again
  close,  // Errc::rate_limit
};

// So much a second, as a token bucket.
struct RateLimit {
  std::size_t per_second = unlimited;
  // What may come at once after a pause; 0: as much as in a second.
  std::size_t burst = 0;
  RateExceeded when_exceeded = RateExceeded::delay;
};

// A time is positive, or `never`; one that is not throws std::invalid_argument where the options are
// given.
struct StreamOptions {
  // Output strictly above this pauses; at or below the low mark it resumes. asyncio's figures.
  std::size_t high_watermark_bytes = 64 * 1024;
  std::size_t low_watermark_bytes = 16 * 1024;
  OutputHigh when_output_is_high = OutputHigh::stop_reading;
  // The most output that is kept for a peer that does not take it, and what happens then. One more
  // flush is tried first.
  std::size_t max_write_buffer_size = 16 * 1024 * 1024;
  SlowConsumer slow_consumer = SlowConsumer::abort;
  // What one receive takes at most. 72 KiB: a 64 KiB message with its header fits, so that the
  // receive comes back short and no second one is needed to find the socket empty. At most half of
  // max_buffer_size.
  std::size_t read_chunk_size = 72 * 1024;
  // An IOStream's reads: the most that one of them may ask for or collect. Tornado's figure.
  std::size_t max_buffer_size = 100 * 1024 * 1024;
  // What may be received, in bytes and, by Protocols that frame, in messages.
  std::optional<RateLimit> bytes_rate{};
  std::optional<RateLimit> message_rate{};
  // What all connections with this budget may keep; null: MemoryBudget::of_process(). It outlives
  // them.
  MemoryBudget* memory_budget = nullptr;
  // Where Protocols count what they do, as those of calls; outlives them. serve() says where. Null: nowhere.
  MetricsRegistry* metrics = nullptr;
  // Before on_connect: how long connecting, a PROXY header and a TLS handshake may take together.
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(10);
  // A connection on which no byte moves in either direction is closed (Errc::idle_timeout).
  std::chrono::milliseconds idle_timeout = never;
  // How long a message may take from its first byte to its last, however steadily they come
  // (Errc::message_timeout). For Protocols that frame; a read of an IOStream has its own deadline.
  std::chrono::milliseconds message_timeout = std::chrono::seconds(30);
  // How long output may wait without the peer taking a byte of it, before the connection is aborted
  // (Errc::write_timeout). nginx's send_timeout is twice as patient.
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);
  // The same after close() (Errc::close_timeout), and how long closing may take in all: a peer that
  // takes a byte now and then shall not hold it for ever.
  std::chrono::milliseconds close_timeout = std::chrono::seconds(30);
  std::chrono::milliseconds max_close_time = std::chrono::seconds(300);
  // After the last byte and FIN were sent: how long the peer's bytes are discarded, so that a reset
  // does not destroy what is on its way to the peer.
  std::chrono::milliseconds linger_timeout = std::chrono::seconds(2);
};

// For the side that asks: it goes on reading while its own output is high. Were both sides to wait
// with reading until the other one takes more, neither would go on.
inline StreamOptions client_stream_options() {
  StreamOptions options;
  options.when_output_is_high = OutputHigh::keep_reading;
  return options;
}

}  // namespace twister
