#include "twister/error.hpp"

#include <string>

namespace twister {
namespace {

class StreamCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "twister.stream"; }

  std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::reset:
        return "connection reset by the peer";
      case Errc::aborted_here:
        return "connection aborted here";
      case Errc::closed_here:
        return "connection closed here";
      case Errc::read_limit:
        return "read limit exceeded";
      case Errc::write_limit:
        return "write limit exceeded: slow consumer";
      case Errc::close_timeout:
        return "output was not taken in time after close";
      case Errc::rate_limit:
        return "rate limit exceeded";
      case Errc::memory_limit:
        return "the memory for connections is used up";
      case Errc::write_timeout:
        return "output was not taken in time";
      case Errc::idle_timeout:
        return "the connection was idle for too long";
      case Errc::message_timeout:
        return "a message took too long to arrive";
      case Errc::handshake_timeout:
        return "the handshake took too long";
      case Errc::refused:
        return "the connection was refused";
      case Errc::unread_input:
        return "bytes in clear text arrived ahead of the handshake";
      case Errc::unsent_output:
        return "output in clear text was not taken ahead of the handshake";
      case Errc::callback_threw:
        return "a callback threw";
      case Errc::truncated_message:
        return "the peer ended the stream inside a message";
      case Errc::server_draining:
        return "the server is shutting down";
      case Errc::server_gone:
        return "the server was destroyed";
      case Errc::loop_stopped:
        return "the loop was destroyed";
      case Errc::end_of_stream:
        return "the peer has ended the stream";
      case Errc::already_reading:
        return "another read is pending";
      case Errc::read_cancelled:
        return "the read was cancelled";
      case Errc::read_timeout:
        return "the deadline of the read passed";
      case Errc::connect_timeout:
        return "no connection within the timeout";
      case Errc::lookup_failed:
        return "the name could not be resolved";
      case Errc::handed_over:
        return "handed over to another Protocol";
    }
    return "unknown error";
  }

  std::error_condition default_error_condition(int code) const noexcept override {
    switch (static_cast<Errc>(code)) {
      case Errc::reset:
      case Errc::aborted_here:
      case Errc::closed_here:
      case Errc::server_draining:
      case Errc::server_gone:
      case Errc::loop_stopped:
      case Errc::end_of_stream:
        return Condition::gone;
      case Errc::read_limit:
      case Errc::write_limit:
      case Errc::rate_limit:
      case Errc::memory_limit:
        return Condition::limit;
      case Errc::close_timeout:
      case Errc::write_timeout:
      case Errc::idle_timeout:
      case Errc::message_timeout:
      case Errc::handshake_timeout:
      case Errc::read_timeout:
      case Errc::connect_timeout:
        return Condition::timed_out;
      case Errc::truncated_message:
      case Errc::unread_input:
        return Condition::malformed;
      case Errc::refused:
        return Condition::refused;
      case Errc::read_cancelled:
        return std::errc::operation_canceled;
      case Errc::callback_threw:
      case Errc::unsent_output:
      case Errc::already_reading:
      case Errc::lookup_failed:
      case Errc::handed_over:
        break;
    }
    return std::error_category::default_error_condition(code);
  }
};

}  // namespace

const std::error_category& stream_category() noexcept {
  static const StreamCategory category;
  return category;
}

std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), stream_category()};
}

std::string CloseReason::message() const {
  // A codec's detail says all that its code does, with the numbers.
  if (code.category() == codec_category() && !detail.empty()) return detail;
  std::string text = code ? code.message() : "closed by the peer";
  if (!detail.empty()) text += ": " + detail;
  return text;
}

}  // namespace twister
