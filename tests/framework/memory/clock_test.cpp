// Time that is moved by hand: timers, ticks, and loops that come and go.
#include <stdexcept>

#include "script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ManualTime : public MemoryTest {
 protected:
  // Writes `name` down, with the seconds that have passed.
  IOLoop::Callback note(const std::string& name) {
    return [this, name] {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock.now() - start);
      fired.push_back(name + "@" + std::to_string(seconds.count()));
    };
  }

  TimePoint start = clock.now();
  std::vector<std::string> fired;
};

TEST_F(ManualTime, StandsStill) {
  EXPECT_EQ(clock.now(), start);
  loop.call_later(1s, note("a"));
  loop.run_until_idle();
  EXPECT_THAT(fired, IsEmpty());
}

TEST_F(ManualTime, FiresTimersInTheOrderOfTheirTimesAtTheirTimes) {
  loop.call_later(3s, note("c"));
  loop.call_later(1s, note("a"));
  loop.call_later(2s, note("b"));
  clock.advance(10s);
  EXPECT_THAT(fired, ElementsAre("a@1", "b@2", "c@3"));
  EXPECT_EQ(clock.now(), start + 10s);
}

TEST_F(ManualTime, FiresTimersOfOneTimeInTheOrderOfTheCalls) {
  for (const char* name : {"a", "b", "c"}) loop.call_later(1s, note(name));
  clock.advance(1s);
  EXPECT_THAT(fired, ElementsAre("a@1", "b@1", "c@1"));
}

TEST_F(ManualTime, FiresNothingEarly) {
  loop.call_later(1s, note("a"));
  clock.advance(999ms);
  EXPECT_THAT(fired, IsEmpty());
  clock.advance(1ms);
  EXPECT_THAT(fired, ElementsAre("a@1"));
}

TEST_F(ManualTime, FiresTimersThatTimersMadeOnTheWay) {
  loop.call_later(1s, [&] { loop.call_later(1s, note("b")); });
  clock.advance(5s);
  EXPECT_THAT(fired, ElementsAre("b@2"));
}

TEST_F(ManualTime, AdvancingByNothingRunsWhatIsDue) {
  loop.call_later(0s, note("zero"));
  loop.call_later(-5s, note("negative"));
  loop.add_callback(note("callback"));
  clock.advance(0s);
  EXPECT_THAT(fired, ElementsAre("callback@0", "zero@0", "negative@0"));
}

TEST_F(ManualTime, RunsWhatIsReadyBeforeItMoves) {
  loop.add_callback(note("ready"));
  loop.add_callback([&] { loop.call_later(1s, note("later")); });
  clock.advance(5s);
  EXPECT_THAT(fired, ElementsAre("ready@0", "later@1"));
}

TEST_F(ManualTime, CancelledTimersDoNotFireEvenWhenDue) {
  TimerId second;
  loop.call_later(1s, [&] { EXPECT_TRUE(loop.cancel(second)); });
  second = loop.call_later(1s, note("never"));
  clock.advance(1s);
  EXPECT_THAT(fired, IsEmpty());
  EXPECT_FALSE(loop.cancel(second));
  EXPECT_FALSE(loop.cancel({}));
}

TEST_F(ManualTime, ATimerTooFarAwayIsNever) {
  loop.call_later(Duration::max(), note("never"));
  clock.advance(std::chrono::hours(24 * 365));
  EXPECT_THAT(fired, IsEmpty());
}

TEST_F(ManualTime, SaysWhenTheNextTimerIsDue) {
  EXPECT_EQ(loop.next_timer(), std::nullopt);
  loop.call_later(7s, [] {});
  EXPECT_EQ(loop.next_timer(), start + 7s);
}

TEST_F(ManualTime, StepsThroughEveryTick) {
  PeriodicCallback tick(loop, 2s, note("tick"));
  tick.start();
  clock.advance(7s);
  EXPECT_THAT(fired, ElementsAre("tick@2", "tick@4", "tick@6"));
  tick.stop();
  EXPECT_FALSE(tick.running());
  clock.advance(10s);
  EXPECT_EQ(fired.size(), 3u);
}

TEST_F(ManualTime, TicksOfTwoRatesInterleave) {
  PeriodicCallback fast(loop, 2s, note("fast")), slow(loop, 3s, note("slow"));
  fast.start();
  slow.start();
  clock.advance(6s);
  EXPECT_THAT(fired, ElementsAre("fast@2", "slow@3", "fast@4", "slow@6", "fast@6"));
}

TEST_F(ManualTime, StartingTwiceTicksOnce) {
  PeriodicCallback tick(loop, 1s, note("tick"));
  tick.start();
  tick.start();
  clock.advance(1s);
  EXPECT_THAT(fired, ElementsAre("tick@1"));
}

TEST_F(ManualTime, ATickMayDestroyItself) {
  auto tick = std::make_unique<PeriodicCallback>(loop, 1s, [] {});
  tick = std::make_unique<PeriodicCallback>(loop, 1s, [&, keep = std::string(100, 'k')] {
    tick.reset();
    fired.push_back(keep.substr(0, 1));
  });
  tick->start();
  clock.advance(5s);
  EXPECT_THAT(fired, ElementsAre("k"));
}

TEST_F(ManualTime, ATickThatThrowsGoesOn) {
  int ticks = 0;
  PeriodicCallback tick(loop, 1s, [&] {
    ++ticks;
    throw std::runtime_error("bad tick");
  });
  tick.start();
  clock.advance(3s);
  EXPECT_EQ(ticks, 3);
}

TEST_F(ManualTime, AnIntervalMustBePositive) {
  EXPECT_THROW(PeriodicCallback(loop, 0s, [] {}), std::invalid_argument);
}

TEST_F(ManualTime, MovesAllLoopsTogether) {
  IOLoop other(clock);
  other.call_later(1s, note("other"));
  loop.call_later(2s, note("loop"));
  clock.advance(2s);
  EXPECT_THAT(fired, ElementsAre("other@1", "loop@2"));
}

TEST_F(ManualTime, ACallbackMayDestroyAnotherLoop) {
  auto other = std::make_unique<IOLoop>(clock);
  other->call_later(2s, note("never"));
  loop.call_later(1s, [&] { other.reset(); });
  clock.advance(2s);
  EXPECT_THAT(fired, IsEmpty());
}

}  // namespace
}  // namespace twister::testing
