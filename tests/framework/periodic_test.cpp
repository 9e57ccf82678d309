#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>

#include "memory/script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// Jumps, as time does for a loop that was busy: a ManualClock would stop at every timer.
class JumpingClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return now_; }
  bool real() const noexcept override { return false; }
  void jump(Duration by) { now_ += by; }

 private:
  TimePoint now_{1h};
};

class Periodic : public ::testing::Test {
 protected:
  // Milliseconds since the test began.
  long elapsed() const {
    return static_cast<long>((clock.now() - TimePoint(1h)) / std::chrono::milliseconds(1));
  }
  void pass(Duration time) {
    clock.jump(time);
    loop.run_until_idle();
  }
  IOLoop::Callback write_down() {
    return [this] { ticks.push_back(elapsed()); };
  }

  JumpingClock clock;
  IOLoop loop{clock};
  std::vector<long> ticks;
};

TEST_F(Periodic, FirstCallComesOneIntervalAfterTheStart) {
  PeriodicCallback every(loop, 100ms, write_down());
  pass(1s);
  EXPECT_FALSE(every.running());
  every.start();
  EXPECT_TRUE(every.running());
  pass(99ms);
  EXPECT_THAT(ticks, ElementsAre());
  pass(1ms);
  EXPECT_THAT(ticks, ElementsAre(1100));
}

TEST_F(Periodic, LateCallsDoNotMoveTheGrid) {
  PeriodicCallback every(loop, 100ms, write_down());
  every.start();
  pass(130ms);
  pass(69ms);
  pass(1ms);
  pass(100ms);
  EXPECT_THAT(ticks, ElementsAre(130, 200, 300));
}

TEST_F(Periodic, MissedTicksAreSkipped) {
  PeriodicCallback every(loop, 100ms, write_down());
  every.start();
  pass(1050ms);
  pass(49ms);
  pass(1ms);
  EXPECT_THAT(ticks, ElementsAre(1050, 1100));
}

TEST_F(Periodic, ALateCallExactlyOnTheGridCountsAsThatTick) {
  PeriodicCallback every(loop, 100ms, write_down());
  every.start();
  pass(300ms);
  pass(99ms);
  pass(1ms);
  EXPECT_THAT(ticks, ElementsAre(300, 400));
}

TEST_F(Periodic, StoppedItIsSilentAndMayStartAgain) {
  PeriodicCallback every(loop, 100ms, write_down());
  every.start();
  pass(100ms);
  every.stop();
  every.stop();
  EXPECT_FALSE(every.running());
  pass(150ms);
  every.start();
  pass(100ms);
  EXPECT_THAT(ticks, ElementsAre(100, 350));
}

TEST_F(Periodic, MayStopInsideItsCallback) {
  std::optional<PeriodicCallback> every;
  every.emplace(loop, 100ms, [&] {
    ticks.push_back(elapsed());
    every->stop();
  });
  every->start();
  pass(100ms);
  pass(100ms);
  EXPECT_THAT(ticks, ElementsAre(100));
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(Periodic, MayRestartInsideItsCallbackOnANewGrid) {
  std::optional<PeriodicCallback> every;
  every.emplace(loop, 100ms, [&] {
    ticks.push_back(elapsed());
    every->stop();
    every->start();
  });
  every->start();
  pass(130ms);
  pass(99ms);
  pass(1ms);
  EXPECT_THAT(ticks, ElementsAre(130, 230));
}

TEST_F(Periodic, MayBeDestroyedInsideItsCallback) {
  auto kept = std::make_shared<int>(7);
  std::unique_ptr<PeriodicCallback> every;
  every = std::make_unique<PeriodicCallback>(loop, 100ms, [&, kept] {
    every.reset();
    ticks.push_back(*kept);  // the callback lives until it returns
  });
  every->start();
  pass(100ms);
  pass(100ms);
  EXPECT_THAT(ticks, ElementsAre(7));
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_F(Periodic, GoesOnAfterAnException) {
  const CapturedLog log;
  PeriodicCallback every(loop, 100ms, [&] {
    ticks.push_back(elapsed());
    throw std::runtime_error("no");
  });
  every.start();
  pass(100ms);
  pass(100ms);
  EXPECT_THAT(ticks, ElementsAre(100, 200));
  EXPECT_THAT(log.lines(), ElementsAre("level=error event=callback_threw callback=loop what=no"));
}

TEST_F(Periodic, TheLongestIntervalIsNever) {
  PeriodicCallback every(loop, Duration::max(), write_down());
  every.start();
  EXPECT_TRUE(every.running());
  pass(24h * 365);
  EXPECT_THAT(ticks, ElementsAre());
}

TEST_F(Periodic, AnIntervalOfNothingOrLessIsRefused) {
  EXPECT_THROW(PeriodicCallback(loop, 0ms, write_down()), std::invalid_argument);
  EXPECT_THROW(PeriodicCallback(loop, -1ms, write_down()), std::invalid_argument);
}

}  // namespace
}  // namespace twister::testing
