#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/make_connection.hpp>
#include <twister/protocol.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(IOLoopRun, ReturnsAfterStop) {
  IOLoop loop;
  bool ran = false;
  loop.add_callback([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(IOLoopRun, ReturnsAtOnceWhenItWasStoppedBefore) {
  IOLoop loop;
  bool ran = false;
  loop.add_callback([&] { ran = true; });
  loop.stop();
  loop.run();
  EXPECT_FALSE(ran);
}

TEST(IOLoopRun, MayRunAgainAfterAStop) {
  IOLoop loop;
  int turns = 0;
  const auto turn = [&] {
    ++turns;
    loop.stop();
  };
  loop.add_callback(turn);
  loop.run();
  loop.add_callback(turn);
  loop.run();
  EXPECT_EQ(turns, 2);
}

TEST(IOLoopRun, StopLetsTheCallbacksBehindItWaitForTheNextRun) {
  IOLoop loop;
  std::string order;
  loop.add_callback([&] {
    order += "a";
    loop.stop();
  });
  loop.add_callback([&] {
    order += "b";
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(order, "a");
  loop.run();
  EXPECT_EQ(order, "ab");
}

TEST(IOLoopRun, IsStoppedFromAnotherThread) {
  IOLoop loop;
  std::thread other;
  loop.add_callback([&] { other = std::thread([&] { loop.stop(); }); });
  loop.run();
  other.join();
}

TEST(IOLoopRun, SleepsUntilATimerIsDue) {
  IOLoop loop;
  const TimePoint before = loop.now();
  loop.call_later(20ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_GE(loop.now() - before, 20ms);
}

TEST(IOLoopRun, WakesForAnEarlierTimerThanItSleptFor) {
  IOLoop loop;
  loop.call_later(1h, [] { FAIL(); });
  loop.add_callback([&] { loop.call_later(1ms, [&] { loop.stop(); }); });
  loop.run();
}

TEST(IOLoopRun, SleepsOnWhenTheNextTimerIsCancelled) {
  IOLoop loop;
  const TimerId first = loop.call_later(1ms, [] { FAIL(); });
  loop.call_later(10ms, [&] { loop.stop(); });
  EXPECT_TRUE(loop.cancel(first));
  loop.run();
}

TEST(IOLoopRun, TimersOfTheSystemsClockFireInOrder) {
  IOLoop loop;
  std::string order;
  loop.call_later(3ms, [&] { order += "c"; });
  loop.call_later(1ms, [&] { order += "a"; });
  loop.call_later(2ms, [&] { order += "b"; });
  loop.call_later(4ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(order, "abc");
}

TEST(IOLoopRun, TimesBeyondTheClockNeitherFireNorOverflow) {
  IOLoop loop;
  loop.call_later(Duration::max(), [] { FAIL(); });
  loop.call_later(Duration::max() - 1h, [] { FAIL(); });
  loop.call_at(TimePoint::max(), [] { FAIL(); });
  loop.call_at(TimePoint::max() - 1ns, [] { FAIL(); });
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run();
}

TEST(IOLoopRun, TimesBeforeTheClockFireAtOnce) {
  IOLoop loop;
  std::string order;
  loop.call_later(Duration::min(), [&] { order += "b"; });
  loop.call_at(TimePoint::min(), [&] { order += "a"; });
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(order, "ab");
}

TEST(IOLoopCurrent, IsTheLoopThatRunsOnThisThread) {
  IOLoop loop;
  EXPECT_EQ(IOLoop::current(), nullptr);
  IOLoop* inside = nullptr;
  loop.add_callback([&] { inside = IOLoop::current(); });
  loop.run_until_idle();
  EXPECT_EQ(inside, &loop);
  EXPECT_EQ(IOLoop::current(), nullptr);
}

TEST(IOLoopCurrent, FollowsLoopsThatRunInsideOthers) {
  IOLoop outer;
  IOLoop inner;
  std::vector<IOLoop*> seen;
  inner.add_callback([&] { seen.push_back(IOLoop::current()); });
  outer.add_callback([&] {
    inner.run_until_idle();
    seen.push_back(IOLoop::current());
  });
  outer.run_until_idle();
  EXPECT_THAT(seen, ElementsAre(&inner, &outer));
}

TEST(IOLoopCurrent, IsNullOnAThreadWithoutALoop) {
  IOLoop loop;
  IOLoop* seen = &loop;
  loop.add_callback([&] { std::thread([&] { seen = IOLoop::current(); }).join(); });
  loop.run_until_idle();
  EXPECT_EQ(seen, nullptr);
}

TEST(IOLoopCallbacks, RunInTheOrderOfTheCalls) {
  IOLoop loop;
  std::string order;
  for (const char c : {'a', 'b', 'c'}) loop.add_callback([&order, c] { order += c; });
  EXPECT_EQ(order, "");
  loop.run_until_idle();
  EXPECT_EQ(order, "abc");
}

TEST(IOLoopCallbacks, MadeInACallbackRunBehindThoseThatWait) {
  IOLoop loop;
  std::string order;
  loop.add_callback([&] {
    order += "a";
    loop.add_callback([&] { order += "c"; });
  });
  loop.add_callback([&] { order += "b"; });
  loop.run_until_idle();
  EXPECT_EQ(order, "abc");
}

TEST(IOLoopCallbacks, FromOtherThreadsKeepTheOrderOfEach) {
  constexpr int threads = 4;
  constexpr int calls = 1000;
  IOLoop loop;
  std::vector<std::vector<int>> seen(threads);
  std::vector<std::thread> callers;
  for (std::size_t t = 0; t < threads; ++t) {
    callers.emplace_back([&loop, &mine = seen[t]] {
      for (int i = 0; i < calls; ++i) loop.add_callback([&mine, i] { mine.push_back(i); });
    });
  }
  run_until(loop, [&] {
    return seen[0].size() + seen[1].size() + seen[2].size() + seen[3].size() == 4000;
  });
  for (std::thread& caller : callers) caller.join();
  for (const auto& mine : seen) {
    ASSERT_EQ(mine.size(), 1000U);
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
  }
}

TEST(IOLoopCallbacks, ExceptionsAreLoggedAndTheLoopLives) {
  const CapturedLog log;
  IOLoop loop;
  bool lives = false;
  loop.add_callback([] { throw std::runtime_error("no"); });
  loop.add_callback([&] { lives = true; });
  loop.run_until_idle();
  EXPECT_TRUE(lives);
  EXPECT_THAT(log.lines(), ElementsAre("level=error event=callback_threw callback=loop what=no"));
}

TEST(IOLoopCallbacks, LeftWhenTheLoopEndsAreDestroyedUncalled) {
  const auto kept = std::make_shared<int>(1);
  bool ran = false;
  {
    IOLoop loop;
    loop.add_callback([kept, &ran] { ran = true; });
    loop.call_later(1s, [kept, &ran] { ran = true; });
    EXPECT_EQ(kept.use_count(), 3);
  }
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_FALSE(ran);
}

TEST(IOLoopCallbacks, LeftWhenTheLoopEndsMayOwnWhatNeedsTheLoop) {
  IOLoop loop;
  const auto make = [&] {
    auto ticks = std::make_shared<PeriodicCallback>(loop, 1s, [] {});
    ticks->start();
    return ticks;
  };
  loop.add_callback([ticks = make()] {});
  loop.call_later(1h, [ticks = make()] {});
  loop.call_later(2h, [server = std::make_shared<TcpServer>(loop, ":0", build<EchoBack>())] {});
  loop.add_callback([server = std::make_shared<TcpServer>(loop, ":0", build<EchoBack>())] {});
}

class IOLoopTimers : public ::testing::Test {
 protected:
  IOLoop::Callback write_down(char c) {
    return [this, c] { order += c; };
  }

  ManualClock clock;
  IOLoop loop{clock};
  std::string order;
};

TEST_F(IOLoopTimers, NegativeDelaysAreZero) {
  loop.call_later(0ms, write_down('a'));
  loop.call_later(-5s, write_down('b'));
  loop.call_later(0ms, write_down('c'));
  loop.run_until_idle();
  EXPECT_EQ(order, "abc");
}

TEST_F(IOLoopTimers, CallAtUsesTheLoopsClock) {
  loop.call_at(loop.now() + 2s, write_down('a'));
  loop.call_later(1s, write_down('b'));
  clock.advance(1s);
  EXPECT_EQ(order, "b");
  clock.advance(1s);
  EXPECT_EQ(order, "ba");
}

TEST_F(IOLoopTimers, ATimerMayCancelAnotherThatIsDueWithIt) {
  TimerId second;
  bool cancelled = false;
  loop.call_later(1s, [&] { cancelled = loop.cancel(second); });
  second = loop.call_later(1s, write_down('x'));
  clock.advance(1s);
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(order, "");
}

TEST_F(IOLoopTimers, ATimerCannotCancelItselfAnyMore) {
  TimerId self;
  bool cancelled = true;
  self = loop.call_later(1s, [&] { cancelled = loop.cancel(self); });
  clock.advance(1s);
  EXPECT_FALSE(cancelled);
  EXPECT_FALSE(loop.cancel(self));
}

TEST_F(IOLoopTimers, CancellingTwiceOrNothingIsFalse) {
  const TimerId timer = loop.call_later(1s, write_down('x'));
  EXPECT_TRUE(timer);
  EXPECT_TRUE(loop.cancel(timer));
  EXPECT_FALSE(loop.cancel(timer));
  EXPECT_FALSE(loop.cancel(TimerId{}));
  EXPECT_FALSE(TimerId{});
}

TEST_F(IOLoopTimers, OneThatIsDueAtOnceAndMadeByATimerWaitsForTheNextRound) {
  loop.call_later(1s, [&] {
    order += "a";
    loop.call_later(0s, write_down('c'));
  });
  loop.call_later(1s, write_down('b'));
  clock.advance(1s);
  EXPECT_EQ(order, "abc");
}

TEST_F(IOLoopTimers, ExceptionsAreLoggedAndTheOthersFire) {
  const CapturedLog log;
  loop.call_later(1s, [] { throw 42; });
  loop.call_later(1s, write_down('b'));
  clock.advance(1s);
  EXPECT_EQ(order, "b");
  EXPECT_THAT(log.lines(), ElementsAre("level=error event=callback_threw callback=loop "
                                       "what=\"not an exception\""));
}

TEST_F(IOLoopTimers, OneThatArmsItselfAnewDoesNotKeepTheLoopFromItsCallbacks) {
  IOLoop real;
  int rounds = 0;
  std::function<void()> again = [&] {
    ++rounds;
    real.call_later(0s, again);
  };
  again();
  real.call_later(1ms, [&] { real.add_callback([&] { real.stop(); }); });
  real.run();
  EXPECT_GT(rounds, 1);
}

// Notes in which rounds of the loop it is handed bytes.
class NotesRounds final : public Protocol {
 public:
  explicit NotesRounds(std::set<std::uint64_t>& rounds) : rounds_(rounds) {}
  void on_data(ByteView) override { rounds_.insert(loop().round()); }

 private:
  std::set<std::uint64_t>& rounds_;
};

TEST(IOLoopRound, IsOneForAllThatIsReadyWhenItBegins) {
  std::set<std::uint64_t> rounds;
  IOLoop loop;
  std::vector<int> ends;
  for (int i = 0; i < 300; ++i) {  // more than are asked for at a time
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    make_connection(loop, make_socket_transport(loop, pair[0]),
                    std::make_unique<NotesRounds>(rounds));
    ends.push_back(pair[1]);
  }
  for (std::size_t round = 1; round <= 2; ++round) {
    loop.run_until_idle();
    for (const int end : ends) EXPECT_EQ(::send(end, "x", 1, 0), 1);
    loop.run_until_idle();
    EXPECT_EQ(rounds.size(), round);
  }
  for (const int end : ends) ::close(end);
}

}  // namespace
}  // namespace twister::testing
