// How long a message may take to arrive.
#include <chrono>
#include <string>

#include "pair.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class MessageTimeout : public ::testing::Test {
 protected:
  ManualClock clock;
  Kept<Frames> kept;
  IOLoop loop{clock};
  MemoryPeer peer{loop, std::make_unique<Keeper<Frames>>(kept)};
};

TEST_F(MessageTimeout, AnUnfinishedMessageClosesTheConnectionAfterThirtySeconds) {
  peer.send(frame("hello").substr(0, 5));
  clock.advance(29s);
  EXPECT_FALSE(peer.ended());
  clock.advance(1s);
  EXPECT_TRUE(peer.ended());
  peer.end();
  ASSERT_EQ(kept.closes.size(), 1U);
  EXPECT_EQ(kept.closes.front().code, Errc::message_timeout);
}

TEST_F(MessageTimeout, AByteASecondDoesNotHelp) {
  const std::string long_one = frame(std::string(100, 'x'));
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_FALSE(peer.ended()) << "after " << i << " bytes";
    peer.send(long_one.substr(i, 1));
    clock.advance(1s);
  }
  EXPECT_TRUE(peer.ended());
}

TEST_F(MessageTimeout, EachMessageHasTheWholeTime) {
  const std::string two = frame("one") + frame("two");
  peer.send(two.substr(0, 5));
  clock.advance(20s);
  peer.send(two.substr(5, 5));  // the end of the first and the beginning of the second
  clock.advance(20s);
  EXPECT_FALSE(peer.ended());
  peer.send(two.substr(10));
  EXPECT_THAT(kept.messages, ElementsAre("one", "two"));
}

TEST_F(MessageTimeout, BetweenMessagesThereIsAllTheTime) {
  peer.send(frame("one").substr(0, 3));
  peer.send(frame("one").substr(3));
  clock.advance(1h);
  EXPECT_FALSE(peer.ended());
}

TEST_F(MessageTimeout, APausedConnectionIsNotBlamedForItsWait) {
  kept.message = [](auto& conn, std::string_view) { conn.pause_reading(); };
  peer.send(frame("one") + frame("two"));
  clock.advance(1h);
  EXPECT_FALSE(peer.ended());
  kept.conn->resume_reading();
  loop.run_until_idle();
  EXPECT_THAT(kept.messages, ElementsAre("one", "two"));
}

TEST_F(MessageTimeout, AMessageThatIsHeldUpHereHasTheWholeTimeAfterwards) {
  peer.send(frame("hello").substr(0, 5));
  kept.conn->pause_reading();
  clock.advance(1h);
  EXPECT_FALSE(peer.ended());
  kept.conn->resume_reading();
  clock.advance(29s);
  EXPECT_FALSE(peer.ended());
  clock.advance(1s);
  EXPECT_TRUE(peer.ended());
}

}  // namespace
}  // namespace twister::testing
