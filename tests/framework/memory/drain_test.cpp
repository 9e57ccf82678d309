// A server shuts down: goodbyes, deadlines, and who is told when.
#include "script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class Drain : public MemoryTest {
 protected:
  TcpServer server{
      loop, "", [this] { return std::make_unique<Scripted>(script); }, {.drain_timeout = 10s}};
  Script script;
  int done = 0;
};

TEST_F(Drain, ByDefaultFlushesAndSaysGoodbye) {
  MemoryPeer peer(server);
  script.conn->write("last reply");
  server.drain([this] { ++done; });
  EXPECT_EQ(peer.take(), "last reply");
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(done, 0);  // the peer has not ended yet
  peer.end();
  EXPECT_EQ(done, 1);
  EXPECT_THAT(script.events, ElementsAre("connect", "drain", "close"));
  EXPECT_EQ(script.reason.code, Errc::server_draining);
}

TEST_F(Drain, WithoutConnectionsIsDoneFromTheLoop) {
  server.drain([this] { ++done; });
  EXPECT_EQ(done, 0);
  loop.run_until_idle();
  EXPECT_EQ(done, 1);
  EXPECT_FALSE(loop.next_timer().has_value());
}

TEST_F(Drain, HandlesFirstWhatHadArrived) {
  script.data = [](Protocol& conn, std::string_view data) { conn.write(data); };
  auto [near, far] = memory_transport_pair(loop);
  server.add_connection(std::move(near));
  loop.run_until_idle();
  const ByteView request = as_bytes("request");
  far->send({&request, 1});
  server.drain();
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 100), "request");
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "drain"));
}

TEST_F(Drain, HandlesAllThatHadArrivedHoweverManyTurnsItTakes) {
  script.data = [](Protocol& conn, std::string_view data) { conn.write(data); };
  auto [near, far] = memory_transport_pair(loop, {.capacity_bytes = 1 << 20});
  server.add_connection(std::move(near));
  loop.run_until_idle();
  const std::string requests(700'000, 'r');
  const ByteView bytes = as_bytes(requests);
  EXPECT_EQ(far->send({&bytes, 1}).bytes, requests.size());
  server.drain();
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 1 << 20).size(), requests.size());
  EXPECT_THAT(script.events.back(), "drain");
  EXPECT_EQ(script.received.size(), requests.size());
}

TEST_F(Drain, HandlesWhatHadArrivedBehindOutputThatIsHigh) {
  script.data = [](Protocol& conn, std::string_view data) { conn.write(data); };
  auto [near, far] = memory_transport_pair(loop, {.capacity_bytes = 200'000});
  server.add_connection(std::move(near));
  loop.run_until_idle();
  const std::string requests(200'000, 'r');
  const ByteView bytes = as_bytes(requests);
  std::size_t sent = 0;
  std::size_t replied = 0;
  for (int i = 0; i < 3; ++i) {  // what comes last finds the server's output high, and has to wait
    sent += far->send({&bytes, 1}).bytes;
    loop.run_until_idle();
  }
  EXPECT_LT(script.received.size(), sent);
  server.drain();
  loop.run_until_idle();
  EXPECT_EQ(script.count("drain"), 0);
  for (int i = 0; i < 20; ++i) {
    replied += receive(*far, 1 << 20).size();
    loop.run_until_idle();
  }
  EXPECT_EQ(replied, sent);
  EXPECT_EQ(script.count("drain"), 1);
}

TEST_F(Drain, ReachesAConnectionThatWasOnlyJustMade) {
  auto [near, far] = memory_transport_pair(loop);
  server.add_connection(std::move(near));
  server.drain();
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("connect", "drain"));
}

TEST_F(Drain, ReachesAReaderThatIsPaused) {
  MemoryPeer peer(server);
  script.conn->pause_reading();
  server.drain();
  EXPECT_EQ(peer.take(), "");
  EXPECT_TRUE(peer.ended());
}

TEST_F(Drain, AnOverrideMayFinishFirst) {
  script.drain = [](Protocol& conn) { conn.write("one moment"); };
  MemoryPeer peer(server);
  server.drain([this] { ++done; });
  EXPECT_EQ(peer.take(), "one moment");
  clock.advance(9s);
  EXPECT_EQ(script.count("close"), 0);
  script.conn->close();
  loop.run_until_idle();
  peer.end();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(script.reason.code, Errc::closed_here);
}

TEST_F(Drain, AbortsWhatIsLeftAtTheDeadline) {
  script.drain = [](Protocol&) {};
  MemoryPeer peer(server);
  server.drain([this] { ++done; });
  clock.advance(9'999ms);
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(1ms);
  EXPECT_EQ(script.reason.code, Errc::server_draining);
  EXPECT_TRUE(peer.was_reset());
  EXPECT_EQ(done, 1);
  EXPECT_THAT(log.lines(), ElementsAre("level=warning event=drain_timeout connections=1"));
}

TEST_F(Drain, TakesADeadlineOfItsOwn) {
  script.drain = [](Protocol&) {};
  MemoryPeer peer(server);
  server.drain([this] { ++done; }, 1s);
  clock.advance(1s);
  EXPECT_EQ(done, 1);
}

TEST_F(Drain, TwiceTellsBothOnceAndTheLaterDeadlineHolds) {
  script.drain = [](Protocol&) {};
  MemoryPeer peer(server);
  int first = 0, second = 0;
  server.drain([&] { ++first; }, 1s);
  server.drain([&] { ++second; }, 5s);
  clock.advance(4s);
  EXPECT_EQ(first + second, 0);
  clock.advance(1s);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

TEST_F(Drain, InsideOnCloseIsHarmless) {
  script.close = [this](Protocol&, const CloseReason&) { server.drain([this] { ++done; }); };
  MemoryPeer(server).end();
  MemoryPeer next(server);
  EXPECT_EQ(script.count("drain"), 0);
  next.end();
  EXPECT_GE(done, 1);
}

TEST_F(Drain, OfALoopDrainsAllItsServers) {
  Script other_script;
  TcpServer other(loop, "", [&] { return std::make_unique<Scripted>(other_script); });
  MemoryPeer first(server), second(other);
  loop.drain([this] { ++done; });
  loop.run_until_idle();
  first.end();
  EXPECT_EQ(done, 0);
  second.end();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(script.reason.code, Errc::server_draining);
  EXPECT_EQ(other_script.reason.code, Errc::server_draining);
}

TEST_F(Drain, OfALoopWithoutServersIsDone) {
  IOLoop empty(clock);
  empty.drain([this] { ++done; });
  EXPECT_EQ(done, 0);
  empty.run_until_idle();
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace twister::testing
