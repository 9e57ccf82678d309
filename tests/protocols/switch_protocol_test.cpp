// A connection that goes on with another Protocol, in the middle of what has arrived.
#include <stdexcept>

#include <twister/tcp_server.hpp>

#include "pair.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What happened, in order, whichever Protocol it happened to.
using Story = std::vector<std::string>;

// Raw bytes, at the end of a conversation.
class Raw : public Protocol {
 public:
  explicit Raw(Story& story, bool paused = false) : story_(story), paused_(paused) {}

 private:
  void on_connect() override {
    story_.push_back("raw connect");
    if (paused_) pause_reading();
  }
  void on_data(ByteView data) override {
    bytes_ += as_text(data);
    write(data);
  }
  void on_close(const CloseReason& reason) override {
    story_.push_back("raw \"" + bytes_ + "\" close: " + reason.message());
  }

  Story& story_;
  bool paused_;
  std::string bytes_;
};

// Frames, until one says "raw".
class Framed : public MessageProtocol<Frames> {
 public:
  explicit Framed(Story& story) : story_(story) {}

 private:
  void on_connect() override { story_.push_back("frames connect"); }
  void on_message(ByteView message) override {
    story_.push_back("frame " + std::string(as_text(message)));
    send(message);
    if (as_text(message) == "raw") switch_protocol(std::make_unique<Raw>(story_));
  }
  void on_close(const CloseReason& reason) override {
    story_.push_back("frames close: " + reason.message());
  }

  Story& story_;
};

// Lines, until one says "frames".
class Greeting : public MessageProtocol<Lines> {
 public:
  explicit Greeting(Story& story) : story_(story) {}
  std::function<void(Greeting&)> then;  // instead of frames

 private:
  void on_message(ByteView line) override {
    story_.push_back("line " + std::string(as_text(line)));
    send(line);
    if (as_text(line) != "frames") return;
    if (then) return then(*this);
    switch_protocol(std::make_unique<Framed>(story_));
  }
  void on_close(const CloseReason& reason) override {
    story_.push_back("lines close: " + reason.message());
  }

  Story& story_;
};

class SwitchProtocol : public ::testing::Test {
 protected:
  ManualClock clock;
  Story story;
  Kept<Frames> kept_;
  IOLoop loop{clock};

  std::unique_ptr<MemoryPeer> connect(std::function<void(Greeting&)> then = {}) {
    auto greeting = std::make_unique<Greeting>(story);
    greeting->then = std::move(then);
    return std::make_unique<MemoryPeer>(loop, std::move(greeting));
  }
};

TEST_F(SwitchProtocol, LosesNoByteHoweverTheStreamIsCut) {
  const std::string input = "hi\nframes\n" + frame("one") + frame("raw") + "the rest";
  const Story whole{"line hi",
                    "line frames",
                    "lines close: handed over to another Protocol",
                    "frames connect",
                    "frame one",
                    "frame raw",
                    "frames close: handed over to another Protocol",
                    "raw connect",
                    "raw \"the rest\" close: closed by the peer"};
  for (std::size_t at = 0; at <= input.size(); ++at) {
    story.clear();
    const auto peer = connect();
    peer->send(input.substr(0, at));
    peer->send(input.substr(at));
    EXPECT_EQ(peer->take(), "hi\nframes\n" + frame("one") + frame("raw") + "the rest");
    peer->end();
    EXPECT_EQ(story, whole) << "cut at " << at;
  }
}

TEST_F(SwitchProtocol, DeliversNoMoreToTheFormerOne) {
  const auto peer = connect([this](Greeting& greeting) {
    greeting.switch_protocol(std::make_unique<Raw>(story));
    greeting.read_until_close();  // does not call it back
  });
  peer->send("frames\nanother\nline\n");
  EXPECT_THAT(story, ElementsAre("line frames", "lines close: handed over to another Protocol",
                                 "raw connect"));
}

TEST_F(SwitchProtocol, KeepsTheRestWhileTheNewOneIsPaused) {
  Raw* raw = nullptr;
  const auto peer = connect([&](Greeting& greeting) {
    auto next = std::make_unique<Raw>(story, true);
    raw = next.get();
    greeting.switch_protocol(std::move(next));
  });
  peer->send("frames\nrest");
  peer->send(" and more");
  peer->end();
  EXPECT_EQ(peer->take(), "frames\n");
  raw->resume_reading();
  loop.run_until_idle();
  EXPECT_EQ(story.back(), "raw \"rest and more\" close: closed by the peer");
}

TEST_F(SwitchProtocol, HandsOnTheRestOfOneThatNeverReadIt) {
  // Passes the connection on as soon as it has it.
  class Relay : public Protocol {
   public:
    explicit Relay(Story& story) : story_(story) {}
    void on_connect() override { switch_protocol(std::make_unique<Raw>(story_)); }
    Story& story_;
  };
  const auto peer = connect(
      [this](Greeting& greeting) { greeting.switch_protocol(std::make_unique<Relay>(story)); });
  peer->send("frames\nrest");
  peer->end();
  EXPECT_EQ(story.back(), "raw \"rest\" close: closed by the peer");
}

TEST_F(SwitchProtocol, TakesWhatARawProtocolSaysIsLeft) {
  class Hello : public Protocol {
   public:
    explicit Hello(Story& story) : story_(story) {}
    void on_data(ByteView data) override {
      switch_protocol(std::make_unique<Raw>(story_), data.subspan(5));
    }
    Story& story_;
  };
  MemoryPeer peer(loop, std::make_unique<Hello>(story));
  peer.send("helloabc");
  peer.send("def");
  peer.end();
  EXPECT_THAT(story, ElementsAre("raw connect", "raw \"abcdef\" close: closed by the peer"));
}

TEST_F(SwitchProtocol, IsCalledOffByAClose) {
  const auto peer = connect([this](Greeting& greeting) {
    greeting.switch_protocol(std::make_unique<Raw>(story));
    greeting.close();
  });
  peer->send("frames\nrest");
  peer->end();
  EXPECT_THAT(story, ElementsAre("line frames", "lines close: connection closed here"));
}

TEST_F(SwitchProtocol, RefusesNothingAndTwoAtOnce) {
  const auto peer = connect([this](Greeting& greeting) {
    EXPECT_THROW(greeting.switch_protocol(nullptr), std::invalid_argument);
    greeting.switch_protocol(std::make_unique<Raw>(story));
    EXPECT_THROW(greeting.switch_protocol(std::make_unique<Raw>(story)), std::logic_error);
  });
  peer->send("frames\n");
  EXPECT_EQ(story.back(), "raw connect");
}

TEST_F(SwitchProtocol, MayBeAskedForBetweenTurns) {
  Greeting* greeting = nullptr;
  const auto peer = connect([&](Greeting& self) { greeting = &self; });
  peer->send("frames\npart of a line");
  greeting->switch_protocol(std::make_unique<Raw>(story));
  loop.run_until_idle();
  peer->end();
  EXPECT_EQ(story.back(), "raw \"part of a line\" close: closed by the peer");
}

TEST_F(SwitchProtocol, DoesNotTakeTheRestForPartOfAHandshake) {
  class Upgrades : public Protocol {
   public:
    explicit Upgrades(Story& story) : story_(story) {}
    void on_connect() override {
      start_tls([](std::unique_ptr<Transport> below) { return below; });
    }
    void on_data(ByteView data) override { story_.push_back("data " + std::string(as_text(data))); }
    void on_close(const CloseReason& reason) override { story_.push_back(reason.message()); }
    Story& story_;
  };
  const auto peer = connect(
      [this](Greeting& greeting) { greeting.switch_protocol(std::make_unique<Upgrades>(story)); });
  peer->send("frames\ninjected");
  EXPECT_EQ(story.back(), make_error_code(Errc::unread_input).message());
}

TEST_F(SwitchProtocol, WaitsForAHandshakeThatWasAskedForInTheSameTurn) {
  const auto peer = connect([this](Greeting& greeting) {
    greeting.start_tls([](std::unique_ptr<Transport> below) { return below; },
                       [this] { story.push_back("established"); });
    greeting.switch_protocol(std::make_unique<Raw>(story));
  });
  peer->send("frames\n");
  EXPECT_THAT(story, ElementsAre("line frames", "established",
                                 "lines close: handed over to another Protocol", "raw connect"));
}

TEST_F(SwitchProtocol, TellsTheNewOneOfAnEndThatTheFormerHasHeard) {
  class Lingering : public Protocol {
   public:
    explicit Lingering(Story& story) : story_(story) {}
    EofAction on_eof() override {
      story_.push_back("former eof");
      switch_protocol(std::make_unique<Raw>(story_));
      return EofAction::keep_open;
    }
    Story& story_;
  };
  MemoryPeer peer(loop, std::make_unique<Lingering>(story));
  peer.end();
  EXPECT_THAT(story,
              ElementsAre("former eof", "raw connect", "raw \"\" close: closed by the peer"));
}

TEST_F(SwitchProtocol, DrainsTheNewOneBehindWhatHadArrived) {
  TcpServer server(loop, "", [this] { return std::make_unique<Greeting>(story); });
  MemoryPeer peer(server);
  bool drained = false;
  loop.add_callback([&] { server.drain([&] { drained = true; }); });
  peer.send("frames\n" + frame("one"));
  peer.end();
  EXPECT_THAT(story, ElementsAre("line frames", "lines close: handed over to another Protocol",
                                 "frames connect", "frame one",
                                 "frames close: the server is shutting down"));
  EXPECT_TRUE(drained);
}

TEST_F(SwitchProtocol, LeavesNoPauseBehind) {
  const auto peer = connect([this](Greeting& greeting) {
    greeting.pause_reading();
    greeting.switch_protocol(std::make_unique<Raw>(story));
  });
  peer->send("frames\nrest");
  EXPECT_EQ(peer->take(), "frames\nrest");
}

TEST_F(SwitchProtocol, DoesNotReadIntoAFunctionOfTheFormer) {
  class Former : public Protocol {
   public:
    explicit Former(Story& story) : story_(story) {}
    void on_data(ByteView data) override { switch_protocol(std::make_unique<Raw>(story_), data); }
    void on_close(const CloseReason&) override {
      read_until_close([this](ByteView) { story_.push_back("former data"); });
    }
    Story& story_;
  };
  MemoryPeer peer(loop, std::make_unique<Former>(story));
  peer.send("bytes");
  EXPECT_THAT(story, ElementsAre("raw connect"));
  EXPECT_EQ(peer.take(), "bytes");
}

TEST_F(SwitchProtocol, EndsTheConnectionWhenTheNewOneThrows) {
  class Throws : public Protocol {
    void on_connect() override { throw std::runtime_error("no"); }
  };
  const auto peer =
      connect([](Greeting& greeting) { greeting.switch_protocol(std::make_unique<Throws>()); });
  peer->send("frames\nrest");
  EXPECT_TRUE(peer->was_reset());
}

TEST_F(SwitchProtocol, StaysOneConnectionOfItsServer) {
  class Counting : public TcpServer {
   public:
    using TcpServer::TcpServer;
    void on_connect(Protocol& conn) override {
      ++connects;
      TcpServer::on_connect(conn);
    }
    void handle_stream(Protocol& conn, ByteView chunk) override {
      bytes += chunk.size();
      TcpServer::handle_stream(conn, chunk);
    }
    void on_close(Protocol&, const CloseReason&) override { ++closes; }
    int connects = 0;
    int closes = 0;
    std::size_t bytes = 0;
  };
  Counting server(loop, "", [this] { return std::make_unique<Greeting>(story); });
  MemoryPeer peer(server);
  peer.send("frames\n" + frame("x"));
  EXPECT_EQ(server.connection_count(), 1u);
  peer.end();
  EXPECT_EQ(story.back(), "frames close: closed by the peer");
  EXPECT_EQ(server.connects, 1);
  EXPECT_EQ(server.closes, 1);
  EXPECT_EQ(server.bytes, 7u + 5u + 5u);  // the rest passes again, to the Protocol that it is for
}

TEST_F(SwitchProtocol, IsNotNeededForAnotherCodecOfTheSameType) {
  kept_.message = [](auto& conn, std::string_view message) {
    if (message == "long") conn.codec() = LengthPrefixed({.width = 2});
  };
  MemoryPeer peer(loop, std::make_unique<Keeper<Frames>>(kept_));
  peer.send(frame("long") + std::string("\0\2hi", 4) + std::string("\0\0", 2));
  EXPECT_THAT(kept_.messages, ElementsAre("long", "hi", ""));
}

}  // namespace
}  // namespace twister::testing
