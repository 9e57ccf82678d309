// twister/relay.hpp - joins two streams, so that what one side sends the other receives.
//
//   twister::relay(std::move(client), std::move(backend));
//
// What a proxy does once it knows where to.
#pragma once

#include <cstdint>
#include <functional>
#include <system_error>

#include <twister/io_stream.hpp>

namespace twister {

struct RelayResult {
  std::uint64_t first_to_second_bytes = 0;
  std::uint64_t second_to_first_bytes = 0;
  // What ended it first; empty when both sides had said goodbye.
  std::error_code error{};
};

// Copies both ways until both sides have ended, then calls `done`, from the loop.
//
// A side is not read from while the other one's output is above its high-water mark, so a slow peer
// slows the fast one and memory stays bounded. The end of one side is passed on (FIN), and the other
// direction goes on; an error of one side resets the other, also after its goodbye. A stream that is still connecting may be
// relayed at once.
//
// Ownership: the relay owns the streams, and lives until both have ended. Both on the same loop.
void relay(IOStream first, IOStream second, std::function<void(const RelayResult&)> done = {});

}  // namespace twister
