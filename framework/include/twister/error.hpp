// twister/error.hpp - what can go wrong on a connection, in codes for logs and conditions for
// decisions.
//
//   void on_close(const twister::CloseReason& reason) override {
//     if (reason.code == twister::Condition::gone) return;  // the peer went away: nothing to tell
//     log(reason.message());
//   }
//
// Codes are many and exact; compare with the few `Condition`s (gone, limit, malformed, timed_out,
// refused) to decide what to do.
#pragma once

#include <string>
#include <system_error>

#include <twister/codecs/error.hpp>

namespace twister {

// Why a connection ended, or why something could not start.
enum class Errc {
  reset = 1,          // the peer, or the network, reset the connection
  aborted_here,       // abort() was called
  closed_here,        // close() was called without an error of its own
  read_limit,         // more unread input than the limit allows
  write_limit,        // a slow consumer: output would have grown past max_write_buffer_size
  rate_limit,         // more was received in a time than the limit allows
  memory_limit,       // all connections together keep more than they may, and this one much of it
  close_timeout,      // the deadline for flushing output after close() passed
  write_timeout,      // the peer took no byte of the output for too long
  idle_timeout,       // no byte moved in either direction for too long
  message_timeout,    // a message took too long to arrive
  handshake_timeout,  // connecting, or a handshake, took too long
  refused,            // the factory, or a limit, refused the connection
  unread_input,       // start_tls(): bytes came before the handshake that should come after it
  unsent_output,      // start_tls(): the peer does not take what was written before
  callback_threw,     // a callback of the user let an exception out
  truncated_message,  // the peer ended the stream inside a message
  server_draining,    // the server is shutting down
  server_gone,        // the server was destroyed
  loop_stopped,       // the loop was destroyed
  end_of_stream,      // a read: the peer has ended the stream, and nothing is left of it
  already_reading,    // a read: another one is pending on this stream
  read_cancelled,     // a read: cancel_read() was called
  read_timeout,       // a read: its deadline passed
  connect_timeout,    // a client: no connection within its timeout
  lookup_failed,      // a client: the name has no address, or nobody could say
  handed_over,        // switch_protocol(): the connection goes on with another Protocol
};

const std::error_category& stream_category() noexcept;
std::error_code make_error_code(Errc code) noexcept;

// What `on_close` is told.
//
// `code` is empty for a clean end by the peer: a goodbye is not an error. `detail` carries the
// numbers ("frame of 4294967295 bytes exceeds max_frame_bytes 1048576"), or the text of the
// exception, and may be empty.
struct CloseReason {
  std::error_code code;
  std::string detail;

  // True when the peer ended the stream and nothing was wrong.
  bool clean() const noexcept { return !code; }
  // One line for a log: the code's message and the detail.
  std::string message() const;
};

}  // namespace twister

template <>
struct std::is_error_code_enum<twister::Errc> : std::true_type {};
