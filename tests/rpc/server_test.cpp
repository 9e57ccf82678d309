// Servers that end while they work.
#include <optional>

#include <twister/rpc/server.hpp>
#include <twister/rpc/task.hpp>

#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

// A server whose handlers may end it, and a client of it.
struct Ending {
  Ending() {
    services.on<Int32Value, Int32Value>(
        "EndNow", [this](RpcContext&, const Int32Value&, Int32Value&) -> RpcStatus {
          server->stop();
          server.reset();
          return {};
        });
    services.on<Int32Value, Int32Value>(
        "EndSoon", [this](RpcContext&, const Int32Value&, Int32Value&) -> RpcStatus {
          server->stop();
          loop.add_callback([this] { server.reset(); });
          return {};
        });
    services.on<Int32Value, Int32Value>(
        "Later", [this](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
          replies.push_back(std::move(reply));
        });
    services.on<Int32Value, Int32Value>(
        "Sleep", [this](RpcContext& context, const Int32Value&) { return sleep_twice(context); });
    server.emplace(loop, "", services);
    auto [near, far] = memory_transport_pair(loop);
    server->add_connection(std::move(far));
    auto made = std::make_unique<RpcConnection>(loop, nullptr);
    client = made.get();
    make_connection(loop, std::move(near), std::move(made));
    loop.run_until_idle();
  }
  ~Ending() { replies.clear(); }

  RpcTask<Int32Value> sleep_twice(RpcContext& context) {
    co_await sleep(context.loop(), 1s);
    co_await sleep(context.loop(), 1s);
    ++woken;
    co_return number(2);
  }

  // What is in flight when a handler ends the server ends, once; what goes on in handlers does no harm.
  void end_by(const char* method) {
    client->call<Int32Value>("Later", number(0), outcomes.add());
    client->call<Int32Value>("Sleep", number(0), outcomes.add());
    loop.run_until_idle();
    clock.advance(1s);
    client->call<Int32Value>(method, number(0), outcomes.add());
    clock.advance(0s);
    EXPECT_FALSE(server.has_value());
    EXPECT_TRUE(replies.at(0).context().cancelled());
    replies[0](number(1));
    clock.advance(1min);
    EXPECT_EQ(woken, 1);
    EXPECT_EQ(outcomes.lines.size(), 3u);
  }

  // Before the loop, whose end is told to callbacks and handlers.
  RpcServices services;
  std::vector<RpcReply<Int32Value>> replies;
  Outcomes outcomes;
  int woken = 0;
  ManualClock clock;
  IOLoop loop{clock};
  std::optional<RpcServer> server;
  RpcConnection* client = nullptr;
};

TEST(RpcServer, MayBeDestroyedByAHandler) {
  Ending ending;
  ending.end_by("EndNow");
}

TEST(RpcServer, MayBeDestroyedSoonAfterAHandlerHasStoppedIt) {
  Ending ending;
  ending.end_by("EndSoon");
}

}  // namespace
}  // namespace twister
