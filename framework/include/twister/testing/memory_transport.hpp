// twister/testing/memory_transport.hpp - connections without a network.
//
//   twister::testing::MemoryPeer peer(loop, std::make_unique<Echo>());
//   peer.send("hello");
//   EXPECT_EQ(peer.take(), "hello");
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <twister/io_loop.hpp>
#include <twister/memory_transport.hpp>
#include <twister/protocol.hpp>
#include <twister/stream_options.hpp>
#include <twister/tcp_server.hpp>
#include <twister/transport.hpp>

namespace twister::testing {

using twister::memory_transport_pair;
using twister::MemoryTransportOptions;

// The far end of a connection, in a test's hands. Every call runs the loop until it is idle, so
// that what follows from it has happened when it returns.
//
// Ownership: destroying it closes its end.
class MemoryPeer {
 public:
  // Connects to a Protocol.
  MemoryPeer(IOLoop& loop, std::unique_ptr<Protocol> protocol, const StreamOptions& stream = {},
             const MemoryTransportOptions& options = {});
  // Connects to a server, through its factory and its hooks.
  explicit MemoryPeer(TcpServer& server, const MemoryTransportOptions& options = {});
  ~MemoryPeer();
  MemoryPeer(const MemoryPeer&) = delete;
  MemoryPeer& operator=(const MemoryPeer&) = delete;

  // Sends all of it, waiting for room by running the loop; what does not fit then stays unsent.
  // Returns how much was sent.
  std::size_t send(std::string_view bytes);
  std::size_t send(ByteView bytes) { return send(as_text(bytes)); }
  // Sends FIN.
  void end();
  // Breaks the connection.
  void reset();

  // Everything received since the last call.
  std::string take();
  // Stops receiving, so that the other side's output backs up; and goes on.
  void stop_receiving();
  void go_on_receiving();

  // True after the other side's FIN.
  bool ended() const noexcept;
  // True after a reset by the other side.
  bool was_reset() const noexcept;

 private:
  class End;

  IOLoop& loop_;
  std::unique_ptr<End> end_;
};

}  // namespace twister::testing
