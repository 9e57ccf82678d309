// twister/io_stream.hpp - a connection held in a variable, for code that is no Protocol class.
//
//   twister::IOStream stream(loop, std::move(transport));
//   stream.write("GET / HTTP/1.0\r\n\r\n");
//   stream.read_until("\r\n\r\n", [](std::error_code error, twister::ByteView header) { ... });
//
// A server that makes one object per connection wants a Protocol instead. The same reads for
// coroutines are in <twister/asio.hpp>.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <twister/address.hpp>
#include <twister/clock.hpp>
#include <twister/codecs/byte_view.hpp>
#include <twister/error.hpp>
#include <twister/protocol.hpp>
#include <twister/protocol_factory.hpp>
#include <twister/stream_options.hpp>
#include <twister/transport.hpp>

namespace twister {

class IOLoop;

// How a read ended. Without an error `data` is what was asked for, valid during the call. With one
// it is empty, and what has arrived can still be read.
using ReadHandler = std::function<void(std::error_code error, ByteView data)>;

struct ReadOptions {
  // read_until, read_until_regex: the delimiter or match has to end within so many bytes.
  std::size_t max_bytes = 64 * 1024;
  // When it has passed, the read ends with Errc::read_timeout and the stream goes on. Zero: never.
  Duration timeout = Duration::zero();
  // read_bytes, read_into: any number of bytes will do, but one at least.
  bool partial = false;
};

// What a search of read_until_regex() says.
struct MatchResult {
  enum class Status { found, not_yet, failed };
  Status status = Status::not_yet;
  // found: behind the match. not_yet: no match can begin before this.
  std::size_t position = 0;
  std::error_code error;  // failed: why
};
// Looks for a match in `text` that begins at `from` or later. `complete`: no more text will come.
using Matcher = std::function<MatchResult(std::string_view text, std::size_t from, bool complete)>;

// A duplex stream of bytes, read by requests: Tornado's IOStream.
//
// One read at a time; a second ends with Errc::already_reading and leaves the first alone. Handlers
// are called once, from the loop, never inside the call that starts the read. A read that fails
// takes nothing: its bytes are there for the next one, also after the connection has ended.
// While no read is pending, what arrives stays in the kernel, but for one chunk; the peer's end is
// noticed once everything before it has been read.
//
// A read ends with
//   Errc::end_of_stream       the peer has ended the stream and nothing is left
//   Errc::truncated_message   the same, in the middle of what was asked for
//   Errc::read_limit          a limit is broken; if it was the peer who did, the stream closes
//   Errc::read_timeout, Errc::read_cancelled
//   the reason of the connection's end
//
// Ownership: owns the connection; destroying it, or assigning over it, closes as close() does: what
//   was written is sent, and the callbacks are not called any more. It may be destroyed inside its
//   own callbacks.
// Threads: the loop's. Limits: those of StreamOptions.
// Errors: an exception from a callback is logged and aborts the connection.
class IOStream {
 public:
  // No connection: not open, reads are not answered, and every other verb has no effect.
  IOStream() = default;
  IOStream(IOLoop& loop, std::unique_ptr<Transport> transport,
           const StreamOptions& options = client_stream_options());
  // Connects to `address`. What is written meanwhile follows; `opened` is called once, from the loop,
  // when the connection is there, or with the reason why it is not. Names: TcpClient.
  static IOStream connect(IOLoop& loop, const Address& address,
                          std::function<void(std::error_code)> opened = {},
                          const StreamOptions& options = client_stream_options());
  ~IOStream();
  IOStream(IOStream&& other) noexcept = default;
  IOStream& operator=(IOStream&& other) noexcept;

  // Reads exactly `count` bytes; more than StreamOptions::max_buffer_size is Errc::read_limit and closes
  // the stream, since such a number mostly comes from the peer.
  void read_bytes(std::size_t count, ReadHandler handler, const ReadOptions& options = {});
  // Hands `count` bytes over as they arrive, then calls the handler. There is no limit on `count`.
  void read_bytes(std::size_t count, std::function<void(ByteView)> on_chunk, ReadHandler handler,
                  const ReadOptions& options = {});
  // Reads up to the end of the first `delimiter`, which is part of the data.
  void read_until(std::string_view delimiter, ReadHandler handler, const ReadOptions& options = {});
  // Reads up to the end of the first match, a Regex's of <twister/regex.hpp>. With the regex's own
  // error when its search was given up; the bytes stay.
  void read_until_regex(Matcher regex, ReadHandler handler, const ReadOptions& options = {});
  // Fills `room`, which has to stay until the handler is called, with a view of what was filled.
  void read_into(std::span<std::byte> room, ReadHandler handler, const ReadOptions& options = {});
  // Reads all that comes until the peer ends the stream; any other end is an error.
  void read_until_close(ReadHandler handler);
  // Hands every chunk over as it arrives, then calls the handler, if there is one, without data.
  void read_until_close(std::function<void(ByteView)> on_chunk, ReadHandler handler = {});
  // Ends the pending read with Errc::read_cancelled. No byte is lost, and the next may start now.
  void cancel_read();
  bool reading() const noexcept;
  // cancel_read() for the read that was begun last, and no other, as a function to keep: it does
  // nothing once that read is over, when it was refused, or when the stream is gone.
  std::function<void()> read_canceller() const;

  // Calls the function, from the loop, when output is not above the high-water mark or has come down
  // to the low one: at once, unless write() has said `paused`. With an error when the connection has
  // ended before. Any number of functions may wait.
  void when_drained(std::function<void(std::error_code)> function);
  // Ends the wait that was begun last, and no other, with std::errc::operation_canceled; a function
  // to keep, which does nothing once that wait is over or the stream is gone.
  std::function<void()> drain_canceller() const;

  // Calls the function, from the loop, when the connection is established: at once, if it is. With
  // the reason when it never will be. Tornado's wait_for_handshake.
  void when_open(std::function<void(std::error_code)> function);
  // Changes to TLS in the middle of the conversation; `tls` is a TlsServerContext, or
  // TlsClientContext::layer(). Calls the function when hands are shaken. No read may be pending
  // (Errc::already_reading), no input unread (Errc::unread_input), and no other handshake under way
  // (std::errc::operation_in_progress): then the function is told, and the stream goes on as it was. A
  // handshake that fails ends the stream. While the stream is still connecting, it waits for that.
  void start_tls(const TransportLayer& tls, std::function<void(std::error_code)> function);

  // A function to keep, for whatever serves the stream to end with; spawn_streams() uses it. An
  // exception is logged and aborts the connection, as one from a callback does; without one it does
  // nothing. An error of the stream itself, which a read has thrown, is the reason of the end and is not
  // logged again.
  std::function<void(std::exception_ptr)> failure_handler() const;

  // Told once, from the loop, when the connection has ended. One slot; the last wins.
  void set_close_callback(std::function<void(const CloseReason&)> callback);

  // As the Protocol's verbs of these names.
  WriteStatus write(ByteView bytes);
  WriteStatus write(std::string_view text) { return write(as_bytes(text)); }
  WriteStatus write(const SharedBytes& bytes);
  WriteStatus write_droppable(const SharedBytes& bytes);
  // Calls the function, from the loop, when all that was written so far was taken by the kernel, or
  // with the reason why it never will be. In the order of the calls. Flow control is when_drained().
  void when_sent(std::function<void(std::error_code)> function);
  void close(std::error_code error = {});
  void abort();
  void shutdown_write();
  // What becomes of the stream when the peer has ended its side: it closes behind what was written,
  // or, `true`, it stays open for writing until close() or its destruction. In that case a server
  // that drains ends the reads, and not the stream.
  void set_keep_open(bool on);
  // For reads that hand over chunks: nothing arrives in between.
  void pause_reading();
  void resume_reading();

  // The loop it was made on; there has to be a connection, or to have been one.
  IOLoop& loop() const noexcept;
  bool is_open() const noexcept;
  // True while bytes are waiting for the kernel.
  bool writing() const noexcept;
  // Why the connection ended; empty before that, and after a clean end.
  std::error_code error() const noexcept;
  Address peer_address() const;
  // As the Protocol's verbs of these names, while there is a connection.
  Address local_address() const;
  void set_no_delay(bool on);
  void set_keep_alive(const std::optional<KeepAlive>& options);
  std::chrono::milliseconds set_idle_timeout(std::chrono::milliseconds timeout);
  int native_handle() const noexcept;
  // As Protocol::transport(); null when there is no connection.
  const Transport* transport() const noexcept;

 private:
  friend ProtocolFactory handle_streams(std::function<void(IOStream)> handler);

  class Adapter;
  class State;

  explicit IOStream(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
  // Null when there is no connection, or not any more.
  Adapter* connected() const noexcept;

  std::shared_ptr<State> state_;
};

// For a server whose connections are streams: a factory that hands each one, connected, to
// `handler`, in the place of a class. The stream closes when the handler lets go of it.
//
//   TcpServer server(loop, ":8888", handle_streams([](IOStream stream) { ... }));
//
// Coroutines: spawn_streams() in <twister/asio.hpp>.
ProtocolFactory handle_streams(std::function<void(IOStream)> handler);

}  // namespace twister
