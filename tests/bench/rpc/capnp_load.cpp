// capnp_load: calls Echo by Cap'n Proto's two-party RPC, on KJ's event loop.
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/vector.h>

#include "call_load.hpp"
#include "echo.capnp.h"

namespace {

using bench_capnp::Echo;
using twister::bench::CallEnd;
using twister::bench::CallTimes;

struct Connection {
  explicit Connection(kj::Own<kj::AsyncIoStream> opened)
      : stream(kj::mv(opened)), rpc(*stream), echo(rpc.bootstrap().castAs<Echo>()) {}

  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyClient rpc;
  Echo::Client echo;
};

struct Load : kj::TaskSet::ErrorHandler {
  explicit Load(const twister::bench::LoadOptions& given) : options(given), times(given.seconds) {}

  void call(Echo::Client& echo, CallTimes::Time sent) {
    auto request = echo.callRequest(capnp::MessageSize{options.size / 8 + 8, 0});
    request.initPayload(static_cast<unsigned>(options.size));
    calls.add(request.send().then([this, &echo, sent](capnp::Response<Echo::CallResults>&& reply) {
      const auto now = CallTimes::Clock::now();
      const bool good = reply.getPayload().size() == options.size;
      if (times.record(sent, now, good ? CallEnd::ok : CallEnd::failed)) {
        call(echo, now);
      } else if (!over) {
        over = true;
        done->fulfill();
      }
    }));
  }
  void taskFailed(kj::Exception&& error) override { done->reject(kj::mv(error)); }

  const twister::bench::LoadOptions& options;
  CallTimes times;
  bool over = false;
  kj::Own<kj::PromiseFulfiller<void>> done;
  kj::TaskSet calls{*this};
};

}  // namespace

int main(int argc, char** argv) {
  const twister::bench::LoadOptions options(argc, argv);
  auto io = kj::setupAsyncIo();
  auto address = io.provider->getNetwork()
                     .parseAddress("127.0.0.1", static_cast<unsigned>(options.port))
                     .wait(io.waitScope);
  kj::Vector<kj::Own<Connection>> connections;
  for (int i = 0; i < options.connections; ++i) {
    connections.add(kj::heap<Connection>(address->connect().wait(io.waitScope)));
  }
  Load load(options);
  auto finished = kj::newPromiseAndFulfiller<void>();
  load.done = kj::mv(finished.fulfiller);
  for (auto& connection : connections) {
    for (int n = 0; n < options.in_flight; ++n)
      load.call(connection->echo, CallTimes::Clock::now());
  }
  finished.promise.wait(io.waitScope);
  load.times.print();
  std::_Exit(load.times.failed() == 0 ? 0 : 1);  // calls are in flight
}
