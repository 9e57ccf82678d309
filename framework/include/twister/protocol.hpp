// twister/protocol.hpp - one object per connection: the class that users write.
//
//   class Echo : public twister::Protocol {
//     void on_data(twister::ByteView data) override { write(data); }
//   };
//
// Not for framed messages: MessageProtocol (twister/protocols/message_protocol.hpp) hands over
// whole ones.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <twister/address.hpp>
#include <twister/codecs/byte_view.hpp>
#include <twister/error.hpp>
#include <twister/handle.hpp>
#include <twister/shared_bytes.hpp>
#include <twister/transport.hpp>

namespace twister {

class ByteBuffer;
class IOLoop;
class TcpServer;
struct KeepAlive;
struct StreamOptions;
namespace detail {
class Stream;
}

// What write() did with the bytes.
enum class WriteStatus {
  queued,   // taken
  paused,   // taken, and output is above the high-water mark: wait for on_write_resumed
  closed,   // not taken: the connection is closed or closing
  dropped,  // not taken: over the hard limit; see SlowConsumer for what becomes of the connection
  refused,  // not taken: the codec cannot encode this message; the connection goes on
};

// What becomes of the connection after the peer has ended its side.
enum class EofAction {
  close,      // send what is queued, then close
  keep_open,  // stay half-open; the Protocol closes by itself
};

// A connection's events and verbs.
//
// Events are called by the loop, never from inside a call made here: on_connect first and once,
// on_close last and exactly once, for every Protocol that was built. An exception from any of them
// is logged and costs this connection only. The verbs may be used from on_connect to the end of
// on_close; earlier, in a constructor, they throw std::logic_error.
//
// Ownership: the framework owns a Protocol and destroys it after on_close.
// Threads: the loop's; from elsewhere, use handle().
// Limits: output above 64 KiB pauses reading, above 16 MiB aborts (StreamOptions).
class Protocol {
 public:
  Protocol() = default;
  virtual ~Protocol();
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;

  // ---- events, to override ----

  // The connection is there. Reading starts when this returns.
  virtual void on_connect() {}
  // Bytes as they arrived, 1 to 72 KiB, or what another Protocol has left; valid during the call.
  virtual void on_data(ByteView data);
  // The peer has sent all it will send.
  virtual EofAction on_eof() { return EofAction::close; }
  // The connection is over. `reason.code` is empty after a clean end by the peer.
  virtual void on_close(const CloseReason& reason);
  // Output rose above the high-water mark: stop producing.
  virtual void on_write_paused() {}
  // Output fell to the low-water mark: go on.
  virtual void on_write_resumed() {}
  // The server is shutting down, and what had arrived was handled. The default says goodbye by
  // close(Errc::server_draining); an override may finish first, within the server's drain_timeout.
  virtual void on_drain();

  // ---- verbs ----

  // Queues bytes; they leave at the end of the loop's turn. Never throws, calls nothing back.
  WriteStatus write(ByteView bytes);
  WriteStatus write(std::string_view text) { return write(as_bytes(text)); }
  // Queues bytes that are shared, without copying them if they are large.
  WriteStatus write(const SharedBytes& bytes);
  // The same for what the next one replaces, a snapshot of a game: SlowConsumer::drop_oldest may drop it
  // while nothing of it has been sent.
  WriteStatus write_droppable(const SharedBytes& bytes);

  // Sends what is queued, then FIN, discards what still comes for a bounded time, and closes.
  // `error` becomes the reason (Errc::closed_here without one). Closing twice has no effect.
  void close(std::error_code error = {});
  // Drops what is queued and resets the connection.
  void abort();
  // Sends FIN behind what is queued; reading goes on. Writing is over.
  void shutdown_write();

  // Starts reading into the server's handle_stream, or into on_data where there is no server.
  // TcpServer's on_connect does this; a server that overrides it may choose another function.
  void read_until_close();
  // Starts reading into `on_chunk`.
  void read_until_close(std::function<void(ByteView)> on_chunk);
  // One more function to be told of the end, between on_close and the server's on_close. One slot;
  // the last wins.
  void set_close_callback(std::function<void(const CloseReason&)> callback);

  // Changes to TLS in the middle of the conversation (`tls` is a TlsServerContext, or
  // TlsClientContext::layer()): sends what was written, then shakes hands, then calls the function and
  // goes on. What is written meanwhile follows the handshake. Input that came ahead of the handshake
  // ends the connection (Errc::unread_input), and so does a peer that does not take the output at
  // once (Errc::unsent_output); a failed handshake does, as any error. Asked for before on_connect it
  // comes before that, and nothing may have been written. Throws std::logic_error during another one.
  void start_tls(const TransportLayer& tls, std::function<void()> established = {});

  // Changes to another Protocol in the middle of the conversation: at the end of this turn of the loop this
  // one hears on_close (Errc::handed_over), then `next` hears on_connect, and then, by on_data, what this
  // one has not consumed: `rest`, or all that a MessageProtocol has not decoded; no byte is lost or
  // read twice. Until then no more is delivered here. What was written before leaves before, and a
  // pause ends. A server keeps counting it as the same connection, and its hooks, like work that a
  // Handle posts, meet `next` from then on. Functions given to set_close_callback and when_sent stay,
  // one given to read_until_close does not. Closing first calls it off, and `next` is destroyed.
  // Throws std::invalid_argument for null, std::logic_error while another change is under way.
  void switch_protocol(std::unique_ptr<Protocol> next, ByteView rest = {});

  // Takes the place of StreamOptions::idle_timeout, from now on, and returns what it was.
  std::chrono::milliseconds set_idle_timeout(std::chrono::milliseconds timeout);

  // Stops delivering data; the peer is then slowed by TCP. Its FIN waits, its reset does not.
  void pause_reading();
  void resume_reading();

  // True until close(), abort() or the end of the connection.
  bool is_open() const noexcept;
  // Bytes written and not yet taken by the kernel.
  std::size_t queued_bytes() const noexcept;
  // Who is at the other end; also after the connection is gone.
  Address peer_address() const;
  // What the peer connected to: this end of the socket, or what a PROXY header names. Family::none where
  // that is not known, and once the socket is closed.
  Address local_address() const;
  // A reference to this connection that any thread may keep and use.
  Handle handle();
  IOLoop& loop() const;
  // The socket underneath, or -1 when it is none.
  int native_handle() const noexcept;
  // Changes a socket's options; ServerOptions and TcpClientOptions say what they are at first.
  void set_no_delay(bool on);
  void set_keep_alive(const std::optional<KeepAlive>& options);
  // What carries the bytes, or null before on_connect: for functions that know its kind, tls_info().
  const Transport* transport() const noexcept;

 protected:
  // ---- for Protocols that frame (MessageProtocol and its like) ----

  // Calls the function, from the loop, when all that was written so far was taken by the kernel, or
  // with the reason why it never will be.
  void when_sent(std::function<void(std::error_code)> function);
  // Runs a function as an event: what it throws is logged and costs this connection.
  void run_guarded(const std::function<void()>& work);
  const StreamOptions& stream_options() const;
  // close() with a text for the log.
  void close_with(CloseReason reason);
  // Takes the place of the reason that close() was given.
  void blame(CloseReason reason);
  // False once closed, paused, or held back by output above the high-water mark: keep what is left
  // and wait for on_reading_resumed().
  bool accepts_data() const noexcept;
  // To be called behind every message that was delivered: counts it (StreamOptions::message_rate), and
  // says what accepts_data() does.
  bool delivered_message();
  // write() without a copy: calls `encode` with the buffer of the output, to append to. If it
  // returns false or throws, the buffer is set back and nothing is written (`refused`). It must not
  // write.
  template <class Encode>
  WriteStatus write_in_place(Encode&& encode) {
    ByteBuffer* out = begin_write();
    if (out == nullptr) return WriteStatus::closed;
    bool encoded = false;
    try {
      encoded = encode(*out);
    } catch (...) {
      end_write(false);
      throw;
    }
    return end_write(encoded);
  }
  // How many bytes of a message that is not complete are kept; `anew` when it is another message
  // than at the last call. StreamOptions::message_timeout runs from there.
  void keeps_input(std::size_t bytes, bool anew);
  // kept_bytes() is not zero any more: counts for the memory budget.
  void account_input() noexcept;
  // Asks for the next bytes to be received straight into receive_buffer(), or, `false`, as usual.
  void receive_in_place(bool on) noexcept;

 private:
  friend class detail::Stream;
  friend class TcpServer;

  // Delivery goes on after it was held back: first what was kept, then the socket.
  virtual void on_reading_resumed() {}
  // Where the next bytes shall go, while receive_in_place(true). Empty: as usual.
  virtual std::span<std::byte> receive_buffer() { return {}; }
  // How many bytes were received and not yet handed on.
  virtual std::size_t kept_bytes() const noexcept { return 0; }
  // Gives them away: the connection goes on with another Protocol.
  virtual ByteBuffer take_kept();

  ByteBuffer* begin_write();
  WriteStatus end_write(bool keep);
  detail::Stream& stream() const;

  detail::Stream* stream_ = nullptr;
  TcpServer* server_ = nullptr;
};

}  // namespace twister
