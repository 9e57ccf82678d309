// How many messages a second a connection may send.
#include <chrono>
#include <string>

#include "pair.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;

class MessageRate : public ::testing::Test {
 protected:
  std::unique_ptr<MemoryPeer> connect(const RateLimit& limit) {
    StreamOptions options;
    options.message_rate = limit;
    return std::make_unique<MemoryPeer>(loop, std::make_unique<Keeper<Frames>>(kept), options);
  }
  static std::string empty_frames(int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += frame("");
    return all;
  }

  ManualClock clock;
  Kept<Frames> kept;
  IOLoop loop{clock};
};

TEST_F(MessageRate, CountsEmptyMessagesToo) {
  const auto peer = connect({.per_second = 10});
  peer->send(empty_frames(25));
  EXPECT_THAT(kept.messages, SizeIs(10));
  clock.advance(1s);
  EXPECT_THAT(kept.messages, SizeIs(20));
  clock.advance(1s);
  EXPECT_THAT(kept.messages, SizeIs(25));
}

TEST_F(MessageRate, MayCloseInsteadOfSlowingDown) {
  const auto peer = connect({.per_second = 10, .when_exceeded = RateExceeded::close});
  peer->send(empty_frames(25));
  peer->end();
  EXPECT_THAT(kept.messages, SizeIs(10));
  ASSERT_THAT(kept.closes, SizeIs(1));
  EXPECT_EQ(kept.closes.front().code, Errc::rate_limit);
}

TEST_F(MessageRate, AMessageThatWaitsForItsTurnIsNotOverdue) {
  const auto peer = connect({.per_second = 1});
  peer->send(empty_frames(40));
  clock.advance(60s);
  EXPECT_THAT(kept.messages, SizeIs(40));
  EXPECT_THAT(kept.closes, SizeIs(0));
}

}  // namespace
}  // namespace twister::testing
