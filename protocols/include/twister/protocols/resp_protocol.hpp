// twister/protocols/resp_protocol.hpp - a server for Redis's clients, with commands of your own.
//
//   class Counter : public twister::RespProtocol {
//     void on_command(twister::RespArgs command, twister::RespWriter& reply) override {
//       if (command[0] != "COUNT") throw twister::RespError("ERR I can only COUNT");
//       reply.integer(++count_);
//     }
//     int count_ = 0;
//   };
//
// Not for clients: MessageProtocol<RespReplies> (twister/codecs/resp.hpp) sends commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <twister/codecs/resp.hpp>
#include <twister/protocols/message_protocol.hpp>

namespace twister {

// The name of a command, as it was sent, and what follows it.
using RespArgs = std::span<const std::string_view>;

// Why a command is not carried out, for the client to read. The first word is a code: "ERR" unless
// there is a better one, "WRONGTYPE" for instance. A NUL, at which the text of an exception would end,
// becomes a blank, as a carriage return and a line feed do.
class RespError : public std::runtime_error {
 public:
  explicit RespError(std::string text);
};

// Redis's text for a command that has too many arguments, or too few.
RespError wrong_number_of_arguments(std::string_view command);
// The same for what follows CONFIG or CLIENT, say, and is not known.
RespError unknown_subcommand(std::string_view command, std::string_view subcommand);

// An argument that is a word in small or capital letters, in small ones (ASCII).
std::string resp_lower(std::string_view text);

// An argument that has to be a number. Throws RespError with Redis's text.
std::int64_t resp_integer(std::string_view text);

extern template class MessageProtocol<RespCommands>;

// Answers commands one by one; the answers to all that came at once leave together.
//
// Errors: a RespError is answered, in the place of what was written, and the connection goes on; what
//   is no RESP is answered by "ERR Protocol error: " and Redis's words, where it has some, before the
//   connection closes.
class RespProtocol : public MessageProtocol<RespCommands> {
 public:
  RespProtocol() = default;
  explicit RespProtocol(const RespOptions& options) : MessageProtocol(RespCommands(options)) {}

  // What is written to `reply` is sent when this returns, behind what was sent by write() meanwhile.
  // Nothing written is no answer at all.
  virtual void on_command(RespArgs command, RespWriter& reply) = 0;

  // As Protocol::close(). From inside on_command, the reply still leaves.
  void close(std::error_code error = {});

 private:
  void on_message(RespArgs command) final;
  void on_message_error(const CodecError& error) override;

  std::optional<std::error_code>* closes_ =
      nullptr;  // during on_command: what close() has asked for
};

namespace detail {

// Finds names in any case.
class RespNames {
 public:
  void add(std::string_view lower_case_name);
  // The position of the name among those added; how many they are if it is not one of them.
  std::size_t find(std::string_view name) const noexcept;

 private:
  std::vector<std::string_view> names_;
  std::vector<std::size_t> slots_;  // by hash: a position, or how many names there are
};

RespError unknown_command(RespArgs command);

}  // namespace detail

// The commands of a class of sessions, by name.
//
//   static const twister::RespCommandTable<Session> commands = {
//       {"get", 2, [](Session& s, twister::RespArgs args, twister::RespWriter& reply) { ... }},
//   };
//   commands.find(command).run(*this, command, reply);
template <class Session>
class RespCommandTable {
 public:
  struct Command {
    std::string_view name;  // in lower case; outlives the table
    int arguments;          // with the name; -2 is two or more, as Redis says it
    void (*run)(Session& session, RespArgs command, RespWriter& reply);
    int kind = 0;  // yours to define
  };

  RespCommandTable(std::initializer_list<Command> commands) : commands_(commands) {
    for (const Command& command : commands_) names_.add(command.name);
  }

  // Throws RespError, in Redis's words, when there is no such command or it takes another number of
  // arguments. The name may be in any case.
  const Command& find(RespArgs command) const {
    const std::size_t at = names_.find(command[0]);
    if (at == commands_.size()) throw detail::unknown_command(command);
    const int expected = commands_[at].arguments;
    const auto least = static_cast<std::size_t>(expected < 0 ? -expected : expected);
    if (command.size() < least || (expected > 0 && command.size() > least)) {
      throw wrong_number_of_arguments(commands_[at].name);
    }
    return commands_[at];
  }

  const std::vector<Command>& commands() const noexcept { return commands_; }

 private:
  std::vector<Command> commands_;
  detail::RespNames names_;
};

}  // namespace twister
