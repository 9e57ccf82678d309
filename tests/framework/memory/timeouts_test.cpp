// What has to happen within a time: output taken, messages complete, connections used and closed.
#include <chrono>
#include <stdexcept>
#include <string>

#include <twister/io_stream.hpp>
#include <twister/tcp_server.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;

class Timeouts : public MemoryTest {
 protected:
  // Writes more than the peer's buffer holds, so that output waits.
  void stall(Script& script, MemoryPeer& peer) {
    peer.stop_receiving();
    script.conn->write(std::string(200'000, 'x'));
    loop.run_until_idle();
  }
};

TEST_F(Timeouts, APeerThatTakesNothingIsAbortedAfterTheWriteTimeout) {
  Script script;
  const auto peer = connect(script);
  stall(script, *peer);
  clock.advance(29s);
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(2s);
  EXPECT_EQ(script.reason.code, Errc::write_timeout);
  EXPECT_EQ(script.reason.code, Condition::timed_out);
  EXPECT_THAT(script.reason.message(), ::testing::HasSubstr("bytes were not taken"));
}

TEST_F(Timeouts, EveryByteTakenGrantsTheWriteTimeoutAnew) {
  Script script;
  const auto far = connect_bare(script, {}, 100);
  script.conn->write(std::string(1000, 'x'));
  for (int i = 0; i < 5; ++i) {
    clock.advance(29s);
    ASSERT_EQ(receive(*far, 1), "x");
  }
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(30s);
  EXPECT_EQ(script.reason.code, Errc::write_timeout);
}

TEST_F(Timeouts, OutputThatWasTakenInTimeLeavesNoDeadlineBehind) {
  Script script;
  const auto peer = connect(script);
  stall(script, *peer);
  clock.advance(20s);
  peer->go_on_receiving();
  EXPECT_EQ(peer->take().size(), 200'000U);
  clock.advance(1h);
  EXPECT_EQ(script.count("close"), 0);
  EXPECT_EQ(loop.next_timer(), std::nullopt);
}

TEST_F(Timeouts, ASecondWaitIsMeasuredFromItsOwnBeginning) {
  Script script;
  const auto peer = connect(script);
  stall(script, *peer);
  clock.advance(20s);
  peer->go_on_receiving();
  peer->take();
  stall(script, *peer);
  clock.advance(29s);
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(1s);
  EXPECT_EQ(script.reason.code, Errc::write_timeout);
}

TEST_F(Timeouts, ClosingEndsAfterItsMostTimeHoweverSteadilyThePeerTakes) {
  Script script;
  const auto far = connect_bare(script, {.max_close_time = 60s}, 100);
  script.conn->write(std::string(1000, 'x'));
  script.conn->close();
  for (int i = 0; i < 11; ++i) {
    clock.advance(5s);
    ASSERT_EQ(receive(*far, 1), "x");
  }
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(5s);
  EXPECT_EQ(script.reason.code, Errc::close_timeout);
}

TEST_F(Timeouts, AnIdleConnectionClosesAfterItsTimeout) {
  Script script;
  const auto peer = connect(script, {.idle_timeout = 3s});
  clock.advance(2900ms);
  EXPECT_EQ(script.count("close"), 0);
  EXPECT_FALSE(peer->ended());
  clock.advance(200ms);
  EXPECT_TRUE(peer->ended());
  peer->end();
  EXPECT_EQ(script.reason.code, Errc::idle_timeout);
}

TEST_F(Timeouts, ReceivingIsNotIdle) {
  Script script;
  const auto peer = connect(script, {.idle_timeout = 3s});
  for (int i = 0; i < 4; ++i) {
    clock.advance(2s);
    peer->send("x");
  }
  EXPECT_FALSE(peer->ended());
  clock.advance(3s);
  EXPECT_TRUE(peer->ended());
}

TEST_F(Timeouts, SendingIsNotIdle) {
  Script script;
  const auto peer = connect(script, {.idle_timeout = 3s});
  for (int i = 0; i < 4; ++i) {
    clock.advance(2s);
    script.conn->write("x");
    loop.run_until_idle();
  }
  EXPECT_FALSE(peer->ended());
  clock.advance(3s);
  EXPECT_TRUE(peer->ended());
}

TEST_F(Timeouts, WithoutAnIdleTimeoutASilentConnectionHasNoTimer) {
  Script script;
  const auto peer = connect(script);
  peer->send("hello");
  EXPECT_EQ(loop.next_timer(), std::nullopt);
  clock.advance(10'000h);
  EXPECT_EQ(script.count("close"), 0);
}

// ---- options ----

TEST_F(Timeouts, TheIdleTimeoutMayBeChangedAndSaysWhatItWas) {
  Script script;
  const auto peer = connect(script, {.idle_timeout = 5s});
  clock.advance(4s);
  EXPECT_EQ(script.conn->set_idle_timeout(10s), 5s);
  clock.advance(9s);
  EXPECT_EQ(script.conn->set_idle_timeout(never), 10s);
  clock.advance(1h);
  EXPECT_EQ(script.conn->set_idle_timeout(2s), never);
  clock.advance(1999ms);
  EXPECT_TRUE(script.conn->is_open());
  clock.advance(1ms);
  EXPECT_FALSE(script.conn->is_open());
  peer->end();
  EXPECT_EQ(script.reason.code, Errc::idle_timeout);
}

TEST_F(Timeouts, ChangingTheIdleTimeoutAfterTheEndChangesNothing) {
  Script script;
  script.close = [](Protocol& conn, const CloseReason&) { conn.set_idle_timeout(1s); };
  const auto peer = connect(script, {.idle_timeout = 5s});
  clock.advance(5s);
  clock.advance(1h);
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(loop.next_timer(), std::nullopt);
}

TEST_F(Timeouts, HaveToBePositive) {
  Script script;
  EXPECT_THROW(connect(script, {.handshake_timeout = 0ms}), std::invalid_argument);
  EXPECT_THROW(connect(script, {.idle_timeout = -1ms}), std::invalid_argument);
  EXPECT_THROW(TcpServer(loop, "", build<Protocol>(), {.stream = {.message_timeout = 0ms}}),
               std::invalid_argument);
  EXPECT_THROW(IOStream(loop, memory_transport_pair(loop).first, {.write_timeout = 0ms}),
               std::invalid_argument);
  const auto peer = connect(script);
  EXPECT_THROW(script.conn->set_idle_timeout(0ms), std::invalid_argument);
  EXPECT_TRUE(script.conn->is_open());
}

}  // namespace
}  // namespace twister::testing
