// src/stream_extras.hpp - the part of a stream that is made when it is needed, so that an idle connection
// does without.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/memory_budget.hpp>

#include "handle_core.hpp"
#include "stream.hpp"
#include "token_bucket.hpp"

namespace twister::detail {

// What was received, against the limits; see stream_limits.cpp.
struct Stream::Rates {
  std::optional<TokenBucket> bytes;
  std::optional<TokenBucket> messages;
};

// A change to another Protocol, and what the former has left for it.
struct Stream::Handover {
  std::unique_ptr<Protocol> next;  // null once it is there
  ByteBuffer rest;
};

// What few connections need, or only at their end.
struct Stream::Extras {
  CloseReason reason;
  std::shared_ptr<const std::function<void(ByteView)>> on_chunk;
  std::function<void(const CloseReason&)> close_callback;
  std::shared_ptr<HandleCore> handle;
  std::unique_ptr<Arrival> arrival;  // while arriving
  Admission admission;
  std::unique_ptr<Handover> handover;
  TransportLayer early_layer;              // asked for before the connection was there
  std::function<void()> when_established;  // a layer that was added later
  // By the count of the bytes that have to be sent before.
  std::deque<std::pair<std::uint64_t, std::function<void(std::error_code)>>> when_sent;

  // When something has to have happened; see stream_deadlines.cpp.
  TimerId timer;
  TimePoint open_by = TimePoint::max();
  TimePoint close_by = TimePoint::max();
  TimePoint output_since{};
  std::uint64_t sent_then = 0;
  TimePoint message_since = TimePoint::max();
  TimePoint active_at{};
  std::uint64_t moved_then = 0;
  std::optional<std::chrono::milliseconds> idle_timeout;  // instead of that of the options

  // See stream_limits.cpp.
  std::unique_ptr<Rates> rates;
  TimerId hold_timer;
  MemoryBudget* budget = nullptr;
  std::size_t accounted_bytes = 0;
};

}  // namespace twister::detail
