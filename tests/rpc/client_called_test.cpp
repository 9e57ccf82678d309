// Clients that are called, too: they come back without a call, prepare their connections, and have names.
#include <stdexcept>
#include <utility>

#include "fleet.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;
using Done = std::function<void(const RpcStatus&)>;

// A client whose connections are prepared when the test says so.
struct Prepared {
  Prepared()
      : fleet({first}, {.stay_connected = true,
                        .prepare_connection =
                            [this](RpcConnection&, Done done) { dones.push_back(std::move(done)); },
                        .prepare_timeout = 5s}) {
    fleet.who();
    fleet.accept(0, *fleet.server);
  }
  std::vector<Done> dones;
  Fleet fleet;
};

// A client with names, at servers that know names.
struct Named {
  explicit Named(RpcClientOptions options = {}) : fleet({first}, with_names(std::move(options))) {
    fleet.client->connect();
    fleet.loop.run_until_idle();
  }
  static RpcClientOptions with_names(RpcClientOptions options) {
    options.stay_connected = true;
    options.names = {"ada", "countess"};
    return options;
  }
  Lines names() const { return fleet.server->node_names(); }
  Fleet fleet;
};

TEST(RpcClient, ComesBackWithoutACallWhenItIsToStayConnected) {
  Fleet fleet({first}, {.stay_connected = true});
  fleet.client->connect();
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  fleet.clock.advance(1min);
  fleet.server->abort_connections();
  fleet.clock.advance(989ms);
  EXPECT_EQ(fleet.dialer.attempts().size(), 1u) << "not all clients at once";
  fleet.clock.advance(1ms);
  ASSERT_EQ(fleet.dialer.attempts().size(), 2u);
  fleet.accept(1, *fleet.server);
  EXPECT_EQ(fleet.client->connected(), 1u);
}

TEST(RpcClient, ComesBackFromADeadPathWithoutACallWhenItIsToStayConnected) {
  Fleet fleet({first}, {.stay_connected = true});
  fleet.client->connect();
  fleet.loop.run_until_idle();
  const auto dead = fleet.dialer.succeed(0);  // nobody reads there
  fleet.clock.advance(41s);
  ASSERT_EQ(fleet.dialer.attempts().size(), 2u);
  fleet.accept(1, *fleet.server);
  EXPECT_EQ(fleet.client->connected(), 1u);
}

TEST(RpcClient, IsNotConfusedByTheEndOfAnAttemptThatItHasGivenUpAlready) {
  RpcClient* client = nullptr;
  bool first_time = true;
  Outcomes outcomes;
  const auto prepare = [&](RpcConnection&, const Done& done) {
    if (!std::exchange(first_time, false)) return done({});
    done(RpcCode::unavailable);
    client->call<Int32Value>("Who", number(0), {.wait_for_ready = true}, outcomes.add());
  };
  Fleet fleet({first},
              {.initial_delay = 1ms, .stay_connected = true, .prepare_connection = prepare});
  client = fleet.client.get();
  client->connect();
  fleet.loop.run_until_idle();
  fleet.accept(0, *fleet.server);
  fleet.clock.advance(1ms);
  ASSERT_EQ(fleet.dialer.attempts().size(), 2u);
  fleet.accept(1, *fleet.server);
  EXPECT_EQ(outcomes.lines, Lines{"OK 1"});
  EXPECT_EQ(fleet.server->connection_count(), 1u);
}

TEST(RpcClient, WaitsLongerAfterEachFailureWhenItIsToStayConnected) {
  Fleet fleet({first}, {.stay_connected = true});
  fleet.client->connect();
  fleet.loop.run_until_idle();
  fleet.dialer.fail(0);
  fleet.clock.advance(990ms);
  fleet.dialer.fail(1);
  fleet.clock.advance(1979ms);
  EXPECT_EQ(fleet.dialer.attempts().size(), 2u);
  fleet.clock.advance(1ms);
  EXPECT_EQ(fleet.dialer.attempts().size(), 3u);
}

TEST(RpcClient, ComesBackToAServerThatWentAwayButNotRoundAndRound) {
  Fleet fleet({first}, {.stay_connected = true});
  fleet.client->connect();
  fleet.loop.run_until_idle();
  for (std::size_t attempt = 0; attempt < 3; ++attempt) {
    ASSERT_EQ(fleet.dialer.attempts().size(), attempt + 1);
    fleet.accept(attempt, *fleet.server);
    fleet.server->for_each_connection(
        [](Protocol& each) { static_cast<RpcConnection&>(each).go_away(); });
    fleet.loop.run_until_idle();
    EXPECT_EQ(fleet.dialer.attempts().size(), attempt + 1);
    fleet.clock.advance(990ms);
  }
}

TEST(RpcClient, TakesNoCallsBeforeItsConnectionIsPrepared) {
  Prepared prepared;
  Fleet& fleet = prepared.fleet;
  ASSERT_EQ(prepared.dones.size(), 1u);
  EXPECT_EQ(fleet.client->connected(), 0u);
  fleet.who();
  EXPECT_EQ(fleet.server->rpc_counters().calls, 0u);
  prepared.dones[0]({});
  prepared.dones[0](RpcCode::unauthenticated);  // too late to say so
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.outcomes.lines, (Lines{"OK 1", "OK 1"}));
}

TEST(RpcClient, PreparesAConnectionByCallsOverIt) {
  Fleet fleet({first}, {.prepare_connection = [](RpcConnection& connection, const Done& done) {
                connection.call<Int32Value>(
                    "Who", number(0),
                    [done](const RpcStatus& status, Int32Value&) { done(status); });
              }});
  fleet.who();
  fleet.accept(0, *fleet.server);
  EXPECT_EQ(fleet.outcomes.lines, Lines{"OK 1"});
  EXPECT_EQ(fleet.server->rpc_counters().calls, 2u);
}

TEST(RpcClient, FailsItsCallsWhenItsConnectionCannotBePrepared) {
  Prepared prepared;
  Fleet& fleet = prepared.fleet;
  prepared.dones[0]({RpcCode::unauthenticated, "who are you?"});
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.outcomes.lines,
            Lines{"UNAVAILABLE: cannot prepare the connection to 192.0.2.1:80: "
                  "UNAUTHENTICATED: who are you?"});
  EXPECT_EQ(fleet.server->connection_count(), 0u);
  fleet.clock.advance(990ms);
  ASSERT_EQ(fleet.dialer.attempts().size(), 2u);
  fleet.accept(1, *fleet.server);
  prepared.dones[0]({});  // of the first connection
  EXPECT_EQ(fleet.client->connected(), 0u);
  prepared.dones[1]({});
  EXPECT_EQ(fleet.client->connected(), 1u);
}

TEST(RpcClient, TriesAgainWhenPreparingTakesTooLongOrTheConnectionIsLostMeanwhile) {
  Prepared prepared;
  Fleet& fleet = prepared.fleet;
  fleet.clock.advance(5s);
  ASSERT_EQ(fleet.outcomes.lines.size(), 1u);
  EXPECT_NE(fleet.outcomes.lines[0].find("it took longer than prepare_timeout"), std::string::npos);
  fleet.clock.advance(990ms);
  fleet.accept(1, *fleet.server);
  fleet.who();
  fleet.server->abort_connections();
  fleet.loop.run_until_idle();
  ASSERT_EQ(fleet.outcomes.lines.size(), 2u);
  EXPECT_EQ(fleet.outcomes.lines[1].find("UNAVAILABLE: lost before it was ready: "), 0u);
  fleet.clock.advance(1980ms);
  fleet.accept(2, *fleet.server);
  fleet.server->drain();
  fleet.loop.run_until_idle();
  fleet.clock.advance(3960ms);
  EXPECT_EQ(fleet.dialer.attempts().size(), 4u);
}

TEST(RpcClient, TakesAnExceptionOfThePreparationForAFailure) {
  Fleet fleet({first}, {.prepare_connection = [](RpcConnection&, const Done&) {
                throw std::runtime_error("no password");
              }});
  fleet.who();
  fleet.accept(0, *fleet.server);
  ASSERT_EQ(fleet.outcomes.lines.size(), 1u);
  EXPECT_NE(fleet.outcomes.lines[0].find("INTERNAL: the function threw"), std::string::npos);
  EXPECT_EQ(fleet.server->connection_count(), 0u);
}

TEST(RpcClient, MayBeDestroyedWhileItsConnectionIsPrepared) {
  Prepared prepared;
  Fleet& fleet = prepared.fleet;
  fleet.client.reset();
  prepared.dones[0]({});
  fleet.loop.run_until_idle();
  EXPECT_EQ(fleet.outcomes.lines, Lines{"CANCELLED: the client was destroyed"});
  EXPECT_EQ(fleet.server->connection_count(), 0u);
  fleet.clock.advance(1min);
  EXPECT_EQ(fleet.dialer.attempts().size(), 1u);
}

TEST(RpcClient, RegistersItsNamesAtEachConnection) {
  Named named;
  named.fleet.accept(0, *named.fleet.server);
  EXPECT_EQ(named.names(), (Lines{"ada", "countess"}));
  EXPECT_EQ(named.fleet.client->connected(), 1u);
  named.fleet.clock.advance(1min);
  named.fleet.server->abort_connections();
  named.fleet.loop.run_until_idle();
  EXPECT_EQ(named.names(), Lines{});
  named.fleet.clock.advance(1s);
  named.fleet.accept(1, *named.fleet.server);
  EXPECT_EQ(named.names(), (Lines{"ada", "countess"}));
}

TEST(RpcClient, TriesAgainWhileSomebodyHasItsName) {
  Named named;
  Fleet& fleet = named.fleet;
  RpcClient before(fleet.loop, second,
                   {.connect = {.dialer = &fleet.dialer}, .names = {"countess"}});
  before.connect();
  fleet.loop.run_until_idle();
  fleet.accept(1, *fleet.server);
  fleet.who();
  fleet.accept(0, *fleet.server);
  EXPECT_EQ(fleet.outcomes.lines, Lines{"UNAVAILABLE: cannot prepare the connection to "
                                        "192.0.2.1:80: ALREADY_EXISTS: the name \"countess\": "
                                        "the name is taken"});
  EXPECT_EQ(named.names(), Lines{"countess"}) << "none of two is left behind";
  fleet.server->abort_connections();
  fleet.clock.advance(990ms);
  fleet.accept(2, *fleet.server);
  EXPECT_EQ(named.names(), (Lines{"ada", "countess"}));
}

TEST(RpcClient, NamesOneConnectionToEachAddress) {
  Named named({.connections_per_address = 2});
  ASSERT_EQ(named.fleet.dialer.attempts().size(), 2u);
  named.fleet.accept(0, *named.fleet.server);
  named.fleet.accept(1, *named.fleet.server);
  EXPECT_EQ(named.fleet.client->connected(), 2u);
  EXPECT_EQ(named.fleet.server->rpc_counters().calls, 2u) << "one for each name";
}

TEST(RpcClient, RefusesNamesThatNoServerTakes) {
  IOLoop loop;
  EXPECT_THROW(RpcClient(loop, first, {.names = {""}}), std::invalid_argument);
  EXPECT_THROW(RpcClient(loop, first, {.names = {std::string(256, 'x')}}), std::invalid_argument);
  EXPECT_THROW(RpcClient(loop, first, {.names = std::vector<std::string>(17, "x")}),
               std::invalid_argument);
  EXPECT_THROW(RpcClient(loop, first, {.prepare_timeout = 0s}), std::invalid_argument);
}

}  // namespace
}  // namespace twister
