// twister/io_stream.hpp - a connection held in a variable, for code that is no Protocol class.
//
//   twister::IOStream stream(loop, std::move(transport));
//   stream.read_until_close([&](twister::ByteView chunk) { stream.write(chunk); });
//   stream.set_close_callback([](const twister::CloseReason& why) { report(why.message()); });
//
// A server that makes one object per connection wants a Protocol instead.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <twister/address.hpp>
#include <twister/codecs/byte_view.hpp>
#include <twister/error.hpp>
#include <twister/protocol.hpp>
#include <twister/stream_options.hpp>
#include <twister/transport.hpp>

namespace twister {

class IOLoop;

// A duplex stream of bytes.
//
// Ownership: owns the connection; destroying it, or assigning over it, aborts, and the callbacks
//   are not called any more. It may be destroyed inside its own callbacks.
// Threads: the loop's. Limits: those of StreamOptions.
// Errors: an exception from a callback is logged and aborts the connection.
class IOStream {
 public:
  // No connection: not open, and every verb has no effect.
  IOStream() = default;
  IOStream(IOLoop& loop, std::unique_ptr<Transport> transport, const StreamOptions& options = {});
  ~IOStream();
  IOStream(IOStream&& other) noexcept = default;
  IOStream& operator=(IOStream&& other) noexcept;

  // Hands every chunk over as it arrives, until the close callback tells the end. Nothing is read
  // before.
  void read_until_close(std::function<void(ByteView)> on_chunk);
  // Told once, from the loop, when the connection has ended. One slot; the last wins.
  void set_close_callback(std::function<void(const CloseReason&)> callback);

  // As the Protocol's verbs of these names.
  WriteStatus write(ByteView bytes);
  WriteStatus write(std::string_view text) { return write(as_bytes(text)); }
  WriteStatus write(const SharedBytes& bytes);
  void close(std::error_code error = {});
  void abort();
  void shutdown_write();
  void pause_reading();
  void resume_reading();

  bool is_open() const noexcept;
  // True while bytes are waiting for the kernel.
  bool writing() const noexcept;
  // Why the connection ended; empty before that, and after a clean end.
  std::error_code error() const noexcept;
  Address peer_address() const;
  int native_handle() const noexcept;

 private:
  class Adapter;
  struct State;

  explicit IOStream(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
  bool is_connected() const noexcept;

  std::shared_ptr<State> state_;
};

}  // namespace twister
