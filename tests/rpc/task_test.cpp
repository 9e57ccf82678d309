// Handlers that are coroutines, and what they await.
#include <stdexcept>

#include <twister/rpc/stream.hpp>
#include <twister/rpc/task.hpp>

#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

RpcTask<Int32Value> doubled(RpcContext&, const Int32Value& request) {
  co_return number(2 * request.value());
}

RpcTask<Int32Value> refuse(RpcContext&, const Int32Value&) {
  throw RpcError(RpcCode::permission_denied, "not yours");
  co_return Int32Value();
}

RpcTask<int> half(int value) {
  if (value % 2 != 0) throw std::runtime_error("odd");
  co_return value / 2;
}

RpcTask<Int32Value> halved(RpcContext&, const Int32Value& request) {
  co_return number(co_await half(request.value()));
}

// Asks the client twice, one after the other.
RpcTask<Int32Value> ask_back(RpcContext& context, const Int32Value& request) {
  const RpcCallOptions options{.parent = &context};
  Int32Value one = co_await call<Int32Value>(*context.connection(), "Inc", request, options);
  co_return co_await call<Int32Value>(*context.connection(), "Inc", one, options);
}

RpcTask<Int32Value> slow(RpcContext& context, const Int32Value& request) {
  co_await sleep(context.loop(), 3s);
  co_return request;
}

TEST(RpcTask, AnswersACall) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Double", doubled);
  pair.connect();
  pair.client->call<Int32Value>("Double", number(4), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 8"});
}

TEST(RpcTask, AnswersWithWhatItThrows) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Refuse", refuse);
  pair.services.on<Int32Value, Int32Value>("Halve", halved);
  pair.connect();
  pair.client->call<Int32Value>("Refuse", number(4), pair.outcomes.add());
  pair.client->call<Int32Value>("Halve", number(4), pair.outcomes.add());
  pair.client->call<Int32Value>("Halve", number(5), pair.outcomes.add());
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.outcomes.lines.size(), 3u);
  EXPECT_EQ(pair.outcomes.lines[0], "PERMISSION_DENIED: not yours");
  EXPECT_EQ(pair.outcomes.lines[1], "OK 2");
  EXPECT_EQ(pair.outcomes.lines[2].find("INTERNAL: internal error, reference"), 0u);
}

TEST(RpcTask, AwaitsCalls) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("AskBack", ask_back);
  pair.client_services.on<Int32Value, Int32Value>(
      "Inc", [](RpcContext&, const Int32Value& request, Int32Value& reply) -> RpcStatus {
        reply.set_value(request.value() + 1);
        return {};
      });
  pair.connect();
  pair.client->call<Int32Value>("AskBack", number(4), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 6"});
}

TEST(RpcTask, IsToldByTheCallItAwaitsThatItsOwnWasCancelled) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("AskBack", ask_back);
  std::vector<RpcReply<Int32Value>> hung;
  pair.client_services.on<Int32Value, Int32Value>(
      "Inc", [&](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
        hung.push_back(std::move(reply));
      });
  pair.connect();
  const auto call = pair.client->call<Int32Value>("AskBack", number(4), pair.outcomes.add());
  pair.loop.run_until_idle();
  ASSERT_EQ(hung.size(), 1u);
  call.cancel();
  pair.loop.run_until_idle();
  EXPECT_TRUE(hung[0].context().cancelled()) << "all the way";
  EXPECT_EQ(pair.server->calls_answered(), 0u) << "the coroutine has ended";
  hung.clear();
}

RpcTask<> wait_for_later(RpcCaller& caller) {
  const Int32Value request = number(1);
  co_await call<Int32Value>(caller, "Later", request);
}

TEST(RpcTask, CancelsTheCallThatItAwaitsWhenItIsDestroyed) {
  RpcPair pair;
  pair.connect();
  {
    RpcTask<> task = wait_for_later(*pair.client);
    task.await_suspend(std::noop_coroutine()).resume();
    pair.loop.run_until_idle();
    ASSERT_EQ(pair.replies.size(), 1u);
  }
  pair.loop.run_until_idle();
  EXPECT_TRUE(pair.replies[0].context().cancelled());
  EXPECT_EQ(pair.client->calls_made(), 0u);
}

RpcTask<> doze(IOLoop& loop, bool& woke) {
  co_await sleep(loop, 1s);
  woke = true;
}

RpcTask<> doze_with(RpcContext& context, bool& woke) {
  const bool wanted = co_await sleep(context, 1s);
  woke = true;
  static_cast<void>(wanted);
}

TEST(RpcTask, IsNotWokenOnceItIsDestroyed) {
  RpcPair pair;
  pair.connect();
  const auto call = pair.client->call<Int32Value>("Later", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.replies.size(), 1u);
  bool woke = false;
  {
    RpcTask<> by_loop = doze(pair.loop, woke);
    RpcTask<> by_call = doze_with(pair.replies[0].context(), woke);
    by_loop.await_suspend(std::noop_coroutine()).resume();
    by_call.await_suspend(std::noop_coroutine()).resume();
  }
  pair.clock.advance(2s);
  call.cancel();
  pair.loop.run_until_idle();
  EXPECT_FALSE(woke);
}

TEST(RpcTask, SleepsByTheClockOfTheLoop) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Slow", slow);
  pair.connect();
  pair.client->call<Int32Value>("Slow", number(4), pair.outcomes.add());
  pair.clock.advance(2999ms);
  EXPECT_EQ(pair.outcomes.lines, Lines{});
  pair.clock.advance(1ms);
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 4"});
}

TEST(RpcTask, EndsQuietlyWhenTheConnectionIsLostMeanwhile) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Slow", slow);
  pair.connect();
  pair.client->call<Int32Value>("Slow", number(4), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.client->abort();
  pair.clock.advance(3s);
  EXPECT_EQ(pair.outcomes.lines.size(), 1u);
}

RpcTask<> tick(RpcContext& context, const Int32Value&, RpcWriter<Int32Value> out) {
  while (const bool wanted = co_await sleep(context, 1s)) out.send(number(wanted ? 1 : 0));
}

TEST(RpcTask, SleepsOnlyAsLongAsItsCallerWaits) {
  RpcPair pair;
  pair.services.on_server_stream<Int32Value, Int32Value>("Tick", tick);
  pair.connect();
  int ticks = 0;
  const auto reader = open_server_stream<Int32Value>(*pair.client, "Tick", number(0));
  reader.receive([&](Int32Value&) { ++ticks; }, [](const RpcStatus&) {});
  for (int i = 0; i < 100; ++i) pair.clock.advance(1s);
  EXPECT_EQ(ticks, 100);
  EXPECT_EQ(pair.server->calls_answered(), 1u);
  reader.cancel();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.server->calls_answered(), 0u) << "the coroutine has ended";
  pair.clock.advance(10s);
  EXPECT_EQ(ticks, 100);
}

TEST(RpcTask, DoesNotBeginToSleepForACallerThatHasGone) {
  RpcPair pair;
  std::vector<RpcReply<Int32Value>> hung;
  pair.client_services.on<Int32Value, Int32Value>(
      "Hang", [&](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) { hung.push_back(reply); });
  pair.services.on<Int32Value, Int32Value>("Try", [](RpcContext& context, const Int32Value&) {
    return [](RpcContext& its) -> RpcTask<Int32Value> {
      const Int32Value request;
      try {
        co_await call<Int32Value>(*its.connection(), "Hang", request, {.parent = &its});
      } catch (const RpcError&) {
      }
      co_await sleep(its, 1h);
      co_return request;
    }(context);
  });
  pair.connect();
  pair.client->call<Int32Value>("Try", number(0), {.timeout = 1s}, pair.outcomes.add());
  pair.clock.advance(1s);
  EXPECT_EQ(pair.outcomes.lines.size(), 1u);
  EXPECT_EQ(pair.server->calls_answered(), 0u);
  hung.clear();
}

}  // namespace
}  // namespace twister
