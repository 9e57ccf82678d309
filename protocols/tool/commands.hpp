// commands.hpp - what the program does. Each is given the words behind its name.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "console.hpp"
#include "exit_code.hpp"

namespace twister::tool {

using Words = std::span<const std::string>;

ExitCode call(Console& console, Words words);
ExitCode list(Console& console, Words words);
ExitCode connect(Console& console, Words words);

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
