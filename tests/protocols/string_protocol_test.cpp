#include <string>

#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/protocols/string_protocol.hpp>
#include <twister/testing/manual_clock.hpp>
#include <twister/testing/memory_transport.hpp>

namespace twister::testing {
namespace {

// Sends back what it receives, in angle brackets.
template <class Base>
class Brackets : public Base {
 public:
  explicit Brackets(CloseReason& end) : end_(end) {}

 private:
  void on_string(std::string_view string) override {
    this->send_string("<" + std::string(string) + ">");
  }
  void on_close(const CloseReason& reason) override { end_ = reason; }

  CloseReason& end_;
};

class StringProtocols : public ::testing::Test {
 protected:
  ManualClock clock;
  CloseReason end;
  IOLoop loop{clock};

  template <class Base>
  std::unique_ptr<MemoryPeer> connect() {
    return std::make_unique<MemoryPeer>(loop, std::make_unique<Brackets<Base>>(end));
  }
};

TEST_F(StringProtocols, SpeakNetstrings) {
  const auto peer = connect<NetstringProtocol>();
  peer->send("3:one,0:,5:th");
  peer->send("ree,");
  EXPECT_EQ(peer->take(), "5:<one>,2:<>,7:<three>,");
}

TEST_F(StringProtocols, CloseAfterWhatIsNoNetstring) {
  const auto peer = connect<NetstringProtocol>();
  peer->send("1:a,01:b,");
  EXPECT_EQ(peer->take(), "3:<a>,");
  peer->end();
  EXPECT_EQ(end.code, CodecErrc::malformed_netstring);
}

TEST_F(StringProtocols, SpeakLengthsOfOneTwoAndFourBytes) {
  const auto one = connect<Int8StringProtocol>();
  one->send("\1a");
  EXPECT_EQ(one->take(), "\3<a>");
  const auto two = connect<Int16StringProtocol>();
  two->send(std::string("\0\1a", 3));
  EXPECT_EQ(two->take(), std::string("\0\3<a>", 5));
  const auto four = connect<Int32StringProtocol>();
  four->send(std::string("\0\0\0\1a", 5));
  EXPECT_EQ(four->take(), std::string("\0\0\0\3<a>", 7));
}

TEST_F(StringProtocols, TakeNoMoreThanTwistedDoes) {
  const auto peer = connect<Int32StringProtocol>();
  peer->send(std::string("\0\1\x86\xa0", 4));  // 100 000, and not a byte of it yet
  peer->end();
  EXPECT_EQ(end.detail, "frame of 100000 bytes exceeds max_frame_bytes 99999");
}

TEST_F(StringProtocols, RefuseToSendWhatTheLengthCannotSay) {
  class Sends : public Int8StringProtocol {
   public:
    void on_connect() override {
      EXPECT_EQ(send_string(std::string(256, 'x')), WriteStatus::refused);
      EXPECT_EQ(send_string(std::string(255, 'x')), WriteStatus::queued);
    }
    void on_string(std::string_view) override {}
  };
  MemoryPeer peer(loop, std::make_unique<Sends>());
  EXPECT_EQ(peer.take(), "\xff" + std::string(255, 'x'));
}

}  // namespace
}  // namespace twister::testing
