// twister/memory_transport.hpp - connections inside a program, without a network.
//
//   auto [ours, theirs] = twister::memory_transport_pair(loop);
//   server.add_connection(std::move(theirs));
//   twister::make_connection(loop, std::move(ours), std::make_unique<Caller>());
//
// Tests have a MemoryPeer as well: testing/memory_transport.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <twister/address.hpp>
#include <twister/transport.hpp>

namespace twister {

class IOLoop;

struct MemoryTransportOptions {
  // What one direction holds before its sender has to wait, as a socket's buffers do.
  std::size_t capacity_bytes = 64 * 1024;
  // What each end says of the other.
  Address first_address = Address::parse("127.0.0.1:50001");
  Address second_address = Address::parse("127.0.0.1:50002");
};

// Two transports, joined: what one sends the other receives, in order, with FIN and reset. Both
// belong to the loop.
std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>> memory_transport_pair(
    IOLoop& loop, const MemoryTransportOptions& options = {});

}  // namespace twister
