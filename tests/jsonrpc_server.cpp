// jsonrpc_server: a server for outside testing. Serves what the examples of the specification call, and
// what clients and hostile peers are tried with.
//   jsonrpc_server [--framing lines|lp32|content-length|json-texts] [--max-message-bytes N]
//                  [--host HOST] [--port PORT] [--threads N] and what else serve_main takes
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/io_loop.hpp>
#include <twister/rpc/json_rpc.hpp>
#include <twister/serve.hpp>

namespace {

using nlohmann::json;

void add_methods(twister::JsonRpcMethods& methods) {
  methods.on("subtract", {"minuend", "subtrahend"}, [](json minuend, json subtrahend) -> json {
    if (minuend.is_number_integer() && subtrahend.is_number_integer()) {
      return minuend.get<std::int64_t>() - subtrahend.get<std::int64_t>();
    }
    if (!minuend.is_number() || !subtrahend.is_number()) {
      throw twister::JsonRpcError(twister::JsonRpcCode::invalid_params, "not two numbers");
    }
    return minuend.get<double>() - subtrahend.get<double>();
  });
  methods.on("sum", [](const json& numbers) -> json {
    std::int64_t sum = 0;
    for (const json& number : numbers) {
      if (!number.is_number_integer()) {
        throw twister::JsonRpcError(twister::JsonRpcCode::invalid_params, "not integers");
      }
      sum += number.get<std::int64_t>();
    }
    return sum;
  });
  methods.on("echo", {"x"}, [](json x) { return x; });
  methods.on("update", [](const json&) {});
  methods.on("notify_hello", [](const json&) {});
  methods.on("notify_sum", [](const json&) {});
  methods.on("get_data", [] { return json{"hello", 5}; });
  methods.on("fail", []() -> json { throw std::runtime_error("secret of the server"); });
  methods.on("refuse", []() -> json {
    throw twister::JsonRpcError(17, "refused", {{"why", "asked"}});
  });
  methods.on("forget", [](twister::JsonRpcContext&, const json&, twister::JsonRpcReply) {});
  methods.on(
      "slow", {"ms"}, [](twister::JsonRpcContext& context, int ms, twister::JsonRpcReply reply) {
        context.loop().call_later(std::chrono::milliseconds(ms), [reply] { reply("slept"); });
      });
  // The server calls its caller, and answers with the caller's answer.
  methods.on("call_back", {"method", "params"},
             [](twister::JsonRpcContext& context, const std::string& method, json params,
                twister::JsonRpcReply reply) {
               context.peer()->call(method, std::move(params),
                                    [reply](twister::JsonRpcResult result) {
                                      if (result.error) return reply.fail(*result.error);
                                      if (!result.ok()) return reply.fail(result.status);
                                      reply(std::move(result.value));
                                    });
             });
}

// Takes `--name value` or `--name=value` out of the arguments, so that serve_main sees the rest.
std::string take_option(std::vector<char*>& arguments, std::string_view name,
                        std::string fallback) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const auto at = arguments.begin() + static_cast<std::ptrdiff_t>(i);
    if (argument == name && i + 1 < arguments.size()) {
      fallback = arguments[i + 1];
      arguments.erase(at, at + 2);
      --i;
    } else if (argument.starts_with(name) && argument.substr(name.size()).starts_with('=')) {
      fallback = argument.substr(name.size() + 1);
      arguments.erase(at);
      --i;
    }
  }
  return fallback;
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<char*> arguments(argv, argv + argc);
  twister::JsonRpcOptions options;
  options.framing = take_option(arguments, "--framing", options.framing);
  const std::string most = take_option(arguments, "--max-message-bytes", "");
  if (!most.empty()) options.max_message_bytes = std::stoul(most);
  arguments.push_back(nullptr);

  twister::JsonRpcMethods methods;
  add_methods(methods);
  return twister::serve_main(static_cast<int>(arguments.size()) - 1, arguments.data(),
                             twister::build_json_rpc(methods, options));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
}
