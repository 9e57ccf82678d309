// inflate_into.hpp - where the size of what is inflated is limited, for every compressor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "twister/codecs/byte_buffer.hpp"
#include "twister/codecs/detail/rollback.hpp"
#include "twister/codecs/error.hpp"

namespace twister::detail {

// What one step of a decompressor came to.
struct InflateStep {
  enum class Status : std::uint8_t {
    full,   // the room is full; there may be more
    ended,  // that was all, and nothing is behind it
    bad,    // it cannot go on
  };

  std::size_t written = 0;
  Status status = Status::full;
  std::size_t position = 0;  // with bad: how far the compressed bytes were read
};

// Appends to `out` what `step`, given room, writes into it until it ends. The room doubles from
// `first_room`, and ends one byte behind the limit: who fills that is over it.
template <class Step>
CodecError inflate_into(ByteBuffer& out, std::size_t first_room, std::size_t limit, Step step) {
  Rollback rollback(out);
  CodecError error;
  for (std::size_t inflated = 0; !error;) {
    const std::size_t room = std::min(std::max(inflated, first_room), limit - inflated) + 1;
    const InflateStep result = step(out.prepare(room));
    out.commit(result.written);
    inflated += result.written;
    if (inflated > limit) {
      error = {CodecErrc::inflated_too_long, inflated, limit};
    } else if (result.status == InflateStep::Status::bad) {
      error = {CodecErrc::malformed_compression, result.position};
    } else if (result.status == InflateStep::Status::ended) {
      rollback.keep();
      return {};
    }
  }
  return error;
}

}  // namespace twister::detail
