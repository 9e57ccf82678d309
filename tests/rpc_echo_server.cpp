// rpc_echo_server - answers twister RPC's Echo/Echo with what it was sent, for measurements and tests.
//
//   rpc_echo_server --port 8888 --threads 1 [--coroutine | --late] [--burn-us 100] [--max-wait-ms 1000]
//                   [--busy-poll-us 50]
//
// Prints "listening on HOST:PORT". --coroutine answers by RpcTask, --late by a callback that is posted.
// --burn-us takes so much CPU for each call. --busy-poll-us is IOLoopOptions::busy_poll.
#include <chrono>
#include <cstdio>
#include <exception>

#include <google/protobuf/wrappers.pb.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/server.hpp>
#include <twister/rpc/task.hpp>
#include <twister/serve.hpp>

#include "support/server_arguments.hpp"

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

twister::RpcTask<BytesValue> echo(RpcContext&, const BytesValue& request) {
  burn();
  co_return request;
}

}  // namespace

int main(int argc, char** argv) try {
  twister::testing::ServerArguments arguments(argc, argv);
  burnt = std::chrono::microseconds(
      arguments.take_number("--burn-us", 0, "a number of microseconds").value_or(0));
  twister::RpcOptions options;
  if (const auto wait = arguments.take_number("--max-wait-ms", 0, "a number of milliseconds")) {
    options.max_wait = std::chrono::milliseconds(*wait);
  }
  twister::ServeOptions serve;
  serve.loop.busy_poll = std::chrono::microseconds(
      arguments.take_number("--busy-poll-us", 0, "a number of microseconds").value_or(0));
  twister::RpcServices services;
  if (arguments.take_flag("--coroutine")) {
    services.on<BytesValue, BytesValue>("Echo/Echo", echo);
  } else if (arguments.take_flag("--late")) {
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
  return twister::serve_main(arguments.argc(), arguments.argv(),
                             twister::serve_rpc(services, options), serve);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
}
