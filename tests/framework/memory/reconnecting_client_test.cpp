// A client that connects again, state by state.
#include <limits>
#include <set>
#include <stdexcept>
#include <string>

#include <twister/reconnecting_client.hpp>

#include "client_parts.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = ReconnectingClient::State;

const Address server_address = Address::parse("192.0.2.1:80");

// What a when_connected() has come to.
struct Waiting {
  int calls = 0;
  ConnectError error;
  Protocol* connection = nullptr;

  ProtocolHandler handler() {
    return [this](const ConnectError& failure, Protocol* connected) {
      ++calls;
      error = failure;
      connection = connected;
    };
  }
};

class Reconnecting : public ClientTest {
 protected:
  // Delays are as long as they can be: 1 s, 2 s, 4 s, ... up to 60 s.
  Reconnecting() {
    with.client = options();
    with.random = [] { return 1.0; };
  }

  ReconnectingClient& make() {
    return client.emplace(loop, server_address, build<Scripted>(std::ref(script)), with);
  }
  ReconnectingClient& start() {
    make().start();
    return *client;
  }
  // Completes the attempt that is under way.
  void succeed() { far = dialer.succeed(dialer.attempts().size() - 1); }
  void fail() { dialer.fail(dialer.attempts().size() - 1); }
  void lose() {
    far->reset();
    loop.run_until_idle();
  }
  State state() const { return client->state(); }
  std::size_t attempts() const { return dialer.attempts().size(); }
  // The delay that is under way.
  Duration delay() const {
    return state() == State::waiting ? loop.next_timer().value() - loop.now() : Duration(-1);
  }

  ReconnectOptions with;
  Script script;
  std::unique_ptr<Transport> far;
  std::optional<ReconnectingClient> client;
  Waiting waiting;
};

// ---- connecting again ----

TEST_F(Reconnecting, ConnectsWhenStarted) {
  make();
  EXPECT_EQ(state(), State::idle);
  EXPECT_EQ(attempts(), 0U);
  client->start();
  EXPECT_EQ(state(), State::connecting);
  succeed();
  EXPECT_EQ(state(), State::connected);
  EXPECT_EQ(client->connection(), script.conn);
}

TEST_F(Reconnecting, TriesAgainAfterAFailedAttempt) {
  start();
  fail();
  EXPECT_EQ(state(), State::waiting);
  EXPECT_EQ(client->last_error(), std::errc::connection_refused);
  clock.advance(999ms);
  EXPECT_EQ(attempts(), 1U);
  clock.advance(1ms);
  EXPECT_EQ(attempts(), 2U);
  EXPECT_EQ(state(), State::connecting);
}

TEST_F(Reconnecting, ConnectsAgainAfterTheConnectionIsLost) {
  start();
  succeed();
  clock.advance(1h);
  lose();
  EXPECT_EQ(state(), State::waiting);
  EXPECT_EQ(client->connection(), nullptr);
  EXPECT_EQ(client->last_error(), Errc::reset);
  clock.advance(1s);
  succeed();
  EXPECT_EQ(state(), State::connected);
  EXPECT_THAT(script.events, ElementsAre("connect", "close", "connect"));
}

TEST_F(Reconnecting, SaysWhatTheLostConnectionDiedOf) {
  script.data = [](Protocol&, std::string_view) { throw std::runtime_error("no such command"); };
  start();
  succeed();
  const ByteView bytes = as_bytes("x");
  far->send({&bytes, 1});
  loop.run_until_idle();
  EXPECT_EQ(client->last_error(), Errc::callback_threw);
  EXPECT_EQ(client->last_error().detail,
            "the connection to 192.0.2.1:80 was lost (no such command)");
  EXPECT_THAT(log.lines().back(), HasSubstr("was lost (no such command)"));
}

TEST_F(Reconnecting, LogsWhyAndForHowLong) {
  start();
  fail();
  EXPECT_THAT(log.lines(),
              ElementsAre("level=info event=reconnecting why=\"cannot connect to 192.0.2.1:80: "
                          "Connection refused\" delay_ms=1000"));
}

TEST_F(Reconnecting, StartingTwiceIsLoggedAndHasNoEffect) {
  start();
  client->start();
  EXPECT_EQ(attempts(), 1U);
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("event=already_started to=192.0.2.1:80")));
}

TEST_F(Reconnecting, GoesOnWhenTheFactoryRefuses) {
  int built = 0;
  client.emplace(
      loop, server_address,
      [&]() -> std::unique_ptr<Protocol> {
        if (++built == 1) return nullptr;
        return std::make_unique<Scripted>(script);
      },
      with);
  client->start();
  succeed();
  EXPECT_EQ(state(), State::waiting);
  EXPECT_EQ(client->last_error(), std::errc::operation_canceled);
  clock.advance(1s);
  succeed();
  EXPECT_EQ(state(), State::connected);
}

TEST_F(Reconnecting, GoesOnWhenTheProtocolTakesTheCloseCallbackForItself) {
  script.connect = [](Protocol& conn) { conn.set_close_callback([](const CloseReason&) {}); };
  start();
  succeed();
  lose();
  EXPECT_EQ(state(), State::waiting);
}

// ---- delays ----

TEST_F(Reconnecting, DelaysDoubleFromTheInitialOneUpToTheMaximum) {
  start();
  std::vector<Duration> delays;
  for (int i = 0; i < 9; ++i) {
    fail();
    delays.push_back(delay());
    clock.advance(delays.back());
  }
  EXPECT_THAT(delays, ElementsAre(1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s));
}

TEST_F(Reconnecting, DelaysAreARandomPart) {
  with.random = [] { return 0.25; };
  start();
  fail();
  EXPECT_EQ(delay(), 250ms);
  clock.advance(250ms);
  fail();
  EXPECT_EQ(delay(), 500ms);
}

TEST_F(Reconnecting, DelaysAreNeverNegativeAndNeverAboveTheMaximum) {
  double part = -5;
  with.random = [&] { return part; };
  with.max_delay = with.initial_delay = 3s;
  start();
  fail();
  EXPECT_EQ(attempts(), 2U);  // without a delay
  for (const double odd : {7.0, std::numeric_limits<double>::quiet_NaN()}) {
    part = odd;
    fail();
    EXPECT_EQ(delay(), 3s);
    clock.advance(delay());
  }
}

TEST_F(Reconnecting, DelaysStayAtTheMaximumAfterThousandsOfFailures) {
  with.factor = 1e300;
  start();
  for (int i = 0; i < 3000; ++i) {
    fail();
    clock.advance(delay());
  }
  fail();
  EXPECT_EQ(delay(), 60s);
  EXPECT_EQ(client->failures(), 3001U);
}

TEST_F(Reconnecting, AMaximumBeyondTheClockIsNoProblem) {
  with.max_delay = std::chrono::milliseconds::max();
  with.factor = 1e30;
  start();
  for (int i = 0; i < 2; ++i) {
    fail();
    if (i == 0) clock.advance(1s);
  }
  EXPECT_EQ(state(), State::waiting);
  EXPECT_EQ(loop.next_timer(), TimePoint::max());
}

TEST_F(Reconnecting, TheUsualDelaysDiffer) {
  with.random = nullptr;
  std::set<Duration> delays;
  for (int i = 0; i < 20; ++i) {
    start();
    fail();
    EXPECT_GE(delay(), 0s);
    EXPECT_LE(delay(), 1s);
    delays.insert(delay());
  }
  EXPECT_GT(delays.size(), 15U);
}

TEST_F(Reconnecting, AConnectionThatLivedMakesTheNextDelayTheFirst) {
  start();
  fail();
  clock.advance(1s);
  fail();
  clock.advance(2s);
  succeed();
  clock.advance(10s);
  lose();
  EXPECT_EQ(delay(), 1s);
  EXPECT_EQ(client->failures(), 1U);
}

TEST_F(Reconnecting, AConnectionThatIsDroppedSoonCountsAsAFailure) {
  start();
  std::vector<Duration> delays;
  for (int i = 0; i < 3; ++i) {
    succeed();
    clock.advance(100ms);
    lose();
    delays.push_back(delay());
    clock.advance(delays.back());
  }
  EXPECT_THAT(delays, ElementsAre(1s, 2s, 4s));
}

TEST_F(Reconnecting, OptionsThatMakeNoSenseAreRefused) {
  with.initial_delay = 0ms;
  EXPECT_THROW(make(), std::invalid_argument);
  with.initial_delay = 2s;
  with.max_delay = 1s;
  EXPECT_THROW(make(), std::invalid_argument);
  with.max_delay = 2s;
  with.factor = 0.5;
  EXPECT_THROW(make(), std::invalid_argument);
}

TEST_F(Reconnecting, GivesUpAfterTheRetriesItMayMake) {
  with.max_retries = 2;
  start().when_connected(waiting.handler());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(waiting.calls, 0);
    fail();
    if (i < 2) clock.advance(delay());
  }
  clock.advance(1h);
  EXPECT_EQ(attempts(), 3U);
  EXPECT_EQ(state(), State::stopped);
  EXPECT_EQ(waiting.error, std::errc::connection_refused);
  Waiting late;
  client->when_connected(late.handler());
  loop.run_until_idle();
  EXPECT_EQ(late.error, std::errc::connection_refused);
}

TEST_F(Reconnecting, ThatGaveUpMayBeStartedAgain) {
  with.max_retries = 0;
  start();
  fail();
  client->start();
  EXPECT_EQ(client->failures(), 0U);
  succeed();
  EXPECT_EQ(state(), State::connected);
}

// ---- stopping ----

TEST_F(Reconnecting, StoppingWhileConnectingEndsTheAttempt) {
  start();
  bool stopped = false;
  client->stop([&] { stopped = true; });
  EXPECT_FALSE(stopped);
  loop.run_until_idle();
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(dialer.attempts()[0].given_up);
  EXPECT_FALSE(loop.next_timer());
  EXPECT_EQ(state(), State::stopped);
}

TEST_F(Reconnecting, StoppingWhileWaitingEndsTheDelay) {
  start();
  fail();
  bool stopped = false;
  client->stop([&] { stopped = true; });
  loop.run_until_idle();
  EXPECT_TRUE(stopped);
  clock.advance(1h);
  EXPECT_EQ(attempts(), 1U);
  EXPECT_EQ(state(), State::stopped);
}

TEST_F(Reconnecting, StoppingWhileConnectedIsDoneWhenTheConnectionHasEnded) {
  start();
  succeed();
  bool stopped = false;
  client->stop([&] { stopped = true; });
  loop.run_until_idle();
  EXPECT_EQ(state(), State::disconnecting);
  EXPECT_EQ(script.count("close"), 0);  // the peer has not ended yet
  EXPECT_FALSE(stopped);
  far->close();
  loop.run_until_idle();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(script.reason.code, Errc::closed_here);
  EXPECT_EQ(state(), State::stopped);
  clock.advance(1h);
  EXPECT_EQ(attempts(), 1U);
}

TEST_F(Reconnecting, StoppingInTheOnCloseOfALostConnectionLeadsToNoNewOne) {
  script.close = [this](Protocol&, const CloseReason&) { client->stop(); };
  start();
  succeed();
  lose();
  clock.advance(1h);
  EXPECT_EQ(attempts(), 1U);
  EXPECT_EQ(state(), State::stopped);
}

TEST_F(Reconnecting, StoppingBeforeStartingIsDoneAtOnceAndNotInsideTheCall) {
  make();
  int stopped = 0;
  client->stop([&] { ++stopped; });
  client->stop([&] { ++stopped; });
  EXPECT_EQ(stopped, 0);
  loop.run_until_idle();
  EXPECT_EQ(stopped, 2);
}

TEST_F(Reconnecting, StartingWhileDisconnectingConnectsAfterTheOldConnectionHasEnded) {
  start();
  succeed();
  bool stopped = false;
  client->stop([&] { stopped = true; });
  client->start();
  EXPECT_EQ(state(), State::restarting);
  loop.run_until_idle();
  EXPECT_EQ(attempts(), 1U);
  far->close();
  loop.run_until_idle();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(attempts(), 2U);
  EXPECT_EQ(state(), State::connecting);
}

TEST_F(Reconnecting, StoppingWhileRestartingStops) {
  start();
  succeed();
  int stopped = 0;
  client->stop([&] { ++stopped; });
  client->start();
  client->stop([&] { ++stopped; });
  far->close();
  loop.run_until_idle();
  EXPECT_EQ(stopped, 2);
  EXPECT_EQ(attempts(), 1U);
}

TEST_F(Reconnecting, StartingRightAfterStoppingAnAttemptBeginsAnother) {
  start();
  client->stop();
  client->start();
  loop.run_until_idle();
  EXPECT_EQ(state(),
            State::connecting);  // what comes late from the first is not taken for a failure
  EXPECT_EQ(attempts(), 2U);
  succeed();
  EXPECT_EQ(state(), State::connected);
}

// ---- those who wait ----

TEST_F(Reconnecting, ThoseWhoWaitAreToldWhenThereIsAConnection) {
  make().when_connected(waiting.handler());
  client->start();
  fail();
  EXPECT_EQ(waiting.calls, 0);
  clock.advance(1s);
  succeed();
  EXPECT_EQ(waiting.calls, 1);
  EXPECT_FALSE(waiting.error);
  EXPECT_EQ(waiting.connection, script.conn);
}

TEST_F(Reconnecting, WhoAsksWhileConnectedIsToldSoonAndNotInsideTheCall) {
  start();
  succeed();
  client->when_connected(waiting.handler());
  EXPECT_EQ(waiting.calls, 0);
  loop.run_until_idle();
  EXPECT_EQ(waiting.connection, script.conn);
}

TEST_F(Reconnecting, WhoAsksWhileTheConnectionBreaksWaitsForTheNext) {
  start();
  succeed();
  script.conn->abort();
  client->when_connected(waiting.handler());
  loop.run_until_idle();
  EXPECT_EQ(waiting.calls, 0);
  clock.advance(1s);
  succeed();
  EXPECT_EQ(waiting.connection, script.conn);
}

TEST_F(Reconnecting, WaitingFailsAtExactlyTheFailureAskedFor) {
  Waiting first, second, third;
  make().when_connected(first.handler(), 1);
  client->when_connected(second.handler(), 2);
  client->when_connected(third.handler(), 3);
  client->when_connected(waiting.handler());
  client->start();
  std::vector<std::string> told;
  for (int i = 0; i < 3; ++i) {
    fail();
    told.push_back(std::to_string(first.calls) + std::to_string(second.calls) +
                   std::to_string(third.calls) + std::to_string(waiting.calls));
    clock.advance(delay());
  }
  EXPECT_THAT(told, ElementsAre("1000", "1100", "1110"));
  EXPECT_EQ(third.error, std::errc::connection_refused);
  EXPECT_EQ(third.connection, nullptr);
}

TEST_F(Reconnecting, StoppingCancelsThoseWhoWait) {
  start().when_connected(waiting.handler());
  client->stop();
  client->start();
  EXPECT_EQ(waiting.calls, 0);
  loop.run_until_idle();
  EXPECT_EQ(waiting.calls, 1);
  EXPECT_EQ(waiting.error, std::errc::operation_canceled);
}

TEST_F(Reconnecting, WaitingForAStoppedClientIsCancelled) {
  start().stop();
  loop.run_until_idle();
  client->when_connected(waiting.handler());
  loop.run_until_idle();
  EXPECT_EQ(waiting.error, std::errc::operation_canceled);
}

TEST_F(Reconnecting, AWaiterMayStopTheClientAndTheOthersAreCancelled) {
  make().when_connected([this](const ConnectError&, Protocol*) { client->stop(); });
  client->when_connected(waiting.handler());
  client->start();
  succeed();
  EXPECT_EQ(waiting.error, std::errc::operation_canceled);
}

TEST_F(Reconnecting, AWaiterThatThrowsIsLoggedAndTheOthersAreTold) {
  make().when_connected([](const ConnectError&, Protocol*) { throw std::runtime_error("oh"); });
  client->when_connected(waiting.handler());
  client->start();
  succeed();
  EXPECT_EQ(waiting.connection, script.conn);
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("what=oh")));
}

TEST_F(Reconnecting, AWaiterThatWaitsAgainIsToldAgainLater) {
  int calls = 0;
  std::function<void(const ConnectError&, Protocol*)> again = [&](const ConnectError&, Protocol*) {
    if (++calls < 3) client->when_connected(again);
  };
  make().when_connected(again);
  client->start();
  succeed();
  EXPECT_EQ(calls, 3);
}

// ---- preparing ----

class Preparing : public Reconnecting {
 protected:
  Preparing() {
    with.prepare_connection = [this](Protocol& conn, std::function<void(std::error_code)> done) {
      ++prepared;
      conn.write("login\n");
      ready = std::move(done);
    };
  }
  void answer(std::error_code error) {
    ready(error);
    loop.run_until_idle();
  }

  int prepared = 0;
  std::function<void(std::error_code)> ready;
};

TEST_F(Preparing, HoldsBackThoseWhoWait) {
  start().when_connected(waiting.handler());
  succeed();
  EXPECT_EQ(receive(*far, 100), "login\n");
  EXPECT_EQ(state(), State::connecting);
  EXPECT_EQ(client->connection(), nullptr);
  EXPECT_EQ(waiting.calls, 0);
  answer({});
  EXPECT_EQ(waiting.connection, script.conn);
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(Preparing, HappensForEveryConnection) {
  start();
  succeed();
  answer({});
  lose();
  clock.advance(1s);
  succeed();
  EXPECT_EQ(prepared, 2);
}

TEST_F(Preparing, AnErrorIsAFailedAttempt) {
  start().when_connected(waiting.handler(), 1);
  succeed();
  answer(std::make_error_code(std::errc::permission_denied));
  EXPECT_EQ(waiting.error, std::errc::permission_denied);
  EXPECT_EQ(waiting.error.detail, "cannot prepare the connection to 192.0.2.1:80");
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
  EXPECT_EQ(delay(), 1s);
}

TEST_F(Preparing, AnExceptionIsAFailedAttempt) {
  with.prepare_connection = [](Protocol&, const std::function<void(std::error_code)>&) {
    throw std::runtime_error("no password");
  };
  start();
  succeed();
  EXPECT_EQ(client->last_error(), Errc::callback_threw);
  EXPECT_THAT(client->last_error().detail, HasSubstr("no password"));
  EXPECT_EQ(delay(), 1s);
}

TEST_F(Preparing, TakingTooLongIsAFailedAttempt) {
  with.prepare_timeout = 5s;
  start();
  succeed();
  clock.advance(5s);
  EXPECT_EQ(client->last_error(), Errc::connect_timeout);
  EXPECT_EQ(state(), State::waiting);
}

TEST_F(Preparing, LosingTheConnectionIsAFailedAttempt) {
  start().when_connected(waiting.handler(), 1);
  succeed();
  lose();
  EXPECT_EQ(waiting.error, Errc::reset);
  EXPECT_EQ(state(), State::waiting);
  answer({});  // too late
  EXPECT_EQ(state(), State::waiting);
}

TEST_F(Preparing, AnswersAfterTheFirstHaveNoEffect) {
  start();
  succeed();
  answer({});
  answer(std::make_error_code(std::errc::permission_denied));
  EXPECT_EQ(state(), State::connected);
  const auto stale = ready;
  lose();
  clock.advance(1s);
  succeed();
  stale({});
  EXPECT_EQ(state(), State::connecting);
}

TEST_F(Preparing, StoppingMeanwhileAbortsTheConnection) {
  start();
  succeed();
  bool stopped = false;
  client->stop([&] { stopped = true; });
  loop.run_until_idle();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
  answer({});
  EXPECT_EQ(state(), State::stopped);
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(Preparing, MayAnswerAtOnce) {
  with.prepare_connection = [](Protocol&, const std::function<void(std::error_code)>& done) {
    done({});
  };
  start();
  succeed();
  EXPECT_EQ(state(), State::connected);
}

// ---- the end of the client ----

TEST_F(Reconnecting, DestroyingItAbortsTheConnectionAndCancelsThoseWhoWait) {
  start();
  succeed();
  client->when_connected(waiting.handler());
  client.reset();
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
  EXPECT_EQ(waiting.error, std::errc::operation_canceled);
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(Reconnecting, DestroyingItWhileItConnectsEndsTheAttempt) {
  start();
  client.reset();
  loop.run_until_idle();
  EXPECT_TRUE(dialer.attempts()[0].given_up);
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(Reconnecting, MayBeDestroyedInsideAnyOfItsCallbacks) {
  make().when_connected([this](const ConnectError&, Protocol*) { client.reset(); });
  client->start();
  succeed();
  EXPECT_FALSE(client);
  make().when_connected([this](const ConnectError&, Protocol*) { client.reset(); }, 1);
  client->start();
  fail();
  EXPECT_FALSE(client);
  start().stop([this] { client.reset(); });
  loop.run_until_idle();
  EXPECT_FALSE(client);
}

TEST_F(Reconnecting, MayBeDestroyedInTheOnCloseOfItsConnection) {
  script.close = [this](Protocol&, const CloseReason&) { client.reset(); };
  start();
  succeed();
  lose();
  EXPECT_FALSE(client);
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(Reconnecting, MayBeDestroyedAfterItsLoop) {
  auto own_loop = std::make_unique<IOLoop>(clock);
  ReconnectingClient own(*own_loop, "127.0.0.1:1", build<Scripted>(std::ref(script)));
  own.start();
  own.when_connected(waiting.handler());
  own_loop.reset();
  EXPECT_EQ(waiting.calls, 0);
}

}  // namespace
}  // namespace twister::testing
