// rpc_echo_server - answers twister RPC's Echo/Echo with what it was sent, for measurements and tests.
//
//   rpc_echo_server --port 8888 --threads 1 [--coroutine | --late] [--burn-us 100] [--max-wait-ms 1000]
//
// Prints "listening on HOST:PORT". --coroutine answers by RpcTask, --late by a callback that is posted.
// --burn-us takes so much CPU for each call.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <google/protobuf/wrappers.pb.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/server.hpp>
#include <twister/rpc/task.hpp>
#include <twister/serve.hpp>

namespace {

using google::protobuf::BytesValue;
using twister::RpcContext;

std::chrono::microseconds burnt{0};

void burn() {
  if (burnt.count() == 0) return;
  const auto end = std::chrono::steady_clock::now() + burnt;
  while (std::chrono::steady_clock::now() < end) {
  }
}

bool take_flag(std::vector<char*>& arguments, std::string_view flag) {
  return std::erase_if(arguments, [flag](char* each) { return each == flag; }) > 0;
}

// The number behind the option, or `otherwise`.
int take_number(std::vector<char*>& arguments, std::string_view option, int otherwise) {
  const auto found = std::ranges::find(arguments, option);
  if (found == arguments.end() || found + 1 == arguments.end()) return otherwise;
  const int number = std::atoi(found[1]);
  arguments.erase(found, found + 2);
  return number;
}

twister::RpcTask<BytesValue> echo(RpcContext&, const BytesValue& request) {
  burn();
  co_return request;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  burnt = std::chrono::microseconds(take_number(arguments, "--burn-us", 0));
  twister::RpcOptions options;
  options.max_wait = std::chrono::milliseconds(
      take_number(arguments, "--max-wait-ms", static_cast<int>(options.max_wait.count())));
  twister::RpcServices services;
  if (take_flag(arguments, "--coroutine")) {
    services.on<BytesValue, BytesValue>("Echo/Echo", echo);
  } else if (take_flag(arguments, "--late")) {
    services.on<BytesValue, BytesValue>("Echo/Echo", [](RpcContext& context, BytesValue& request,
                                                        twister::RpcReply<BytesValue> reply) {
      context.loop().add_callback([&request, reply] {
        burn();
        reply(request);
      });
    });
  } else {
    services.on<BytesValue, BytesValue>(
        "Echo/Echo",
        [](RpcContext&, const BytesValue& request, BytesValue& reply) -> twister::RpcStatus {
          burn();
          reply.set_value(request.value());
          return {};
        });
  }
  arguments.push_back(nullptr);
  return twister::serve_main(static_cast<int>(arguments.size()) - 1, arguments.data(),
                             twister::serve_rpc(services, options));
}
