// torpc_server: a server for outside testing. Clients may register names, and call each other by
// call_node(name, method, argument...).
//   torpc_server [--host HOST] [--port PORT] and what else serve_main takes
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/io_loop.hpp>
#include <twister/rpc/torpc.hpp>
#include <twister/serve.hpp>

namespace {

using nlohmann::json;

json add(const json& a, const json& b) {
  if (a.is_number_integer() && b.is_number_integer()) {
    return a.get<std::int64_t>() + b.get<std::int64_t>();
  }
  if (!a.is_number() || !b.is_number()) {
    throw twister::RpcError(twister::RpcCode::invalid_argument, "add takes two numbers");
  }
  return a.get<double>() + b.get<double>();
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<json> logged;
  twister::TorpcServices services;
  services.on("echo", [](json x) { return x; });
  services.on("add", [](const json& a, const json& b) { return add(a, b); });
  services.on("log", [&](json x) { logged.push_back(std::move(x)); });
  services.on("logged", [&] { return logged; });
  services.on("fail", []() -> json { throw std::runtime_error("secret of the server"); });
  services.on("late_fail", [](twister::TorpcContext& context, twister::TorpcReply reply) {
    context.loop().add_callback([reply] {
      reply.fail({twister::RpcCode::aborted, "it failed later"});
    });
  });
  services.on("slow", [](twister::TorpcContext& context, int ms, twister::TorpcReply reply) {
    context.loop().call_later(std::chrono::milliseconds(ms), [reply] { reply("slept"); });
  });
  // Answers, and ends the connection behind the answer.
  services.on("quit", [](twister::TorpcContext& context, twister::TorpcReply reply) {
    reply("bye");
    context.connection()->close();
  });
  return twister::serve_main(
      argc, argv,
      [&](twister::IOLoop& loop, std::string_view address, const twister::ServerOptions& server) {
        return std::make_unique<twister::TorpcServer>(loop, address, services,
                                                      twister::TorpcOptions{}, server);
      },
      {.max_threads = 1});  // names are known to one loop
}
