// How to test a Protocol: no socket, no sleep, and a day passes in a microsecond.
#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/protocol.hpp>
#include <twister/testing/manual_clock.hpp>
#include <twister/testing/memory_transport.hpp>

namespace {

using namespace std::chrono_literals;

// The program: an echo that hangs up on whoever says nothing for 30 seconds.
class IdleEcho : public twister::Protocol {
 public:
  ~IdleEcho() override { EXPECT_FALSE(timer_); }

 private:
  void on_connect() override { wait(); }
  void on_data(twister::ByteView data) override {
    loop().cancel(timer_);
    wait();
    write(data);
  }
  void on_close(const twister::CloseReason&) override { loop().cancel(std::exchange(timer_, {})); }

  void wait() {
    timer_ = loop().call_later(30s, [this] {
      write("too slow\n");
      close();
    });
  }

  twister::TimerId timer_;
};

TEST(IdleEchoExample, HangsUpAfterThirtySecondsOfSilence) {
  twister::testing::ManualClock clock;
  twister::IOLoop loop(clock);
  twister::testing::MemoryPeer peer(loop, std::make_unique<IdleEcho>());

  clock.advance(29s);
  peer.send("still here");
  EXPECT_EQ(peer.take(), "still here");

  clock.advance(29s);
  EXPECT_FALSE(peer.ended());  // the timer began anew

  clock.advance(1s);
  EXPECT_EQ(peer.take(), "too slow\n");
  EXPECT_TRUE(peer.ended());
}

}  // namespace
