// rpc_echo_server - answers twister RPC's Echo/Echo with what it was sent, for measurements and tests.
//
//   rpc_echo_server --port 8888 --threads 1 [--coroutine | --later]
//
// Prints "listening on HOST:PORT". --coroutine answers by RpcTask, --later by a callback that is posted.
#include <algorithm>
#include <cstring>
#include <vector>

#include <google/protobuf/wrappers.pb.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/server.hpp>
#include <twister/rpc/task.hpp>
#include <twister/serve.hpp>

namespace {

using google::protobuf::BytesValue;
using twister::RpcContext;

bool take_flag(std::vector<char*>& arguments, const char* flag) {
  return std::erase_if(arguments, [flag](char* each) { return std::strcmp(each, flag) == 0; }) > 0;
}

twister::RpcTask<BytesValue> echo(RpcContext&, const BytesValue& request) {
  co_return request;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  twister::RpcServices services;
  if (take_flag(arguments, "--coroutine")) {
    services.on<BytesValue, BytesValue>("Echo/Echo", echo);
  } else if (take_flag(arguments, "--later")) {
    services.on<BytesValue, BytesValue>("Echo/Echo", [](RpcContext& context, BytesValue& request,
                                                        twister::RpcReply<BytesValue> reply) {
      context.loop().add_callback([&request, reply] { reply(request); });
    });
  } else {
    services.on<BytesValue, BytesValue>(
        "Echo/Echo",
        [](RpcContext&, const BytesValue& request, BytesValue& reply) -> twister::RpcStatus {
          reply.set_value(request.value());
          return {};
        });
  }
  arguments.push_back(nullptr);
  return twister::serve_main(static_cast<int>(arguments.size()) - 1, arguments.data(),
                             twister::serve_rpc(services));
}
