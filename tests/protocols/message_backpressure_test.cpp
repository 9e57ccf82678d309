// Large replies to small requests, pipelined: delivery is held back, and nothing is lost.
#include "pair.hpp"

namespace twister::testing {
namespace {

using ::testing::SizeIs;

class MessageBackpressure : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  // Each request of one byte is answered by 100 000.
  MessageBackpressure() {
    kept.message = [](auto& conn, std::string_view text) {
      EXPECT_LE(conn.send(as_bytes(std::string(100'000, text[0]))), WriteStatus::paused);
    };
  }

  static std::string requests(std::size_t count) {
    std::string input;
    for (std::size_t i = 0; i < count; ++i)
      input += frame(std::string(1, static_cast<char>('a' + i % 26)));
    return input;
  }

  ManualClock clock;
  Kept<Frames> kept, client;
  IOLoop loop{clock};
};

TEST_P(MessageBackpressure, HoldsDeliveryBackWhileRepliesAreNotTaken) {
  MemoryPeer peer(loop, std::make_unique<Keeper<Frames>>(kept));
  peer.stop_receiving();
  peer.send(requests(100));
  EXPECT_LE(kept.messages.size(), 2u);  // 64 KiB in the transport, and one reply above the mark
  EXPECT_LE(kept.conn->queued_bytes(), 200'008u);
}

TEST_P(MessageBackpressure, AnswersEveryRequestOnceTheClientReads) {
  MemoryPeer peer(loop, std::make_unique<Keeper<Frames>>(kept));
  peer.stop_receiving();
  peer.send(requests(100));
  peer.go_on_receiving();
  EXPECT_THAT(kept.messages, SizeIs(100));
  EXPECT_EQ(peer.take().size(), 100u * 100'004);
}

TEST_P(MessageBackpressure, FinBehindThePipelineDoesNotOvertakeIt) {
  auto [near, far] = memory_transport_pair(loop);
  const FaultPlan server_side{
      .seed = GetParam(), .max_receive_bytes = 300, .would_block_percent = 30};
  const FaultPlan client_side{
      .seed = GetParam() + 50, .max_receive_bytes = 50'000, .would_block_percent = 30};
  make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(near), server_side),
                  std::make_unique<Keeper<Frames>>(kept));
  make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(far), client_side),
                  std::make_unique<Keeper<Frames>>(client));
  for (int i = 0; i < 100; ++i)
    client.conn->send(as_bytes(std::string(1, static_cast<char>('a' + i % 26))));
  client.conn->shutdown_write();
  loop.run_until_idle();
  ASSERT_THAT(client.messages, SizeIs(100));
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_TRUE(client.messages[i] == std::string(100'000, static_cast<char>('a' + i % 26)));
  ASSERT_THAT(kept.closes, SizeIs(1));
  EXPECT_TRUE(kept.closes[0].clean());
}

INSTANTIATE_TEST_SUITE_P(Seeds, MessageBackpressure, ::testing::Range(1u, 7u));

TEST(MessageBackpressureOnce,
     FinThatIsReportedBeforeDeliveryResumesDoesNotOvertakeTheKeptMessages) {
  Kept<Lines> kept;
  kept.message = [](auto& conn, std::string_view text) {
    if (text == "1") conn.pause_reading();
  };
  ManualClock clock;
  IOLoop loop(clock);
  auto [near, far] = memory_transport_pair(loop);
  make_connection(loop, std::move(near), std::make_unique<Keeper<Lines>>(kept));
  const ByteView bytes = as_bytes("1\n2\n3\n");
  far->send({&bytes, 1});
  loop.run_until_idle();
  far->shutdown_send();         // its event is on the loop's queue before
  kept.conn->resume_reading();  // the turn in which delivery goes on
  loop.run_until_idle();
  EXPECT_THAT(kept.messages, ::testing::ElementsAre("1", "2", "3"));
  ASSERT_THAT(kept.closes, SizeIs(1));
  EXPECT_TRUE(kept.closes[0].clean()) << kept.closes[0].message();
}

}  // namespace
}  // namespace twister::testing
