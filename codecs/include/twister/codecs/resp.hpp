// twister/codecs/resp.hpp - Redis's protocol, RESP2: the server's side and the client's.
//
//   class Store : public MessageProtocol<RespCommands> {        // receives commands, sends replies
//     void on_message(std::span<const std::string_view> command) override { ... }
//   };
//   class Client : public MessageProtocol<RespReplies> {        // sends commands, receives replies
//     void on_connect() override { send({"GET", "key"}); }
//     void on_message(RespReply reply) override { use(reply.text()); }
//   };
//
// When not to use it: for a protocol of your own, LengthPrefixed is smaller and faster. RESP3's
// types, which a client asks for by HELLO 3, are not read: answer that with -NOPROTO.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/lines.hpp"
#include "twister/codecs/resp_value.hpp"
#include "twister/codecs/resp_writer.hpp"

namespace twister {

// Commands as people type them to nc or telnet: one a line.
enum class InlineCommands : std::uint8_t {
  accept,
  refuse,  // malformed: so that no other protocol's request, HTTP's for instance, is taken for commands
};

struct RespOptions {
  // All texts of a message together, without their headers; both directions. Redis takes 512 MiB in
  // each bulk string and as many as there are items: a peer that promised them could have us keep
  // them on every connection. A store of larger values says so.
  std::size_t max_frame_bytes = 1024 * 1024;
  // The arguments of a command, the items of a reply on all its levels; both directions. Redis takes
  // 1 048 576; each costs up to 32 bytes here, however short it is, hence 2 MiB at most.
  std::size_t max_items = 64 * 1024;
  // An inline command, a simple string or an error, without its end; both directions. As in Redis.
  std::size_t max_line_bytes = 64 * 1024;
  // Levels of arrays in a reply; [] is one level, a number none. At most 1000. Redis's own replies
  // have fewer than ten.
  std::size_t max_depth = 32;
  // Of what a server receives.
  InlineCommands inline_commands = InlineCommands::accept;
};

// The server's side: receives commands, sends replies.
//
//      * 2 \r \n   $ 3 \r \n G E T \r \n   $ 3 \r \n k e y \r \n       an array of bulk strings
//      G E T   " k e y " \r \n                                         the same, inline
//
// Received is the command's name and its arguments, at least one. What answers nothing in Redis is
// stepped over here: an empty array, one whose count is negative, an empty line. An inline command ends with LF or
// CRLF; its words are split as redis-cli does: "..." with \n \r \t \b \a \xHH and \ before any other
// byte, '...' with \' alone, and a blank behind the closing quote.
//
// Numbers are decimal, without leading zeros, blanks or a plus, and lines end with CRLF, where other
// servers are less strict. The specification is https://redis.io/docs/reference/protocol-spec.
//
// Limits: judged on the header lines; exactly the limit passes. A command that arrives in pieces is
//   parsed once: what was parsed is remembered by its place. What is stepped over is no message: a
//   limit on messages (StreamOptions::message_rate) does not count it, one on bytes does.
// Errors: malformed_resp with the byte of the command where it shows; frame_too_long, too_many_items,
//   line_too_long. Nothing is skipped: behind a header that is not believed nobody knows where the
//   next command begins. Encoding also too_deep, and embedded_delimiter for a carriage return or line
//   feed in a simple string or an error.
// Ownership: the arguments are views into the input of the decode() that found the command, those
//   of an inline command that were quoted into the codec; valid until the next decode().
class RespCommands {
 public:
  using Message = RespValue;
  using Received = std::span<const std::string_view>;

  RespCommands() : RespCommands(RespOptions{}) {}
  // Throws std::invalid_argument for a max_depth over 1000 and a max_items of 0.
  explicit RespCommands(const RespOptions& options);

  DecodeResult decode(ByteView input);
  std::span<const std::string_view> message() const noexcept { return args_; }
  // A RespWriter writes the same without a value.
  CodecError encode(const RespValue& reply, ByteBuffer& out) const;
  CodecError finish(ByteView rest) const noexcept;
  // What went wrong in Redis's words, where it has some, for the client to read: "invalid bulk length"
  // for instance. Otherwise the message of the error.
  std::string error_text() const;
  // Nobody looks at message() any more: gives memory back that a large command took.
  void forget() noexcept;

 private:
  DecodeResult decode_array(ByteView input);
  DecodeResult decode_line(ByteView input);
  CodecError split(std::string_view line);
  DecodeResult pause(ByteView input, std::size_t needed = 0);
  // What Redis has words for.
  enum class Fault : std::uint8_t { other, count, type, length, line, quotes };
  DecodeResult fail(const CodecError& error, Fault fault = Fault::other);

  RespOptions options_;
  Lines lines_;  // of inline commands
  CodecError error_;
  Fault fault_ = Fault::other;
  char found_ = '\0';  // where there should have been a $
  std::vector<std::string_view> args_;
  // Of an array that is not complete:
  std::vector<std::size_t> offsets_;  // where the arguments begin that earlier calls found
  std::size_t missing_ = 0;           // arguments still to come
  std::size_t at_ = 0;                // where the next one's header is
  std::size_t text_bytes_ = 0;        // of all arguments so far
  std::string unquoted_;
};

// A command to send: its name and its arguments. send({"SET", "key", "value"}) makes one.
//
// Ownership: refers to the texts and to the list of them; for the call alone.
class RespCommand {
 public:
  RespCommand(
      std::span<const std::string_view> args) noexcept  // NOLINT(google-explicit-constructor)
      : args_(args) {}
  RespCommand(std::initializer_list<std::string_view> args) noexcept
      : RespCommand(std::span(args.begin(), args.size())) {}

  std::span<const std::string_view> args() const noexcept { return args_; }

 private:
  std::span<const std::string_view> args_;
};

// The client's side: sends commands, receives replies.
//
//      * 2 \r \n   : 1 \r \n   $ 3 \r \n k e y \r \n       an array of an integer and a bulk string
//
// A reply answers the oldest command that has none, but for the arrays that a server sends by itself
// to who has subscribed. Numbers and lines are judged as on the server's side.
//
// Limits: as there; a reply that arrives in pieces is parsed once, and nothing recurses.
// Errors: as there, and too_deep. Encoding also unencodable, for a command without a name: a server
//   would not answer it, and every later reply would answer the wrong command.
// Ownership: a reply is a view into the input of the decode() that found it.
class RespReplies {
 public:
  using Message = RespCommand;
  using Received = RespReply;

  RespReplies() : RespReplies(RespOptions{}) {}
  // Throws as RespCommands does.
  explicit RespReplies(const RespOptions& options);

  DecodeResult decode(ByteView input);
  RespReply message() const noexcept { return {nodes_.data(), frame_}; }
  CodecError encode(const RespCommand& command, ByteBuffer& out) const;
  CodecError finish(ByteView rest) const noexcept;
  // As RespCommands::forget().
  void forget() noexcept;

 private:
  // An array that is not complete.
  struct Open {
    std::size_t node;
    std::size_t missing;
  };
  enum class Step : std::uint8_t { more, incomplete, failed };

  Step decode_item(ByteView input);
  Step decode_line(ByteView input, RespType type);
  Step decode_bulk(ByteView input, std::size_t header, std::int64_t length);
  Step decode_array(std::size_t header, std::int64_t count);
  Step add(const detail::RespNode& node, std::size_t end);
  Step fail(CodecErrc code, std::uint64_t size, std::uint64_t limit = 0);

  RespOptions options_;
  CodecError error_;
  std::vector<detail::RespNode> nodes_;
  std::vector<Open> open_;      // outermost first
  std::size_t at_ = 0;          // what is in front of it has been parsed
  std::size_t scanned_ = 0;     // bytes of the line at at_ that hold no line end
  std::size_t needed_ = 0;      // to complete a bulk string
  std::size_t items_ = 0;       // in all arrays so far
  std::size_t text_bytes_ = 0;  // in all texts so far
  ByteView frame_;
};

}  // namespace twister
