// How fast a connection may send, and how much all of them may keep.
#include <chrono>
#include <string>

#include <twister/io_stream.hpp>
#include <twister/memory_budget.hpp>
#include <twister/tcp_server.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

// ---- rates ----

class BytesRate : public MemoryTest {
 protected:
  static StreamOptions limited(const RateLimit& limit) {
    StreamOptions options;
    options.bytes_rate = limit;
    options.read_chunk_size = 100;
    return options;
  }
};

TEST_F(BytesRate, WhatIsWithinItIsReadAtOnce) {
  Script script;
  const auto peer = connect(script, limited({.per_second = 1000}));
  peer->send(std::string(900, 'x'));
  EXPECT_EQ(script.received.size(), 900U);
}

TEST_F(BytesRate, WhatIsAboveItIsReadLaterAndAllOfIt) {
  Script script;
  const auto peer = connect(script, limited({.per_second = 1000}));
  peer->send(std::string(3000, 'x'));
  EXPECT_LE(script.received.size(), 1100U);
  clock.advance(1s);
  EXPECT_LE(script.received.size(), 2200U);
  clock.advance(2s);
  EXPECT_EQ(script.received.size(), 3000U);
}

TEST_F(BytesRate, TheBurstMayBeOfAnotherSize) {
  Script script;
  const auto peer = connect(script, limited({.per_second = 10, .burst = 500}));
  peer->send(std::string(499, 'x'));
  EXPECT_EQ(script.received.size(), 499U);
  peer->send(std::string(500, 'x'));
  EXPECT_LE(script.received.size(), 600U);
}

TEST_F(BytesRate, MayCloseInsteadOfSlowingDown) {
  Script script;
  const auto peer =
      connect(script, limited({.per_second = 1000, .when_exceeded = RateExceeded::close}));
  peer->send(std::string(3000, 'x'));
  peer->end();
  EXPECT_EQ(script.reason.code, Errc::rate_limit);
  EXPECT_EQ(script.reason.code, Condition::limit);
  EXPECT_THAT(script.reason.message(), HasSubstr("bytes_rate of 1000 a second"));
}

TEST_F(BytesRate, AConnectionThatIsHeldUpEndsWithoutATrace) {
  Script script;
  const auto peer = connect(script, limited({.per_second = 10}));
  peer->send(std::string(1000, 'x'));
  script.conn->abort();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(loop.next_timer(), std::nullopt);
}

// ---- the budget ----

// A base of its own, so that it outlives the loop.
struct BudgetOfATest {
  std::unique_ptr<MemoryBudget> budget;
};

class Budget : private BudgetOfATest, public MemoryTest {
 protected:
  using BudgetOfATest::budget;
  StreamOptions within(std::size_t bytes) {
    budget = std::make_unique<MemoryBudget>(bytes);
    StreamOptions options;
    options.memory_budget = budget.get();
    return options;
  }
  // Output of that size waits.
  void stall(Script& script, MemoryPeer& peer, std::size_t bytes) {
    peer.stop_receiving();
    script.conn->write(std::string(bytes, 'x'));
    loop.run_until_idle();
  }
};

TEST_F(Budget, CountsOutputThatWaitsAndNothingElse) {
  Script script;
  const auto peer = connect(script, within(10'000'000));
  peer->send("hello");
  EXPECT_EQ(budget->used_bytes(), 0U);
  stall(script, *peer, 1'000'000);
  EXPECT_EQ(budget->used_bytes(), script.conn->queued_bytes());
  EXPECT_GT(budget->used_bytes(), 800'000U);
  peer->go_on_receiving();
  peer->take();
  EXPECT_EQ(budget->used_bytes(), 0U);
}

TEST_F(Budget, IsGivenBackWhenTheConnectionEnds) {
  Script script;
  const auto peer = connect(script, within(10'000'000));
  stall(script, *peer, 1'000'000);
  script.conn->abort();
  loop.run_until_idle();
  EXPECT_EQ(budget->used_bytes(), 0U);
}

TEST_F(Budget, CountsWhatAStreamHasReceivedAndNobodyReads) {
  auto ends = memory_transport_pair(loop);
  IOStream stream(loop, std::move(ends.first), within(1'000'000));
  const std::string text(50'000, 'x');
  const ByteView bytes = as_bytes(text);
  ends.second->send({&bytes, 1});
  stream.read_bytes(60'000, [](std::error_code, ByteView) {});
  loop.run_until_idle();
  EXPECT_EQ(budget->used_bytes(), 50'000U);
}

TEST_F(Budget, WhoKeepsMuchIsNotReadFromWhenItIsShort) {
  Script script;
  StreamOptions options = within(1'000'000);
  options.when_output_is_high = OutputHigh::keep_reading;
  const auto peer = connect(script, options);
  stall(script, *peer, 1'020'000);  // 64 KiB of it are in the peer's hands
  ASSERT_TRUE(budget->is_short());
  peer->send("not now");
  EXPECT_EQ(script.received, "");
  peer->go_on_receiving();
  peer->take();
  clock.advance(100ms);
  EXPECT_EQ(script.received, "not now");
}

TEST_F(Budget, WhoKeepsMuchIsNotReadFromAsLongAsItIsShort) {
  Script script;
  script.data = [](Protocol& conn, std::string_view data) { conn.write(data); };
  StreamOptions options = within(1'000'000);
  options.when_output_is_high = OutputHigh::keep_reading;
  const auto peer = connect(script, options);
  stall(script, *peer, 1'020'000);  // 64 KiB of it are in the peer's hands
  for (int i = 0; i < 50; ++i) {
    peer->send(std::string(100'000, 'x'));
    clock.advance(100ms);
  }
  EXPECT_EQ(script.received, "");
  EXPECT_EQ(script.count("close"), 0);
}

TEST_F(Budget, WhoKeepsMuchAndWantsMoreIsAbortedWhenItIsUsedUp) {
  Script greedy;
  Script modest;
  const StreamOptions options = within(1'000'000);
  const auto other = connect(modest, options);
  const auto peer = connect(greedy, options);
  stall(modest, *other, 100'000);
  stall(greedy, *peer, 900'000);
  stall(greedy, *peer, 900'000);
  EXPECT_EQ(greedy.reason.code, Errc::memory_limit);
  EXPECT_EQ(modest.count("close"), 0);
  EXPECT_LT(budget->used_bytes(), 100'000U);
}

TEST_F(Budget, NewConnectionsAreRefusedWhenItIsUsedUp) {
  ServerOptions options;
  options.stream = within(100'000);
  budget->change(0, 100'000);
  TcpServer server(
      loop, ":0", [] { return std::make_unique<Protocol>(); }, options);
  MemoryPeer refused(server);
  loop.run_until_idle();
  EXPECT_TRUE(refused.ended());
  EXPECT_THAT(log.lines(), Contains(HasSubstr("memory_budget")));
  budget->change(100'000, 0);
  MemoryPeer welcome(server);
  loop.run_until_idle();
  EXPECT_FALSE(welcome.ended());
}

TEST(ProcessBudget, IsAPartOfTheMachinesMemory) {
  const std::size_t bytes = MemoryBudget::of_process().limit_bytes();
  EXPECT_GT(bytes, 16U * 1024 * 1024);
  EXPECT_LT(bytes, std::size_t{1} << 50);
}

TEST_F(BytesRate, WhoIsHeldUpIsNotIdle) {
  Script script;
  StreamOptions options = limited({.per_second = 10, .burst = 100});
  options.idle_timeout = 5s;
  const auto peer = connect(script, options);
  peer->send(std::string(400, 'x'));
  clock.advance(19s);
  EXPECT_EQ(script.count("close"), 0);
  EXPECT_LT(script.received.size(), 400U);
  clock.advance(12s);
  EXPECT_EQ(script.received.size(), 400U);
  clock.advance(1min);
  EXPECT_EQ(script.reason.code, Errc::idle_timeout);
}

}  // namespace
}  // namespace twister::testing
