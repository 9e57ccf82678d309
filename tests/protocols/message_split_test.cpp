// What is sent arrives, however the transport cuts it.
#include <random>

#include "pair.hpp"

namespace twister::testing {
namespace {

class MessageSplits : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  // Sends `messages` from one protocol to another over a transport on a bad day.
  template <class C>
  std::vector<std::string> carry(const std::vector<std::string>& messages, const C& codec) {
    Kept<C> sender, receiver;
    ManualClock clock;
    IOLoop loop(clock);
    auto [near, far] = memory_transport_pair(loop);
    const FaultPlan sending{.seed = GetParam(), .max_send_bytes = 5000, .would_block_percent = 20};
    const FaultPlan receiving{.seed = GetParam() + 100,
                              .max_receive_bytes = 1 + GetParam() * GetParam() * 40,
                              .would_block_percent = 20};
    make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(near), sending),
                    std::make_unique<Keeper<C>>(sender, codec));
    make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(far), receiving),
                    std::make_unique<Keeper<C>>(receiver, codec));
    loop.run_until_idle();
    for (const std::string& message : messages) {
      EXPECT_LE(sender.conn->send(as_bytes(message)), WriteStatus::paused);
    }
    sender.conn->close();
    loop.run_until_idle();
    EXPECT_EQ(receiver.closes.size(), 1u);
    for (const CloseReason& reason : receiver.closes)
      EXPECT_TRUE(reason.clean()) << reason.message();
    return receiver.messages;
  }

  std::vector<std::string> random_messages(std::size_t count) {
    std::mt19937 random(GetParam());
    std::vector<std::string> messages;
    for (std::size_t i = 0; i < count; ++i) {
      std::string message(random() % 2 == 0 ? random() % 20 : random() % 9000, '\0');
      for (char& byte : message) byte = static_cast<char>('a' + random() % 26);
      messages.push_back(std::move(message));
    }
    return messages;
  }
};

TEST_P(MessageSplits, Lines) {
  const auto messages = random_messages(50);
  EXPECT_EQ(carry(messages, twister::Lines()), messages);
}

TEST_P(MessageSplits, LinesThatEndWithCrLf) {
  const auto messages = random_messages(50);
  EXPECT_EQ(carry(messages, twister::Lines({.line_ending = LineEnding::crlf})), messages);
}

TEST_P(MessageSplits, FramesOfEveryWidth) {
  const auto messages = random_messages(30);
  for (const std::size_t width : {2u, 3u, 4u, 8u}) {
    EXPECT_EQ(carry(messages, LengthPrefixed({.width = width})), messages) << width;
  }
}

TEST_P(MessageSplits, LittleEndianFramesThatCountThemselves) {
  const auto messages = random_messages(30);
  const LengthPrefixed codec({.order = ByteOrder::little, .includes_itself = true});
  EXPECT_EQ(carry(messages, codec), messages);
}

TEST_P(MessageSplits, LargeFramesAmongSmallOnes) {
  auto messages = random_messages(10);
  messages.insert(messages.begin() + 5, std::string(300'000, 'L'));
  messages.emplace_back(100'000, 'M');
  EXPECT_EQ(carry(messages, LengthPrefixed()), messages);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MessageSplits, ::testing::Range(1u, 6u));

// Every boundary of a short conversation.
TEST(MessageSplit, AtEveryBoundaryDeliversTheSame) {
  const std::string input = frame("") + frame("a") + frame("hello") + frame("");
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    Kept<Frames> kept;
    ManualClock clock;
    IOLoop loop(clock);
    MemoryPeer peer(loop, std::make_unique<Keeper<Frames>>(kept));
    peer.send(input.substr(0, cut));
    peer.send(input.substr(cut));
    EXPECT_THAT(kept.messages, ::testing::ElementsAre("", "a", "hello", "")) << cut;
  }
}

}  // namespace
}  // namespace twister::testing
