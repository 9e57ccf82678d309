// Watchdog, by hand: the test is the blocked callback, and looks at its own loop.
#include "twister/watchdog.hpp"

#include <stdexcept>
#include <string>
#include <thread>

#include "loop_core.hpp"
#include "script.hpp"

namespace twister::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Time that only the test moves, and that runs no loop when it does.
class HandClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return now_; }
  bool real() const noexcept override { return false; }
  void advance(Duration by) { now_ += by; }

 private:
  TimePoint now_{std::chrono::hours(1)};
};

class Dog : public MemoryTest {
 protected:
  // Blocks as long as the watchdog needs for so many looks.
  void block(int looks) {
    for (int i = 0; i < looks; ++i) {
      watchdog.check();
      time.advance(std::chrono::milliseconds(250));
    }
  }
  void block_in_a_callback(int looks) {
    loop.add_callback([this, looks] { block(looks); });
    loop.run_until_idle();
  }

  HandClock time;
  Watchdog watchdog{{&loop}, {.limit = std::chrono::seconds(1), .clock = &time}};
};

TEST_F(Dog, SaysWhichCallbackBlocksTheLoopAndForHowLong) {
  block_in_a_callback(9);
  EXPECT_THAT(
      log.lines(),
      ElementsAre("level=error event=loop_stalled loop=0 callback=callback milliseconds=1000",
                  "level=warning event=loop_stall_ended loop=0 callback=callback "
                  "milliseconds=2250 peer=\"\""));
  EXPECT_EQ(watchdog.stalls(), 1u);
}

TEST_F(Dog, SaysNothingOfACallbackWithinTheLimit) {
  for (int i = 0; i < 20; ++i) block_in_a_callback(4);
  EXPECT_THAT(log.lines(), IsEmpty());
}

TEST_F(Dog, TellsTwoStallsApart) {
  block_in_a_callback(5);
  block_in_a_callback(5);
  EXPECT_EQ(watchdog.stalls(), 2u);
}

TEST_F(Dog, CountsEveryTurnAsProgress) {
  // The loop never comes to the watchdog's own callback, but it gets somewhere.
  loop.add_callback([this] {
    for (int i = 0; i < 20; ++i) {
      watchdog.check();
      loop.core().activity().count_turn();
    }
  });
  loop.run_until_idle();
  EXPECT_THAT(log.lines(), IsEmpty());
}

TEST_F(Dog, NamesTheProtocolsCallbackAndThePeer) {
  Script script;
  script.connect = [this](Protocol&) { block(5); };
  const auto peer = connect(script, {}, {.second_address = Address::parse("10.0.0.7:51022")});
  EXPECT_THAT(log.lines().at(0), HasSubstr("callback=on_connect milliseconds=1000"));
  EXPECT_THAT(log.lines().at(1), HasSubstr("callback=on_connect milliseconds=1250 peer=10.0.0.7:"));
}

TEST_F(Dog, NamesTheEndOfAConnection) {
  Script script;
  script.close = [this](Protocol&, const CloseReason&) { block(5); };
  connect(script)->end();
  EXPECT_THAT(log.lines().at(0), HasSubstr("callback=on_close "));
  EXPECT_THAT(log.lines().at(1), HasSubstr("peer=\"\""));  // there is no such connection any more
}

TEST_F(Dog, NamesTimersAndTheFactory) {
  loop.call_later(std::chrono::seconds(0), [this] { block(5); });
  loop.run_until_idle();
  EXPECT_THAT(log.lines().at(0), HasSubstr("callback=timer "));
  const CapturedLog fresh;
  TcpServer server(loop, "", [this]() -> std::unique_ptr<Protocol> {
    block(5);
    return nullptr;
  });
  loop.add_callback([&] { MemoryPeer(server).end(); });
  loop.run_until_idle();
  EXPECT_THAT(fresh.lines().at(0), HasSubstr("callback=build_class "));
}

TEST_F(Dog, NamesTheCallbackThatIsStillRunningWhenAnotherEndedInside) {
  loop.add_callback([this] {
    loop.run_until_idle();  // comes to the end of something else
    block(5);
  });
  loop.run_until_idle();
  EXPECT_THAT(log.lines().at(0), HasSubstr("callback=callback "));
}

TEST_F(Dog, LeavesALoopAloneThatDoesNotRun) {
  block(20);
  EXPECT_THAT(log.lines(), IsEmpty());
  block_in_a_callback(3);
  block(20);
  EXPECT_THAT(log.lines(), IsEmpty());
}

TEST_F(Dog, MakesNothingOfAPauseOfTheWholeProcess) {
  loop.add_callback([this] {
    block(3);
    time.advance(std::chrono::minutes(5));  // SIGSTOP, or a machine that was suspended
    watchdog.check();
  });
  loop.run_until_idle();
  EXPECT_THAT(log.lines(), IsEmpty());
}

TEST_F(Dog, MayGoWhileItsQuestionIsOnTheWay) {
  auto brief = std::make_unique<Watchdog>(std::vector<IOLoop*>{&loop});
  loop.add_callback([&] {
    brief->check();
    brief.reset();
  });
  loop.run_until_idle();
  EXPECT_THAT(log.lines(), IsEmpty());
}

TEST_F(Dog, MayHaveALimitThatNeverIsReached) {
  Watchdog patient({&loop}, {.limit = std::chrono::milliseconds::max()});
  loop.add_callback([&] {
    patient.start();
    for (int i = 0; i < 100'000; ++i) std::this_thread::yield();
  });
  loop.run_until_idle();
  EXPECT_EQ(patient.stalls(), 0u);
}

TEST_F(Dog, RefusesALimitThatIsNone) {
  EXPECT_THROW(Watchdog({&loop}, {.limit = std::chrono::milliseconds(3)}), std::invalid_argument);
}

}  // namespace
}  // namespace twister::testing
