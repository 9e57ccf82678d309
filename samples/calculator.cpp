// calculator: calls with a request and a reply, answered at once, later, and by a coroutine.
//   ./dev run calculator                          then, in another terminal:
//   ./dev run calculator add 2 3                  prints 5
//   ./dev run calculator divide 1 0               prints INVALID_ARGUMENT: division by zero
//   ./dev run calculator squares 3 4              prints 25: for it, the server calls the caller twice
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <twister/io_loop.hpp>
#include <twister/rpc/client.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/reflection.hpp>
#include <twister/rpc/server.hpp>
#include <twister/serve.hpp>

#include "calculator.twister.hpp"

using calculator::Operands;
using calculator::Result;
using twister::RpcCode;
using twister::RpcContext;
using twister::RpcStatus;
using CalculatorClient = calculator::Calculator::Client;
using namespace std::chrono_literals;

// The service of calculator.proto: its methods, each in the form that suits it.
class Calculator : public calculator::Calculator::Service<Calculator> {
 public:
  // Answers at once: the fastest way.
  RpcStatus Add(RpcContext&, const Operands& request, Result& reply) {
    reply.set_value(request.a() + request.b());
    return {};
  }

  RpcStatus Divide(RpcContext&, const Operands& request, Result& reply) {
    if (request.b() == 0) return {RpcCode::invalid_argument, "division by zero"};
    reply.set_value(request.a() / request.b());
    return {};
  }

  // Answers later: somebody else has to be asked first, or a timer to ring.
  void Power(RpcContext& context, Operands& request, twister::RpcReply<Result> reply) {
    context.loop().call_later(1ms, [&request, reply] {  // the request lasts as long as the reply
      Result result;
      result.set_value(static_cast<std::int64_t>(
          std::pow(static_cast<double>(request.a()), static_cast<double>(request.b()))));
      reply(result);
    });
  }

  // A coroutine that asks its caller: either side of a connection may call the other. Whoever calls
  // Squares answers Power, too. What it asks is over when its own call is.
  twister::RpcTask<Result> Squares(RpcContext& context, const Operands& request) {
    const CalculatorClient caller(context.caller());
    const twister::RpcCallOptions options{.parent = &context};
    Operands side;
    side.set_b(2);
    std::int64_t sum = 0;
    for (const std::int64_t length : {request.a(), request.b()}) {
      side.set_a(length);
      const Result square = co_await caller.Power(side, options);
      sum += square.value();
    }
    Result result;
    result.set_value(sum);
    co_return result;
  }
};

// One call, whose reply or status is printed.
int ask(const twister::RpcServices& services, const std::string& what, const Operands& operands,
        const std::string& address) {
  twister::IOLoop loop;
  twister::RpcClient connection(loop, address, {.services = &services});
  const CalculatorClient server(connection);
  const twister::RpcCallOptions options{.timeout = 5s};
  int status_of_program = 0;
  const auto print = [&](const RpcStatus& status, const Result& result) {
    if (status.ok()) {
      std::printf("%lld\n", static_cast<long long>(result.value()));
    } else {
      std::printf("%s\n", status.message().c_str());
      status_of_program = 1;
    }
    loop.stop();
  };
  if (what == "add") {
    server.Add(operands, options, print);
  } else if (what == "divide") {
    server.Divide(operands, options, print);
  } else if (what == "power") {
    server.Power(operands, options, print);
  } else if (what == "squares") {
    server.Squares(operands, options, print);
  } else {
    std::fprintf(stderr, "add, divide, power or squares, not \"%s\"\n", what.c_str());
    return 2;
  }
  loop.run();
  return status_of_program;
}

int main(int argc, char** argv) try {
  Calculator calculator;
  twister::RpcServices services;
  services.add(calculator);
  twister::add_reflection(services);  // for `twister list` and `twister call`
  if (argc < 4 || argv[1][0] == '-') {
    return twister::serve_main(argc, argv, twister::serve_rpc(services));
  }
  Operands operands;
  operands.set_a(std::atoll(argv[2]));
  operands.set_b(std::atoll(argv[3]));
  return ask(services, argv[1], operands, argc > 4 ? argv[4] : "127.0.0.1:8888");
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
