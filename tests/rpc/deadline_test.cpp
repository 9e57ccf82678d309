// Deadlines and cancellation, on both sides.
#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

TEST(RpcDeadline, EndsACallOnBothSidesAndNotBefore) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), {.timeout = 100ms}, pair.outcomes.add());
  pair.clock.advance(99ms);
  EXPECT_EQ(pair.outcomes.lines, Lines{});
  EXPECT_FALSE(pair.replies.at(0).ended());
  pair.clock.advance(1ms);
  EXPECT_EQ(pair.outcomes.lines, Lines{"DEADLINE_EXCEEDED: no reply before the deadline"});
  EXPECT_TRUE(pair.replies[0].ended());
  EXPECT_TRUE(pair.replies[0].context().cancelled());
}

TEST(RpcDeadline, IsThirtySecondsUnlessItIsSaid) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.clock.advance(29'999ms);
  EXPECT_EQ(pair.outcomes.lines, Lines{});
  pair.clock.advance(1ms);
  EXPECT_EQ(pair.outcomes.lines.size(), 1u);
}

TEST(RpcDeadline, TravelsAsTheTimeThatIsLeft) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), {.timeout = 5s}, pair.outcomes.add());
  pair.clock.advance(2s);
  EXPECT_EQ(pair.replies.at(0).context().time_left(), 3s);
  pair.replies[0](number(1));
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 1"});
}

TEST(RpcDeadline, IsInheritedByCallsOnBehalfOfACall) {
  Outcomes nested;
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Nested", [&](RpcContext& context, Int32Value& request,
                                                         RpcReply<Int32Value> reply) {
    context.connection()->call<Int32Value>("Hang", request, {.timeout = 1h, .parent = &context},
                                           [reply, &nested](const RpcStatus& status, Int32Value&) {
                                             nested.lines.push_back(status.message());
                                           });
  });
  RpcContext* hanging = nullptr;
  std::vector<RpcReply<Int32Value>> hung;
  pair.client_services.on<Int32Value, Int32Value>(
      "Hang", [&](RpcContext& context, Int32Value&, RpcReply<Int32Value> reply) {
        hanging = &context;
        hung.push_back(std::move(reply));
      });
  pair.connect();
  pair.client->call<Int32Value>("Nested", number(0), {.timeout = 2s}, pair.outcomes.add());
  pair.loop.run_until_idle();
  ASSERT_NE(hanging, nullptr);
  EXPECT_EQ(hanging->time_left(), 2s);
  pair.clock.advance(2s);
  EXPECT_EQ(nested.lines, Lines{"DEADLINE_EXCEEDED: no reply before the deadline"});
  hung.clear();
}

TEST(RpcDeadline, OfTheMethodHoldsForCallersThatSetALaterOne) {
  RpcPair pair;
  std::vector<RpcReply<Int32Value>> replies;
  pair.services.on<Int32Value, Int32Value>(
      "Short",
      [&](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
        replies.push_back(std::move(reply));
      },
      {.timeout = 1s});
  pair.connect();
  pair.client->call<Int32Value>("Short", number(0), {.timeout = never}, pair.outcomes.add());
  pair.clock.advance(1s);
  EXPECT_EQ(pair.outcomes.lines,
            Lines{"DEADLINE_EXCEEDED: the deadline passed while it was answered"});
  replies.clear();
}

TEST(RpcDeadline, OfManyCallsTakeOneTimerOfTheLoop) {
  struct Due : detail::Timed {
    void on_due() override { ++times; }
    int times = 0;
  };
  ManualClock clock;
  IOLoop loop{clock};
  const auto deadlines = std::make_shared<detail::Deadlines>(loop);
  Due dues[3];
  for (int i = 0; i < 3; ++i) deadlines->add(dues[i], loop.now() + (3 - i) * 1s);
  for (Due& due : dues) deadlines->remove(due);
  clock.advance(1s);
  EXPECT_EQ(loop.next_timer(), std::nullopt) << "those for later times were taken back";
  deadlines->add(dues[0], loop.now() + 1s);
  clock.advance(1s);
  EXPECT_EQ(dues[0].times, 1);
}

TEST(RpcDeadline, OfManyCallsEndsEachAtItsTime) {
  RpcPair pair;
  pair.connect();
  for (const int ms : {50, 10, 40, 20, 30, 60, 5}) {
    pair.client->call<Int32Value>("Later", number(0), {.timeout = std::chrono::milliseconds(ms)},
                                  [&, ms](const RpcStatus&, Int32Value&) {
                                    pair.outcomes.lines.push_back(std::to_string(ms));
                                  });
  }
  pair.clock.advance(45ms);
  EXPECT_EQ(pair.outcomes.lines, (Lines{"5", "10", "20", "30", "40"}));
  pair.clock.advance(100ms);
  EXPECT_EQ(pair.outcomes.lines.size(), 7u);
}

TEST(RpcCancel, EndsTheCallAndReachesItsHandler) {
  RpcPair pair;
  int told = 0;
  pair.connect();
  const auto call = pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.replies.at(0).context().on_cancel([&] { ++told; });
  const std::stop_token stop = pair.replies[0].context().connection() != nullptr
                                   ? const_cast<RpcContext&>(pair.replies[0].context()).stop_token()
                                   : std::stop_token();
  call.cancel();
  EXPECT_EQ(pair.outcomes.lines, Lines{}) << "never inside cancel()";
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"CANCELLED: cancelled by the caller"});
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(stop.stop_requested());
  call.cancel();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines.size(), 1u);
}

TEST(RpcCancel, ReachesAHandlerThatAsksAfterwards) {
  RpcPair pair;
  pair.connect();
  const auto call = pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  call.cancel();
  pair.loop.run_until_idle();
  int told = 0;
  pair.replies.at(0).context().on_cancel([&] { ++told; });
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(pair.replies[0].context().stop_token().stop_requested());
}

TEST(RpcCancel, OfACallWhoseReplyIsOnItsWayLosesToNothing) {
  RpcPair pair;
  pair.connect();
  const auto call = pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.replies.at(0)(number(1));
  call.cancel();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"CANCELLED: cancelled by the caller"});
  EXPECT_EQ(pair.client->counters().unknown_ids, 1u);
  EXPECT_EQ(pair.server->counters().unknown_ids, 1u);
}

TEST(RpcCancel, ReachesTheHandlersWhenTheConnectionIsLost) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  int told = 0;
  pair.replies.at(0).context().on_cancel([&] { ++told; });
  pair.client->abort();
  pair.loop.run_until_idle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(pair.replies[0].context().connection(), nullptr);
}

TEST(RpcCancel, InsideACallbackEndsTheOthersOnce) {
  RpcPair pair;
  pair.connect();
  std::vector<RpcCallHandle> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add()));
  }
  pair.client->call<Int32Value>("Add1", number(0), [&](const RpcStatus&, Int32Value&) {
    for (const RpcCallHandle& call : calls) call.cancel();
    EXPECT_EQ(pair.outcomes.lines, Lines{});
  });
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines.size(), 3u);
  EXPECT_EQ(pair.server->counters().unknown_ids, 0u);
}

}  // namespace
}  // namespace twister
