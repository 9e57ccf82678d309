// The peer's end of stream, and our own: half-open connections.
#include "script.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;

class Eof : public MemoryTest {};

EofAction keep_open(Protocol&) {
  return EofAction::keep_open;
}

TEST_F(Eof, WhatIsQueuedIsDeliveredThenTheConnectionCloses) {
  Script script;
  const std::string reply(300'000, 'r');
  script.data = [&](Protocol& conn, std::string_view) { conn.write(reply); };
  const auto far = connect_bare(script, {}, 64 * 1024);
  const ByteView request = as_bytes("?");
  far->send({&request, 1});
  far->shutdown_send();
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 300'000), reply);
  EXPECT_EQ(script.events.back(), "close");
  EXPECT_TRUE(script.reason.clean());
}

TEST_F(Eof, ReplyWrittenBeforeSeeingTheFinIsDelivered) {
  Script script;
  script.connect = [](Protocol& conn) { conn.write("reply"); };
  auto [near, far] = memory_transport_pair(loop);
  far->shutdown_send();
  make_connection(loop, std::move(near), std::make_unique<Scripted>(script));
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 100), "reply");
  EXPECT_THAT(script.events, ElementsAre("connect", "eof", "close"));
}

TEST_F(Eof, WriteInOnEofIsDelivered) {
  Script script;
  script.eof = [](Protocol& conn) {
    conn.write("goodbye");
    return EofAction::close;
  };
  const auto peer = connect(script);
  peer->end();
  EXPECT_EQ(peer->take(), "goodbye");
  EXPECT_TRUE(peer->ended());
}

TEST_F(Eof, KeptOpenTheConnectionMayWriteUntilItCloses) {
  Script script;
  script.eof = keep_open;
  const auto peer = connect(script);
  peer->end();
  EXPECT_EQ(script.conn->write("an hour later"), WriteStatus::queued);
  EXPECT_EQ(peer->take(), "an hour later");
  EXPECT_FALSE(peer->ended());
  script.conn->close();
  EXPECT_EQ(peer->take(), "");
  EXPECT_TRUE(peer->ended());
  EXPECT_THAT(script.events, ElementsAre("connect", "eof", "close"));
}

TEST_F(Eof, IsToldOnce) {
  Script script;
  script.eof = keep_open;
  const auto peer = connect(script);
  peer->end();
  script.conn->pause_reading();
  script.conn->resume_reading();
  script.conn->write("x");
  loop.run_until_idle();
  EXPECT_EQ(script.count("eof"), 1);
}

TEST_F(Eof, ResetEndsAConnectionThatWasKeptOpen) {
  Script script;
  script.eof = keep_open;
  const auto peer = connect(script);
  peer->end();
  peer->reset();
  EXPECT_THAT(script.events, ElementsAre("connect", "eof", "close"));
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_F(Eof, WritingToAPeerThatIsGoneEndsAConnectionThatWasKeptOpen) {
  Script script;
  script.eof = keep_open;
  auto peer = connect(script);
  peer.reset();  // closes both of its directions
  loop.run_until_idle();
  script.conn->write("anybody there?");
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_F(Eof, WritingToAPeerThatIsGoneEndsInFinitelyManySteps) {
  Script script;
  auto peer = connect(script);
  script.conn->pause_reading();  // its FIN is not seen
  peer.reset();
  int writes = 0;
  while (script.conn != nullptr && writes < 10) {
    script.conn->write("x");
    loop.run_until_idle();
    ++writes;
  }
  EXPECT_LT(writes, 10);
  EXPECT_EQ(script.reason.code, Errc::reset);
}

// ---- shutdown_write ----

TEST_F(Eof, ShutdownWriteSendsFinBehindWhatIsQueued) {
  Script script;
  const auto far = connect_bare(script, {}, 1000);
  script.conn->write(std::string(2500, 'x'));
  script.conn->shutdown_write();
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 2500).size(), 2500u);
  std::byte room;
  EXPECT_EQ(far->receive({&room, 1}).status, IoResult::Status::end_of_stream);
}

TEST_F(Eof, ReadingGoesOnAfterShutdownWrite) {
  Script script;
  const auto peer = connect(script);
  script.conn->write("question");
  script.conn->shutdown_write();
  EXPECT_EQ(peer->take(), "question");
  EXPECT_TRUE(peer->ended());
  peer->send("answer");
  EXPECT_EQ(script.received, "answer");
  peer->end();
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "eof", "close"));
  EXPECT_TRUE(script.reason.clean());
}

TEST_F(Eof, WriteAfterShutdownWriteHasNoEffect) {
  Script script;
  const auto peer = connect(script);
  script.conn->shutdown_write();
  script.conn->shutdown_write();
  EXPECT_EQ(script.conn->write("late"), WriteStatus::closed);
  EXPECT_EQ(peer->take(), "");
  EXPECT_EQ(script.count("close"), 0);
}

TEST_F(Eof, ShutdownWriteThenCloseEndsWithThePeersFin) {
  Script script;
  const auto peer = connect(script);
  script.conn->shutdown_write();
  script.conn->close();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 0);
  peer->end();
  EXPECT_EQ(script.reason.code, Errc::closed_here);
}

TEST_F(Eof, BothSidesMayStayHalfOpen) {
  Script near, far;
  near.eof = far.eof = keep_open;
  auto [one, other] = memory_transport_pair(loop);
  make_connection(loop, std::move(one), std::make_unique<Scripted>(near));
  make_connection(loop, std::move(other), std::make_unique<Scripted>(far));
  loop.run_until_idle();
  near.conn->write("hello");
  near.conn->shutdown_write();
  EXPECT_EQ(near.conn->write("too late"), WriteStatus::closed);
  loop.run_until_idle();
  EXPECT_EQ(far.received, "hello");
  EXPECT_THAT(far.events, ElementsAre("connect", "data", "eof"));
  far.conn->write("still here");
  loop.run_until_idle();
  EXPECT_EQ(near.received, "still here");
  EXPECT_EQ(near.count("close") + far.count("close"), 0);
}

}  // namespace
}  // namespace twister::testing
