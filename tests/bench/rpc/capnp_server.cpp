// capnp_server: Echo by Cap'n Proto's two-party RPC, on KJ's event loop.
#include <cstdio>

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include "echo.capnp.h"

namespace {

class Handler final : public bench_capnp::Echo::Server {
  kj::Promise<void> call(CallContext context) override {
    const auto payload = context.getParams().getPayload();
    // What the reply takes, so that it is made in one piece.
    context.getResults(capnp::MessageSize{payload.size() / 8 + 8, 0}).setPayload(payload);
    return kj::READY_NOW;
  }
};

}  // namespace

int main() {
  auto io = kj::setupAsyncIo();
  auto address = io.provider->getNetwork().parseAddress("127.0.0.1", 0).wait(io.waitScope);
  auto listener = address->listen();
  capnp::TwoPartyServer server(kj::heap<Handler>());
  std::printf("listening on 127.0.0.1:%u\n", listener->getPort());
  std::fflush(stdout);
  server.listen(*listener).wait(io.waitScope);
}
