// twister/protocols/line_protocol.hpp - conversations in lines of text.
//
//   class Greeter : public twister::LineProtocol {
//     void on_line(std::string_view line) override { send_line("hello " + std::string(line)); }
//   };
#pragma once

#include <string_view>

#include <twister/codecs/lines.hpp>
#include <twister/protocols/message_protocol.hpp>

namespace twister {

extern template class MessageProtocol<Lines>;

// Lines end with LF; a CR before it is dropped, so that both kinds of peer are understood.
//
// Limits: a line of more than max_line_bytes (64 KiB unless told) closes the connection.
class LineProtocol : public MessageProtocol<Lines> {
 public:
  LineProtocol() = default;
  explicit LineProtocol(const LinesOptions& options) : MessageProtocol(Lines(options)) {}

  // A line without its end.
  virtual void on_line(std::string_view line) = 0;

  // Sends `line` and a LF. `refused` if there is a line feed in it, or if it is longer than
  // max_line_bytes: one that was received and something before it may be.
  WriteStatus send_line(std::string_view line) { return send(as_bytes(line)); }

 private:
  void on_message(ByteView line) final { on_line(as_text(line)); }
};

}  // namespace twister
