// LineProtocol: conversations in lines of text.
#include <twister/protocols/line_protocol.hpp>

#include "pair.hpp"

namespace twister::testing {
namespace {

class Greeter : public LineProtocol {
 public:
  using LineProtocol::LineProtocol;

 private:
  void on_line(std::string_view line) override { send_line("hello " + std::string(line)); }
};

class LineConversation : public ::testing::Test {
 protected:
  ManualClock clock;
  IOLoop loop{clock};
};

TEST_F(LineConversation, AnswersLineByLine) {
  MemoryPeer peer(loop, std::make_unique<Greeter>());
  peer.send("ann\nbo");
  EXPECT_EQ(peer.take(), "hello ann\n");
  peer.send("b\n");
  EXPECT_EQ(peer.take(), "hello bob\n");
}

TEST_F(LineConversation, UnderstandsBothLineEnds) {
  MemoryPeer peer(loop, std::make_unique<Greeter>());
  peer.send("ann\r\nbob\n\r\n");
  EXPECT_EQ(peer.take(), "hello ann\nhello bob\nhello \n");
}

TEST_F(LineConversation, HoldsItsLimitInBothDirections) {
  MemoryPeer peer(loop, std::make_unique<Greeter>(LinesOptions{.max_line_bytes = 11}));
  peer.send("12345\n");
  peer.send("123456\n");  // its answer would be too long: it is refused, and the connection goes on
  EXPECT_EQ(peer.take(), "hello 12345\n");
  EXPECT_FALSE(peer.ended());
}

TEST_F(LineConversation, ClosesOnALineOverItsLimit) {
  MemoryPeer peer(loop, std::make_unique<Greeter>(LinesOptions{.max_line_bytes = 20}));
  peer.send("ann\n123456789012345678901");
  EXPECT_EQ(peer.take(), "hello ann\n");
  EXPECT_TRUE(peer.ended());
}

}  // namespace
}  // namespace twister::testing
