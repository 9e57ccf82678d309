#include "stream_shared.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

namespace twister::detail {
namespace {

void require_positive(const char* name, std::chrono::milliseconds timeout) {
  if (timeout > std::chrono::milliseconds::zero()) return;
  throw std::invalid_argument("StreamOptions: " + std::string(name) +
                              " has to be positive; twister::never is for none");
}

// Puts right what can be meant in one way only, and refuses what makes no sense.
StreamOptions checked(StreamOptions options) {
  require_positive("handshake_timeout", options.handshake_timeout);
  require_positive("idle_timeout", options.idle_timeout);
  require_positive("message_timeout", options.message_timeout);
  require_positive("write_timeout", options.write_timeout);
  require_positive("close_timeout", options.close_timeout);
  require_positive("max_close_time", options.max_close_time);
  if (options.linger_timeout < std::chrono::milliseconds::zero()) {
    throw std::invalid_argument("StreamOptions: linger_timeout is negative");
  }
  options.low_watermark_bytes = std::min(options.low_watermark_bytes, options.high_watermark_bytes);
  // A read that is pending takes one chunk more than it needs, at the most.
  const std::size_t half = std::max<std::size_t>(options.max_buffer_size / 2, 1);
  options.read_chunk_size =
      std::clamp<std::size_t>(options.read_chunk_size, 1, std::min(half, receive_buffer_bytes));
  return options;
}

}  // namespace

StreamShared::StreamShared(const StreamOptions& options) : StreamOptions(checked(options)) {}

}  // namespace twister::detail
