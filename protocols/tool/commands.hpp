// commands.hpp - what the program does.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arguments.hpp"
#include "console.hpp"
#include "exit_code.hpp"

namespace twister::tool {

// Each is given what is behind its name; the option "help" is answered before, and the words are as many as they
// have to be.
struct Command {
  std::string_view name;
  std::string_view summary;
  std::span<const Option> options;
  std::span<const std::string_view> words;  // as Arguments::expect() takes them
  std::string (*help)();
  ExitCode (*run)(Console& console, const Arguments& arguments);
};

extern const Command call_command;
extern const Command list_command;
extern const Command connect_command;

// The other wire of `call`: METHOD is any name, and `params` a JSON text, an array or an object.
struct JsonRpcCall {
  std::string address;
  std::string method;
  std::string params;
  std::string framing;
  std::optional<std::chrono::milliseconds> timeout;
  bool verbose;
};
ExitCode call_json_rpc(Console& console, const JsonRpcCall& call);

}  // namespace twister::tool
