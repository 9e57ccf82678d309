// Clients over a dialer in the test's hands: connecting, losing, trying again, moving on.
#include <algorithm>
#include <stdexcept>

#include "fleet.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

TEST(RpcClient, ConnectsWhenTheFirstCallIsMade) {
  Fleet fleet;
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.dialer.attempts().size(), 0u);
  fleet.who();
  fleet.who();
  EXPECT_EQ(fleet.dialer.attempts().size(), 1u);
  EXPECT_EQ(fleet.client->calls_in_flight(), 2u);
  fleet.accept(0, *fleet.server);
  EXPECT_EQ(fleet.outcomes.lines, (Lines{"OK 1", "OK 1"}));
  EXPECT_EQ(fleet.client->connected(), 1u);
}

TEST(RpcClient, FailsItsCallsWhenItCannotConnect) {
  Fleet fleet;
  fleet.who();
  fleet.dialer.fail(0);
  ASSERT_EQ(fleet.outcomes.lines.size(), 1u);
  EXPECT_EQ(fleet.outcomes.lines[0].find("UNAVAILABLE: cannot connect to 192.0.2.1:80"), 0u);
}

TEST(RpcClient, LeavesAnAddressAloneForAWhileAfterAFailure) {
  Fleet fleet;
  fleet.who();
  fleet.dialer.fail(0);
  fleet.who();
  EXPECT_EQ(fleet.outcomes.lines.size(), 2u) << "fails at once";
  EXPECT_EQ(fleet.dialer.attempts().size(), 1u);
  fleet.clock.advance(1s);
  fleet.who();
  EXPECT_EQ(fleet.dialer.attempts().size(), 2u);
}

TEST(RpcClient, LetsACallWaitThatIsToldTo) {
  Fleet fleet;
  fleet.who({.timeout = 1min, .wait_for_ready = true});
  fleet.dialer.fail(0);
  EXPECT_EQ(fleet.outcomes.lines, Lines{});
  fleet.clock.advance(1s);
  EXPECT_EQ(fleet.dialer.attempts().size(), 2u);
  fleet.accept(1, *fleet.server);
  EXPECT_EQ(fleet.outcomes.lines, Lines{"OK 1"});
}

TEST(RpcClient, EndsACallThatWaitsAtItsDeadlineOrWhenItIsCancelled) {
  Fleet fleet;
  fleet.who({.timeout = 5s});
  const auto call = fleet.client->call<Int32Value>("Who", number(0), fleet.outcomes.add());
  call.cancel();
  fleet.clock.advance(5s);
  EXPECT_EQ(fleet.outcomes.lines, (Lines{"CANCELLED: cancelled by the caller",
                                         "DEADLINE_EXCEEDED: no reply before the deadline"}));
  fleet.accept(0, *fleet.server);
  EXPECT_EQ(fleet.server->rpc_counters().calls, 0u);
}

TEST(RpcClient, ConnectsAgainAfterTheConnectionWasLost) {
  Fleet fleet;
  fleet.who();
  fleet.accept(0, *fleet.server);
  fleet.clock.advance(1min);
  fleet.server->abort_connections();
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.client->connected(), 0u);
  fleet.who();
  fleet.accept(1, *fleet.server);
  EXPECT_EQ(fleet.outcomes.lines, (Lines{"OK 1", "OK 1"}));
}

TEST(RpcClient, TriesAgainWhatIsIdempotentAndNothingElse) {
  Fleet fleet;
  fleet.client->call<Int32Value>("Later", number(0), {.idempotent = true}, fleet.outcomes.add());
  fleet.client->call<Int32Value>("Later", number(0), fleet.outcomes.add());
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  fleet.clock.advance(11s);
  fleet.server->abort_connections();
  fleet.loop.run_until_idle();
  ASSERT_EQ(fleet.outcomes.lines.size(), 1u);
  EXPECT_EQ(fleet.outcomes.lines[0].find("UNAVAILABLE: the connection was lost"), 0u);
  fleet.accept(1, *fleet.server);
  fleet.replies.back()(number(7));
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.outcomes.lines.back(), "OK 7");
}

TEST(RpcClient, TriesThreeTimesInAll) {
  Fleet fleet;
  fleet.client->call<Int32Value>("Later", number(0), {.idempotent = true}, fleet.outcomes.add());
  fleet.loop.run_until_idle();
  for (std::size_t attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(fleet.outcomes.lines, Lines{});
    fleet.accept(attempt, *fleet.server);
    fleet.clock.advance(9s);
    fleet.server->abort_connections();
    fleet.clock.advance(3s);
  }
  EXPECT_EQ(fleet.outcomes.lines.size(), 1u);
}

TEST(RpcClient, EndsOnceWhatIsCancelledWhileItIsTriedAgain) {
  Fleet fleet;
  std::vector<RpcCallHandle> calls;
  for (int i = 0; i < 4; ++i) {
    calls.push_back(fleet.client->call<Int32Value>("Later", number(0), {.idempotent = true},
                                                   fleet.outcomes.add()));
  }
  fleet.client->call<Int32Value>("Later", number(0), [&](const RpcStatus& status, Int32Value&) {
    fleet.outcomes.lines.push_back(status.message().substr(0, 11));
    for (const RpcCallHandle& each : calls) each.cancel();
    throw std::runtime_error("x");
  });
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  fleet.server->abort_connections();
  fleet.clock.advance(1min);
  EXPECT_EQ(fleet.outcomes.lines.size(), 5u);
  EXPECT_EQ(std::count(fleet.outcomes.lines.begin(), fleet.outcomes.lines.end(),
                       "CANCELLED: cancelled by the caller"),
            4);
  EXPECT_EQ(fleet.client->calls_in_flight(), 0u);
}

TEST(RpcClient, MovesOnWithoutAFailedCallWhenTheServerGoesAway) {
  Fleet fleet;
  fleet.who();
  fleet.accept(0, *fleet.server);
  fleet.client->call<Int32Value>("Later", number(0), fleet.outcomes.add());
  fleet.loop.run_until_idle();
  fleet.server->drain();
  fleet.client->call<Int32Value>("Who", number(0), fleet.outcomes.add());  // not told yet
  fleet.loop.run_until_idle();
  ASSERT_EQ(fleet.dialer.attempts().size(), 2u);
  fleet.accept(1, *fleet.other);
  EXPECT_EQ(fleet.outcomes.lines, (Lines{"OK 1", "OK 2"}));
  fleet.replies.at(0)(number(5));
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.outcomes.lines.back(), "OK 5");
}

TEST(RpcClient, GoesRoundItsAddresses) {
  Fleet fleet({first, second});
  fleet.client->connect();
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  fleet.accept(1, *fleet.other);
  for (int i = 0; i < 4; ++i) fleet.who();
  EXPECT_EQ(fleet.outcomes.lines, (Lines{"OK 1", "OK 2", "OK 1", "OK 2"}));
}

TEST(RpcClient, UsesTheAddressThatIsThereWhenAnotherIsNot) {
  Fleet fleet({first, second});
  fleet.who();
  fleet.dialer.fail(0);
  fleet.accept(1, *fleet.other);
  fleet.who();
  EXPECT_EQ(fleet.outcomes.lines, (Lines{"OK 2", "OK 2"}));
}

TEST(RpcClient, PrefersTheConnectionWithFewerCallsInFlight) {
  Fleet fleet({first, second}, {.balancing = RpcBalancing::least_in_flight});
  fleet.client->connect();
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  fleet.accept(1, *fleet.other);
  for (int i = 0; i < 6; ++i) {
    fleet.client->call<Int32Value>("Later", number(0), fleet.outcomes.add());
    fleet.loop.run_until_idle();
  }
  EXPECT_EQ(fleet.server->rpc_counters().calls, 3u);
  EXPECT_EQ(fleet.other->rpc_counters().calls, 3u);
}

TEST(RpcClient, EndsItsCallsWhenItIsDestroyed) {
  Fleet fleet;
  fleet.client->call<Int32Value>("Later", number(0), fleet.outcomes.add());
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  fleet.client->call<Int32Value>("Later", number(0), fleet.outcomes.add());
  fleet.client.reset();
  EXPECT_EQ(fleet.outcomes.lines, Lines{}) << "from the loop";
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.outcomes.lines,
            (Lines{"CANCELLED: the client was destroyed", "CANCELLED: the client was destroyed"}));
  EXPECT_EQ(fleet.server->connection_count(), 0u);
}

TEST(RpcClient, EndsItsCallsWhenItIsDestroyedWhileItConnects) {
  Fleet fleet;
  fleet.who();
  fleet.client.reset();
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.outcomes.lines, Lines{"CANCELLED: the client was destroyed"});
  EXPECT_TRUE(fleet.dialer.attempts()[0].given_up);
}

TEST(RpcClient, EndsItsCallsAlsoAtAServerThatIsGoingAwayWhenItIsDestroyed) {
  Fleet fleet;
  fleet.client->call<Int32Value>("Later", number(0), fleet.outcomes.add());
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  fleet.server->drain();
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.client->calls_in_flight(), 1u);
  fleet.client.reset();
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.outcomes.lines, Lines{"CANCELLED: the client was destroyed"});
  EXPECT_TRUE(fleet.replies.at(0).context().cancelled());
  EXPECT_EQ(fleet.server->connection_count(), 0u);
}

TEST(RpcClient, LeavesAServerThatDoesNotAnswerAPing) {
  Fleet fleet;
  fleet.client->call<Int32Value>("Later", number(0), {.timeout = 5min}, fleet.outcomes.add());
  fleet.loop.run_until_idle();
  const auto dead = fleet.dialer.succeed(0);  // nobody reads there
  fleet.clock.advance(30s);
  EXPECT_EQ(fleet.outcomes.lines, Lines{});
  fleet.clock.advance(10s);
  ASSERT_EQ(fleet.outcomes.lines.size(), 1u);
  EXPECT_NE(fleet.outcomes.lines[0].find("no answer to a ping"), std::string::npos);
  fleet.who({.wait_for_ready = true});
  fleet.accept(1, *fleet.server);
  EXPECT_EQ(fleet.outcomes.lines.back(), "OK 1");
}

TEST(RpcClient, MakesNoCallsOnAConnectionThatIsBeingClosed) {
  Fleet fleet;
  fleet.client->connect();
  fleet.loop.run_until_idle();
  const auto far = fleet.dialer.succeed(0);
  const std::string preface_and_worse =
      "twister\x01" + std::string(4, '\0') + std::string(12, '\xff');
  const ByteView bytes[] = {as_bytes(preface_and_worse)};
  far->send(bytes);
  fleet.loop.run_until_idle();  // it closes, and waits for the other side to do the same
  fleet.who({.wait_for_ready = true});
  fleet.clock.advance(1s);
  ASSERT_EQ(fleet.dialer.attempts().size(), 2u);
  fleet.accept(1, *fleet.server);
  EXPECT_EQ(fleet.outcomes.lines, Lines{"OK 1"});
}

TEST(RpcClient, MayBeDestroyedInsideItsCallback) {
  Fleet fleet;
  fleet.client->call<Int32Value>("Who", number(0), [&](const RpcStatus& status, Int32Value&) {
    fleet.outcomes.lines.push_back(status.message());
    fleet.client.reset();
  });
  fleet.client->call<Int32Value>("Later", number(0), fleet.outcomes.add());
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  EXPECT_EQ(fleet.outcomes.lines, (Lines{"OK", "CANCELLED: the client was destroyed"}));
}

struct Ends : RpcCallerInterceptor {
  void after_call(std::string_view method, const RpcStatus& status, Duration) override {
    lines.push_back(std::string(method) + " " + status.message());
  }
  Lines lines;
};

TEST(RpcClient, TellsItsInterceptorsOfCallsThatEndAfterItWasDestroyed) {
  RpcClientOptions options;
  const auto ends = std::make_shared<Ends>();
  options.rpc.interceptors = {ends};
  Fleet fleet({first}, std::move(options));
  fleet.client->call<Int32Value>("Who", number(0), fleet.outcomes.add());
  fleet.client.reset();
  fleet.loop.run_until_idle();
  EXPECT_EQ(ends->lines, Lines{"Who CANCELLED: the client was destroyed"});
  EXPECT_EQ(fleet.outcomes.lines.size(), 1u);
}

TEST(RpcClient, IsCalledByItsServer) {
  RpcServices own;
  own.on<Int32Value, Int32Value>(
      "Double", [](RpcContext&, const Int32Value& request, Int32Value& reply) -> RpcStatus {
        reply.set_value(2 * request.value());
        return {};
      });
  Fleet fleet({first}, {.services = &own});
  fleet.client->connect();
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  fleet.server->for_each_connection([&](Protocol& connection) {
    static_cast<RpcConnection&>(connection)
        .call<Int32Value>("Double", number(21), fleet.outcomes.add());
  });
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.outcomes.lines, Lines{"OK 42"});
}

TEST(RpcClient, RefusesOptionsThatMakeNoSense) {
  IOLoop loop;
  EXPECT_THROW(RpcClient(loop, std::vector<Destination>{}), std::invalid_argument);
  EXPECT_THROW(RpcClient(loop, first, {.max_attempts = 0}), std::invalid_argument);
  EXPECT_THROW(RpcClient(loop, first, {.factor = 0.5}), std::invalid_argument);
}

TEST(RpcClient, MovesOnWithCallsThatWereOnTheirWayWhenTheServerWentAway) {
  Fleet fleet;
  fleet.who();
  fleet.accept(0, *fleet.server);
  fleet.server->for_each_connection(
      [](Protocol& each) { static_cast<RpcConnection&>(each).go_away(); });
  for (int i = 0; i < 64;
       ++i) {  // nothing of them is idempotent, and they are more than may be retried
    fleet.client->call<Int32Value>("Who", number(0), fleet.outcomes.add());
  }
  fleet.loop.run_until_idle();
  ASSERT_EQ(fleet.dialer.attempts().size(), 2u);
  EXPECT_EQ(fleet.outcomes.lines, Lines{"OK 1"});
  fleet.accept(1, *fleet.other);
  EXPECT_EQ(std::count(fleet.outcomes.lines.begin(), fleet.outcomes.lines.end(), "OK 2"), 64);
  EXPECT_EQ(fleet.server->connection_count(), 0u);
  EXPECT_EQ(fleet.server->rpc_counters().calls, 1u);
}

TEST(RpcClient, TriesAgainWithinItsBudgetOnly) {
  Fleet fleet({first}, {.max_attempts = 2, .calls_per_retry = 4});
  auto lose_one = [&, attempt = std::size_t{0}]() mutable {
    fleet.client->call<Int32Value>("Later", number(0), {.idempotent = true}, fleet.outcomes.add());
    fleet.loop.run_until_idle();
    fleet.accept(attempt++, *fleet.server);
    fleet.clock.advance(11s);
    fleet.server->abort_connections();
    fleet.loop.run_until_idle();
    const bool again = fleet.outcomes.lines.empty();
    if (again) {
      fleet.accept(attempt++, *fleet.server);
      fleet.replies.back()(number(1));
      fleet.clock.advance(11s);
      fleet.server->abort_connections();
      fleet.loop.run_until_idle();
    }
    fleet.outcomes.lines.clear();
    return again;
  };
  // Ten are in hand, and each call adds a quarter to what is left.
  int again = 0;
  for (int i = 0; i < 40; ++i) again += lose_one() ? 1 : 0;
  EXPECT_EQ(again, 19);
}

TEST(RpcClient, HasSeveralConnectionsToAnAddressWhenToldTo) {
  Fleet fleet({first}, {.connections_per_address = 3});
  fleet.client->connect();
  fleet.loop.run_until_idle();
  ASSERT_EQ(fleet.dialer.attempts().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) fleet.accept(i, *fleet.server);
  for (int i = 0; i < 6; ++i) {
    fleet.client->call<Int32Value>("Later", number(0), fleet.outcomes.add());
  }
  fleet.loop.run_until_idle();
  std::vector<std::size_t> calls;
  fleet.server->for_each_connection(
      [&](Protocol& each) { calls.push_back(static_cast<RpcConnection&>(each).calls_answered()); });
  EXPECT_EQ(calls, (std::vector<std::size_t>{2, 2, 2}));
}

TEST(RpcClient, LetsOnlySoManyCallsWait) {
  Fleet fleet({first}, {.max_waiting_calls = 2});
  for (int i = 0; i < 3; ++i) fleet.who({.wait_for_ready = true});
  EXPECT_EQ(fleet.outcomes.lines,
            Lines{"RESOURCE_EXHAUSTED: too many calls wait for a connection"});
  fleet.accept(0, *fleet.server);
  EXPECT_EQ(fleet.outcomes.lines.size(), 3u);
}

// Takes requests and pings, and answers when the test does.
struct Silent : Protocol {
  void on_connect() override { write("twister\x01" + std::string(4, '\0')); }
  void on_data(ByteView chunk) override { received += as_text(chunk); }
  std::string received;
};

TEST(RpcClient, KnowsHowLongTheWayToItsServerIs) {
  Fleet fleet;
  TcpServer silent(fleet.loop, "", [] { return std::make_unique<Silent>(); });
  fleet.who({.timeout = 1h});
  silent.add_connection(fleet.dialer.succeed(0));
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.client->round_trip(), Duration(0));
  fleet.clock.advance(30s);  // a ping, while the call is in flight
  fleet.clock.advance(25ms);
  silent.for_each_connection([](Protocol& each) {
    std::string& received = static_cast<Silent&>(each).received;
    ASSERT_EQ(received.substr(received.size() - 8), "12345678");
    std::string pong = received.substr(received.size() - 20);
    pong[4] = 0x11;
    each.write(pong);
  });
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.client->round_trip(), 25ms);
}

}  // namespace
}  // namespace twister
