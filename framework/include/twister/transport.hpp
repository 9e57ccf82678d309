// twister/transport.hpp - the seam between a stream and what carries its bytes.
//
// A socket, a memory pipe and a fault injector are transports; everything above (IOStream,
// Protocol, TcpServer) runs over any of them. Users meet this header when they write a transport of
// their own; memory_transport.hpp has one inside a program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <system_error>

#include <twister/address.hpp>
#include <twister/codecs/byte_view.hpp>
#include <twister/peer_identity.hpp>

namespace twister {

// What has become possible on a transport. Flags can be combined.
enum class Readiness : unsigned {
  none = 0,
  readable = 1,  // receive() would say something: bytes, end of stream or an error
  writable = 2,  // send() would take something
  hangup = 4,    // end of stream or an error waits behind the bytes: read until it shows
  failed = 8,    // the connection is broken (a reset): it need not wait for a paused reader
};
constexpr Readiness operator|(Readiness a, Readiness b) noexcept {
  return static_cast<Readiness>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(Readiness set, Readiness flag) noexcept {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(flag)) != 0;
}

// Whom a transport tells. Called by the loop, never from inside a call to the transport.
class TransportEvents {
 public:
  virtual void on_ready(Readiness readiness) = 0;

 protected:
  ~TransportEvents() = default;
};

// What one receive() or send() did.
struct IoResult {
  enum class Status { ok, would_block, end_of_stream, failed };
  Status status = Status::ok;
  std::size_t bytes = 0;  // ok: how many, at least one
  std::error_code error;  // failed: why
  bool more = false;      // ok: there is more to be received, although the room was not filled
};

// A duplex byte stream that never blocks.
//
// Readiness is edge-triggered: after a receive() that returned fewer bytes than it was offered (and
// did not say `more`), or would_block, the transport calls on_ready() once more bytes (or the end) arrive; likewise after a
// send() that took less than it was given.
//
// Threads: belongs to one loop.
class Transport {
 public:
  virtual ~Transport() = default;  // closes, without a reset if it can be helped

  // Begins to report to `events`, which outlives the transport or is silenced by close() or
  // reset(). Called again when a layer is put between: the new `events` take the place of the old.
  virtual void start(TransportEvents& events) = 0;
  // True when bytes of the user can flow: after connecting, a PROXY header, a TLS handshake.
  virtual bool established() const noexcept { return true; }
  // Goes on with what has to happen before that. Called after start(), and for every on_ready()
  // until it says something other than would_block: `ok`, `failed`, or `end_of_stream` when the peer
  // left before. Until then receive() and send() say would_block.
  virtual IoResult establish() { return {}; }
  // Receives at most `room.size()` bytes.
  virtual IoResult receive(std::span<std::byte> room) = 0;
  // Sends from the pieces in order; may take less than there is.
  virtual IoResult send(std::span<const ByteView> pieces) = 0;
  // Sends FIN behind what was sent.
  virtual void shutdown_send() = 0;
  // What send() took and has not sent yet: bytes of a layer that had to change them.
  struct Unsent {
    std::size_t bytes = 0;
    std::uint64_t sent = 0;  // grows whenever some of them leave
  };
  virtual Unsent unsent() const noexcept { return {}; }
  // What has arrived and waits for receive(), as far as that is known; where a layer changes bytes, before it
  // does.
  virtual std::size_t unread_bytes() const noexcept { return 0; }
  // Closes now; nothing is reported any more.
  virtual void close() noexcept = 0;
  // Closes with a reset: the peer sees the connection break.
  virtual void reset() noexcept = 0;
  // Who is at the other end.
  virtual Address peer_address() const = 0;
  // Who that is, as far as it was proved: never for what changes, or passes on, somebody else's bytes.
  virtual PeerIdentity peer_identity() const { return {}; }
  // What the peer connected to, or was connected from; Family::none when that is not known.
  virtual Address local_address() const { return {}; }
  // The socket underneath, or -1.
  virtual int native_handle() const noexcept { return -1; }
};

// Puts something around a transport that changes its bytes on their way: TLS, faults. What it throws
// costs the connection.
using TransportLayer = std::function<std::unique_ptr<Transport>(std::unique_ptr<Transport>)>;

}  // namespace twister
