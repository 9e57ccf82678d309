// Delivery that is stopped and goes on, and messages too large for one receive.
#include <algorithm>
#include <stdexcept>

#include <twister/tcp_server.hpp>

#include "pair.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class MessageFlow : public ::testing::Test {
 protected:
  ManualClock clock;
  Kept<Frames> kept;
  Kept<Lines> lines;
  IOLoop loop{clock};

  std::unique_ptr<MemoryPeer> connect(const StreamOptions& options = {}) {
    return std::make_unique<MemoryPeer>(loop, std::make_unique<Keeper<Frames>>(kept), options);
  }
  std::unique_ptr<MemoryPeer> connect_lines() {
    return std::make_unique<MemoryPeer>(loop, std::make_unique<Keeper<Lines>>(lines));
  }
};

TEST_F(MessageFlow, DeliversEveryMessageOfAChunk) {
  connect()->send(frame("one") + frame("") + frame("two"));
  EXPECT_THAT(kept.messages, ElementsAre("one", "", "two"));
}

TEST_F(MessageFlow, SendsFrames) {
  const auto peer = connect();
  EXPECT_EQ(kept.conn->send(as_bytes("hello")), WriteStatus::queued);
  EXPECT_EQ(peer->take(), frame("hello"));
}

TEST_F(MessageFlow, PausingStopsDeliveryInTheMiddleOfAChunk) {
  kept.message = [](auto& conn, std::string_view) { conn.pause_reading(); };
  const auto peer = connect();
  peer->send(frame("a") + frame("b") + frame("c"));
  EXPECT_THAT(kept.messages, ElementsAre("a"));
  kept.conn->resume_reading();
  loop.run_until_idle();  // without new input
  EXPECT_THAT(kept.messages, ElementsAre("a", "b"));
}

TEST_F(MessageFlow, PauseAndResumeInOneMessageLosesNothing) {
  kept.message = [](auto& conn, std::string_view) {
    conn.pause_reading();
    conn.resume_reading();
  };
  connect()->send(frame("a") + frame("b") + frame("c"));
  EXPECT_THAT(kept.messages, ElementsAre("a", "b", "c"));
}

TEST_F(MessageFlow, FinWaitsForTheMessagesThatArePaused) {
  lines.message = [](auto& conn, std::string_view) { conn.pause_reading(); };
  const auto peer = connect_lines();
  peer->send("a\nb\n");
  peer->end();
  EXPECT_THAT(lines.closes, SizeIs(0));
  lines.conn->resume_reading();
  loop.run_until_idle();
  lines.conn->resume_reading();
  loop.run_until_idle();
  EXPECT_THAT(lines.messages, ElementsAre("a", "b"));
  ASSERT_THAT(lines.closes, SizeIs(1));
  EXPECT_TRUE(lines.closes[0].clean());
}

TEST_F(MessageFlow, ClosingInAMessageDeliversNoneOfTheRest) {
  kept.message = [](auto& conn, std::string_view) { conn.close(); };
  std::string input;
  for (int i = 0; i < 101; ++i) input += frame(std::to_string(i));
  const auto peer = connect();
  peer->send(input);
  peer->end();
  EXPECT_THAT(kept.messages, ElementsAre("0"));
  EXPECT_EQ(kept.closes.at(0).code, Errc::closed_here);
}

TEST_F(MessageFlow, AbortingInAMessageDeliversNoneOfTheRest) {
  lines.message = [](auto& conn, std::string_view) { conn.abort(); };
  connect_lines()->send("a\nb\nc\n");
  EXPECT_THAT(lines.messages, ElementsAre("a"));
}

TEST_F(MessageFlow, ThrowingInAMessageDeliversNoneOfTheRest) {
  kept.message = [](auto&, std::string_view) { throw std::runtime_error("bad message"); };
  connect()->send(frame("a") + frame("b"));
  EXPECT_THAT(kept.messages, ElementsAre("a"));
  EXPECT_EQ(kept.closes.at(0).code, Errc::callback_threw);
}

TEST_F(MessageFlow, LargeMessagesArriveWhole) {
  const std::string large(1024 * 1024, 'L');
  connect()->send(frame("small") + frame(large) + frame(large) + frame("small"));
  ASSERT_THAT(kept.messages, SizeIs(4));
  EXPECT_TRUE(kept.messages[1] == large);
  EXPECT_TRUE(kept.messages[2] == large);
  EXPECT_EQ(kept.messages[3], "small");
}

TEST_F(MessageFlow, LargeMessagesAreReceivedInPlace) {
  struct Counter : TcpServer {
    using TcpServer::TcpServer;
    void handle_stream(Protocol& conn, ByteView chunk) override {
      largest = std::max(largest, chunk.size());
      conn.on_data(chunk);
    }
    std::size_t largest = 0;
  };
  Counter server(loop, "", [this] { return std::make_unique<Keeper<Frames>>(kept); });
  MemoryPeer peer(server, {.capacity_bytes = 2 * 1024 * 1024});
  peer.send(frame(std::string(1024 * 1024, 'L')));
  EXPECT_THAT(kept.messages, SizeIs(1));
  EXPECT_GT(server.largest, 72u * 1024);  // more than a plain receive takes
}

TEST_F(MessageFlow, AServerMayTransformLargeMessagesOnTheirWay) {
  struct Unmasker : TcpServer {
    using TcpServer::TcpServer;
    void handle_stream(Protocol& conn, ByteView chunk) override {
      std::string plain(as_text(chunk));
      for (char& c : plain) c = static_cast<char>(c ^ 0x55);
      conn.on_data(as_bytes(plain));
    }
  };
  Unmasker server(loop, "", [this] { return std::make_unique<Keeper<Frames>>(kept); });
  MemoryPeer peer(server);
  std::string wire = frame(std::string(500'000, 'L')) + frame("tail");
  for (char& c : wire) c = static_cast<char>(c ^ 0x55);
  peer.send(wire);
  ASSERT_THAT(kept.messages, SizeIs(2));
  EXPECT_TRUE(kept.messages[0] == std::string(500'000, 'L'));
  EXPECT_EQ(kept.messages[1], "tail");
}

TEST_F(MessageFlow, AServerMayHandLargeMessagesOnInPieces) {
  struct Splitter : TcpServer {
    using TcpServer::TcpServer;
    void handle_stream(Protocol& conn, ByteView chunk) override {
      conn.on_data(chunk.first(chunk.size() / 2));
      conn.on_data(chunk.subspan(chunk.size() / 2));
    }
  };
  Splitter server(loop, "", [this] { return std::make_unique<Keeper<Frames>>(kept); });
  MemoryPeer peer(server);
  peer.send(frame(std::string(500'000, 'L')) + frame("tail"));
  ASSERT_THAT(kept.messages, SizeIs(2));
  EXPECT_TRUE(kept.messages[0] == std::string(500'000, 'L'));
}

TEST_F(MessageFlow, AServerMayHoldBytesBackAndHandThemOnLater) {
  struct Holder : TcpServer {
    using TcpServer::TcpServer;
    void handle_stream(Protocol& conn, ByteView chunk) override {
      conn.on_data(as_bytes(held_));
      conn.on_data(chunk.first(chunk.size() - 1));
      held_ = as_text(chunk.last(1));
    }
    std::string held_;
  };
  Holder server(loop, "", [this] { return std::make_unique<Keeper<Frames>>(kept); });
  MemoryPeer peer(server);
  std::string body;
  for (int i = 0; body.size() < 400'000; ++i) body += std::to_string(i);
  peer.send(frame(body) + "-");
  ASSERT_THAT(kept.messages, SizeIs(1));
  EXPECT_TRUE(kept.messages[0] == body);
}

TEST_F(MessageFlow, AServerMayDropTheBeginningOfAChunk) {
  struct Dropper : TcpServer {
    using TcpServer::TcpServer;
    void handle_stream(Protocol& conn, ByteView chunk) override {
      conn.on_data(chunk.subspan(chunks_++ == 1 ? 1 : 0));
    }
    int chunks_ = 0;
  };
  Dropper server(loop, "", [this] { return std::make_unique<Keeper<Frames>>(kept); });
  MemoryPeer peer(server, {.capacity_bytes = 1024 * 1024});
  peer.send(frame(std::string(200'000, 'L')).substr(0, 1000));
  peer.send("-" + std::string(199'004, 'L'));
  ASSERT_THAT(kept.messages, SizeIs(1));
  EXPECT_TRUE(kept.messages[0] == std::string(200'000, 'L'));
}

}  // namespace
}  // namespace twister::testing
