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

#include <nlohmann/json.hpp>

#include <twister/io_loop.hpp>
#include <twister/rpc/json_rpc.hpp>
#include <twister/serve.hpp>

#include "support/server_arguments.hpp"

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

}  // namespace

int main(int argc, char** argv) try {
  twister::testing::ServerArguments arguments(argc, argv);
  twister::JsonRpcOptions options;
  options.framing = arguments.take("--framing", options.framing);
  options.max_message_bytes =
      arguments.take_number<std::size_t>("--max-message-bytes", 1, "a number of bytes, 1 or more")
          .value_or(options.max_message_bytes);

  twister::JsonRpcMethods methods;
  add_methods(methods);
  return twister::serve_main(arguments.argc(), arguments.argv(),
                             twister::build_json_rpc(methods, options));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
}
