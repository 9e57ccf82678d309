// Where a limit ends: what is just within it passes, and what exceeds it costs the call alone.
#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

TEST(RpcLimits, TakeNoRequestForOldThatCameAfterTheOldOnesWereRead) {
  RpcPair pair({.max_wait = 1s});
  pair.services.on<Int32Value, Int32Value>(
      "Pause", [](RpcContext& context, const Int32Value&, Int32Value&) -> RpcStatus {
        context.connection()->pause_reading();
        return {};
      });
  pair.connect();
  pair.client->call<Int32Value>("Pause", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.server->resume_reading();
  pair.loop.run_until_idle();
  pair.clock.advance(2s);
  pair.client->call<Int32Value>("Add1", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 0", "OK 1"}));
}

}  // namespace
}  // namespace twister
