// Output that is not taken: the water marks, the hard limit, and rooms with members that come and go.
#include <array>

#include "script.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;

class Backpressure : public MemoryTest {
 protected:
  // The transport takes this much by itself.
  static constexpr std::size_t capacity = 1024;
};

TEST_F(Backpressure, ExactlyTheHighMarkDoesNotPause) {
  Script script;
  const auto far = connect_bare(script, {}, capacity);
  EXPECT_EQ(script.conn->write(std::string(capacity + 65'536, 'x')), WriteStatus::queued);
  loop.run_until_idle();
  EXPECT_EQ(script.conn->queued_bytes(), 65'536u);
  EXPECT_THAT(script.events, ElementsAre("connect"));
}

TEST_F(Backpressure, OneByteMorePausesOnceHoweverManyMoreAreWritten) {
  Script script;
  const auto far = connect_bare(script, {}, capacity);
  script.conn->write(std::string(capacity + 65'536, 'x'));
  EXPECT_EQ(script.conn->write("x"), WriteStatus::paused);
  for (int i = 0; i < 100; ++i) {
    script.conn->write("more");
    loop.run_until_idle();
  }
  EXPECT_THAT(script.events, ElementsAre("connect", "paused"));
}

TEST_F(Backpressure, ResumesOnceAtExactlyTheLowMark) {
  Script script;
  const auto far = connect_bare(script, {}, capacity);
  script.conn->write(std::string(capacity + 65'537, 'x'));
  loop.run_until_idle();
  receive(*far, 65'537 - 16'385);
  EXPECT_EQ(script.conn->queued_bytes(), 16'385u);
  EXPECT_THAT(script.events, ElementsAre("connect", "paused"));
  receive(*far, 1);
  EXPECT_EQ(script.conn->queued_bytes(), 16'384u);
  receive(*far, 100'000);
  EXPECT_THAT(script.events, ElementsAre("connect", "paused", "resumed"));
}

TEST_F(Backpressure, PausesAndResumesAgain) {
  Script script;
  const auto far = connect_bare(script, {}, capacity);
  for (int i = 0; i < 2; ++i) {
    script.conn->write(std::string(100'000, 'x'));
    loop.run_until_idle();
    receive(*far, 100'000);
  }
  EXPECT_THAT(script.events, ElementsAre("connect", "paused", "resumed", "paused", "resumed"));
}

TEST_F(Backpressure, ManySmallWritesPauseOnce) {
  Script script;
  const auto far =
      connect_bare(script, {.high_watermark_bytes = 500, .low_watermark_bytes = 100}, 1);
  for (int i = 0; i < 20; ++i) script.conn->write(std::string(50, 'x'));
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("connect", "paused"));
  receive(*far, 1000);
  EXPECT_THAT(script.events, ElementsAre("connect", "paused", "resumed"));
}

TEST_F(Backpressure, WriteOfNothingHasNoEffect) {
  Script script;
  const auto peer = connect(script);
  EXPECT_EQ(script.conn->write(""), WriteStatus::queued);
  EXPECT_EQ(script.conn->write(SharedBytes()), WriteStatus::queued);
  EXPECT_EQ(script.conn->queued_bytes(), 0u);
  EXPECT_EQ(peer->take(), "");
}

TEST_F(Backpressure, ReadingStopsWhileOutputIsHigh) {
  Script script;
  script.data = [](Protocol& conn, std::string_view) { conn.write(std::string(100'000, 'r')); };
  const auto peer = connect(script, {.read_chunk_size = 1}, {.capacity_bytes = capacity});
  peer->stop_receiving();
  peer->send("123");
  EXPECT_EQ(script.received, "1");
  peer->go_on_receiving();
  EXPECT_EQ(script.received, "123");
  EXPECT_EQ(peer->take().size(), 300'000u);
}

TEST_F(Backpressure, ReadingGoesOnWhereItWasAskedFor) {
  Script script;
  script.data = [](Protocol& conn, std::string_view) { conn.write(std::string(100'000, 'r')); };
  const auto peer =
      connect(script, {.when_output_is_high = OutputHigh::keep_reading, .read_chunk_size = 1},
              {.capacity_bytes = 1});
  peer->stop_receiving();
  peer->send("123");
  EXPECT_EQ(script.received, "123");
  EXPECT_EQ(script.count("paused"), 1);
}

TEST_F(Backpressure, EchoToAPeerThatDoesNotReadIsBounded) {
  Script script;
  script.data = [](Protocol& conn, std::string_view data) { conn.write(data); };
  const auto peer = connect(script);
  peer->stop_receiving();
  const std::size_t sent = peer->send(std::string(10'000'000, 'x'));
  EXPECT_LT(sent, 400'000u);  // both directions of the transport, the high mark and one chunk
  EXPECT_LE(script.conn->queued_bytes(), 65'536u + 72 * 1024);
  EXPECT_EQ(script.count("close"), 0);
}

// ---- the hard limit ----

TEST_F(Backpressure, EchoToAPeerThatTakesNothingKeepsLittleMoreThanTheHighMark) {
  Script script;
  script.data = [](Protocol& conn, std::string_view data) { conn.write(data); };
  const auto peer = connect(script);
  peer->stop_receiving();
  for (int i = 0; i < 50; ++i) peer->send(std::string(60'000, 'x'));
  EXPECT_LE(script.conn->queued_bytes(), (64 + 4) * 1024U);
}

TEST_F(Backpressure, ExactlyTheHardLimitIsKept) {
  Script script;
  const auto far = connect_bare(script, {.max_write_buffer_size = 100'000}, capacity);
  EXPECT_EQ(script.conn->write(std::string(capacity + 100'000, 'x')), WriteStatus::paused);
  loop.run_until_idle();
  EXPECT_EQ(script.conn->queued_bytes(), 100'000u);
  EXPECT_EQ(script.count("close"), 0);
}

TEST_F(Backpressure, AboveTheHardLimitTheConsumerIsGivenUp) {
  Script script;
  const auto far = connect_bare(script, {.max_write_buffer_size = 100'000}, capacity);
  script.conn->write(std::string(capacity + 100'000, 'x'));
  EXPECT_EQ(script.conn->write("x"), WriteStatus::dropped);
  EXPECT_EQ(script.conn->write("x"), WriteStatus::closed);
  EXPECT_EQ(script.conn->queued_bytes(), 0u);  // the memory is given back at once
  EXPECT_EQ(script.count("close"), 0);         // but nobody is told inside the call
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::write_limit);
  EXPECT_EQ(script.reason.code, Condition::limit);
  EXPECT_EQ(script.reason.detail, "output of 100001 bytes exceeds max_write_buffer_size 100000");
}

TEST_F(Backpressure, SharedBytesCountToTheHardLimit) {
  Script script;
  const auto far = connect_bare(script, {.max_write_buffer_size = 100'000}, capacity);
  const SharedBytes bytes(std::string(60'000, 'x'));
  EXPECT_EQ(script.conn->write(bytes), WriteStatus::queued);
  EXPECT_EQ(script.conn->write(bytes), WriteStatus::dropped);
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::write_limit);
}

TEST_F(Backpressure, FlushesBeforeItGivesUp) {
  Script script;
  const auto peer = connect(script, {.max_write_buffer_size = 100}, {.capacity_bytes = capacity});
  loop.add_callback([&] {
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(script.conn->write(std::string(100, 'x')), WriteStatus::queued);
  });
  EXPECT_EQ(peer->take().size(), 1000u);
}

TEST_F(Backpressure, AReaderThatTakesItAllIsNeverGivenUp) {
  Script script;
  const std::size_t hundred_mib = 100 * 1024 * 1024;
  const auto far = connect_bare(script, {}, hundred_mib);
  loop.add_callback([&] {
    const std::string mib(1024 * 1024, 'x');
    for (int i = 0; i < 100; ++i) EXPECT_EQ(script.conn->write(mib), WriteStatus::queued);
  });
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 0);
  EXPECT_EQ(receive(*far, hundred_mib).size(), hundred_mib);
}

TEST_F(Backpressure, OneWriteBeyondTheHardLimitPassesIfTheTransportTakesEnoughOfIt) {
  Script script;
  const auto far = connect_bare(script, {.max_write_buffer_size = 100'000}, 1'000'000);
  EXPECT_EQ(script.conn->write(std::string(1'000'000, 'x')), WriteStatus::queued);
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 1'000'000).size(), 1'000'000u);
}

// ---- errors while sending ----

TEST_F(Backpressure, SendThatFailsStillDeliversWhatCameBefore) {
  Script script;
  auto [near, far] = memory_transport_pair(loop);
  make_connection(
      loop, std::make_unique<FaultyTransport>(loop, std::move(near), FaultPlan{.fail_send_at = 1}),
      std::make_unique<Scripted>(script));
  loop.run_until_idle();
  const ByteView bytes = as_bytes("last words");
  far->send({&bytes, 1});
  script.conn->write("x");
  loop.run_until_idle();
  EXPECT_EQ(script.received, "last words");
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "close"));
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_F(Backpressure, SendThatFailsEndsAConnectionThatIsPaused) {
  Script script;
  auto [near, far] = memory_transport_pair(loop);
  const FaultPlan plan{.fail_send_at = 1, .error = std::make_error_code(std::errc::timed_out)};
  make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(near), plan),
                  std::make_unique<Scripted>(script));
  loop.run_until_idle();
  script.conn->pause_reading();
  script.conn->write("x");
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, std::errc::timed_out);
}

TEST_F(Backpressure, ReceiveThatFailsIsTheReason) {
  Script script;
  auto [near, far] = memory_transport_pair(loop);
  const FaultPlan plan{.fail_receive_at = 1,
                       .error = std::make_error_code(std::errc::host_unreachable)};
  make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(near), plan),
                  std::make_unique<Scripted>(script));
  const ByteView bytes = as_bytes("x");
  far->send({&bytes, 1});
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, std::errc::host_unreachable);
}

// ---- rooms ----

TEST_F(Backpressure, MembersMayLeaveWhileARoomIsWrittenTo) {
  std::array<Script, 6> scripts;
  std::vector<std::unique_ptr<MemoryPeer>> peers;
  for (Script& script : scripts) peers.push_back(connect(script));
  const SharedBytes news(std::string("news"));
  scripts[0].data = [&](Protocol&, std::string_view) {
    for (std::size_t i = 0; i < scripts.size(); ++i) {
      if (i == 2) scripts[3].conn->close();
      if (i == 4) scripts[5].conn->abort();
      if (scripts[i].conn != nullptr) scripts[i].conn->write(news);
    }
  };
  peers[0]->send("go");
  std::vector<std::string> got;
  for (const auto& peer : peers) got.push_back(peer->take());
  EXPECT_THAT(got, ElementsAre("news", "news", "news", "", "news", ""));
}

TEST_F(Backpressure, SlowMembersAreDroppedFromARoomAndTheOthersServed) {
  std::array<Script, 3> scripts;
  std::vector<std::unique_ptr<MemoryPeer>> peers;
  for (Script& script : scripts)
    peers.push_back(connect(script, {.max_write_buffer_size = 1'000'000}));
  peers[1]->stop_receiving();
  const SharedBytes snapshot(std::string(100'000, 's'));
  for (int i = 0; i < 50; ++i) {
    for (Script& script : scripts) {
      if (script.conn != nullptr) script.conn->write(snapshot);
    }
    loop.run_until_idle();
  }
  EXPECT_EQ(peers[0]->take().size(), 5'000'000u);
  EXPECT_EQ(peers[2]->take().size(), 5'000'000u);
  EXPECT_EQ(scripts[1].reason.code, Errc::write_limit);
}

TEST_F(Backpressure, MembersThatSayGoodbyeInOnCloseReachTheOthers) {
  std::array<Script, 3> scripts;
  std::vector<std::unique_ptr<MemoryPeer>> peers;
  for (Script& script : scripts) {
    script.close = [&](Protocol&, const CloseReason&) {
      for (Script& other : scripts) {
        if (other.conn != nullptr) other.conn->write("left.");
      }
    };
    peers.push_back(connect(script));
  }
  peers[0]->end();
  peers[1]->reset();
  EXPECT_EQ(peers[2]->take(), "left.left.");
}

// What is received while output is nearly high: few and large pieces, and no more than the mark allows.
TEST_F(Backpressure, APeerThatTakesNothingIsNotReadByteByByte) {
  Script script;
  int chunks = 0;
  bool answer = true;
  script.data = [&](Protocol& conn, std::string_view data) {
    ++chunks;
    if (answer) conn.write(data);
  };
  const auto peer = connect(script);
  peer->stop_receiving();
  for (int i = 0; i < 100; ++i) peer->send(std::string(10'000, 'x'));
  EXPECT_LE(script.conn->queued_bytes(), (64 + 4) * 1024U);
  EXPECT_LE(chunks, 200);
}

}  // namespace
}  // namespace twister::testing
