// src/stream_shared.hpp - what the connections of one server share: their options, and what they
// count together.
#pragma once

#include <cstddef>
#include <cstdint>

#include <twister/counters.hpp>
#include <twister/stream_options.hpp>

namespace twister::detail {

// The receive buffer that all streams of a loop share. 72 KiB: see StreamOptions::read_chunk_size.
inline constexpr std::size_t receive_buffer_bytes = 72 * 1024;

// Behind the pointer that every stream has for its options: counting costs a stream no memory, and
// a message two additions.
//
// Threads: one loop's, as the streams; no other thread may read the counters.
struct StreamShared : StreamOptions {
  // Throws std::invalid_argument for options that make no sense.
  explicit StreamShared(const StreamOptions& options);

  mutable TrafficCounters traffic;
};

}  // namespace twister::detail
