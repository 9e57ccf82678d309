// ticker: a stream of replies, until the caller has had enough.
//   ./dev run ticker                  then, in another terminal:
//   ./dev run ticker watch 5 100      prints 5 ticks, 100 ms apart, and cancels; the server says so
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include <twister/io_loop.hpp>
#include <twister/rpc/client.hpp>
#include <twister/rpc/reflection.hpp>
#include <twister/rpc/server.hpp>
#include <twister/serve.hpp>

#include "ticker.twister.hpp"

using ticker::Tick;
using ticker::Watch;

class Ticker : public ticker::Ticker::Service<Ticker> {
 public:
  // One for each caller. It ends when nobody listens any more: ready() says so, be it that the caller has
  // cancelled, that its deadline has passed, or that its connection is lost.
  twister::RpcTask<> Ticks(twister::RpcContext& context, const Watch& watch,
                           twister::RpcWriter<Tick> out) {
    const std::chrono::milliseconds interval(std::clamp(watch.interval_ms(), 1, 60'000));
    Tick tick;
    for (;;) {
      const bool wanted = co_await out.ready();
      if (!wanted) break;
      tick.set_number(tick.number() + 1);
      out.send(tick);
      co_await twister::sleep(context, interval);
    }
    std::fprintf(stderr, "nobody listens after %lld ticks\n",
                 static_cast<long long>(tick.number()));
  }
};

int watch(int count, int interval_ms, const std::string& address) {
  twister::IOLoop loop;
  twister::RpcClient client(loop, address);
  Watch request;
  request.set_interval_ms(interval_ms);
  const auto reader = ticker::Ticker::Client(client).Ticks(request);
  int seen = 0;
  reader.receive(
      [&](Tick& tick) {
        std::printf("tick %lld\n", static_cast<long long>(tick.number()));
        if (++seen == count) reader.cancel();
      },
      [&](const twister::RpcStatus& status) {
        std::printf("%s\n", status.message().c_str());
        loop.stop();
      });
  loop.run();
  return seen == count ? 0 : 1;
}

int main(int argc, char** argv) try {
  if (argc > 3 && std::string_view(argv[1]) == "watch") {
    return watch(std::atoi(argv[2]), std::atoi(argv[3]), argc > 4 ? argv[4] : "127.0.0.1:8888");
  }
  Ticker ticker;
  twister::RpcServices services;
  services.add(ticker);
  twister::add_reflection(services);  // for `twister list` and `twister call`
  return twister::serve_main(argc, argv, twister::serve_rpc(services));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
