// The arena's sessions over memory transports, with time moved by hand.
#include "arena_server.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/log.hpp>
#include <twister/testing/manual_clock.hpp>
#include <twister/testing/memory_transport.hpp>

#include "support/allocation_counter.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using PlayersCodec = Framed<LengthPrefixed, Protobuf<arena::ServerMessage, arena::ClientMessage>>;

// A player at the far end of a connection.
class Client {
 public:
  explicit Client(TcpServer& server, const MemoryTransportOptions& options = {})
      : peer(server, options) {}

  void send(const arena::ClientMessage& message) {
    ByteBuffer bytes;
    codec_.encode(message, bytes);
    peer.send(bytes.view());
  }
  void join(const std::string& name, const std::string& room = {}) {
    arena::ClientMessage message;
    message.mutable_join()->set_name(name);
    message.mutable_join()->set_room(room);
    send(message);
  }
  void steer(int direction) {
    arena::ClientMessage message;
    message.set_steer(static_cast<arena::Direction>(direction));
    send(message);
  }
  // What has come since the last call.
  std::vector<arena::ServerMessage> take() {
    const std::string bytes = peer.take();
    kept_.append(as_bytes(bytes));
    std::vector<arena::ServerMessage> messages;
    for (;;) {
      const DecodeResult result = codec_.decode(kept_.view());
      if (result.status != DecodeResult::Status::message) return messages;
      messages.push_back(codec_.message());
      kept_.consume(result.consumed);
    }
  }

  MemoryPeer peer;

 private:
  PlayersCodec codec_;
  ByteBuffer kept_;
};

// The ticks of the snapshots among some messages.
std::vector<std::uint64_t> ticks_of(const std::vector<arena::ServerMessage>& messages) {
  std::vector<std::uint64_t> ticks;
  for (const arena::ServerMessage& message : messages)
    if (message.has_snapshot()) ticks.push_back(message.snapshot().tick());
  return ticks;
}

class ArenaServer : public ::testing::Test {
 protected:
  ArenaServer() {
    set_log_sink([](const LogRecord&) {});
    arena.start(loop);
  }
  ~ArenaServer() override { set_log_sink({}); }

  // The whole number that a metric has.
  int metric(const std::string& name) const {
    const std::string text = "\n" + metrics.text();
    const std::size_t at = text.find("\n" + name + " ");
    return at == text.npos ? -1 : std::stoi(text.substr(at + name.size() + 2));
  }

  MetricsRegistry metrics;
  Arena arena{metrics, 1};
  ManualClock clock;
  IOLoop loop{clock};
  TcpServer server{loop, "", build<Session>(std::ref(arena)), arena_options()};
};

TEST_F(ArenaServer, WelcomesAPlayerAndShowsTheRoomAtEachTick) {
  Client ann(server);
  ann.join("ann");
  const auto answer = ann.take();
  ASSERT_EQ(answer.size(), 1U);
  const arena::Welcome& welcome = answer[0].welcome();
  EXPECT_EQ(welcome.ticks_per_second(), 20U);
  EXPECT_EQ(welcome.width() * welcome.height(), 64U * 16U);
  clock.advance(100ms);
  const auto shown = ann.take();
  EXPECT_THAT(ticks_of(shown), ElementsAre(1, 2));
  ASSERT_EQ(shown[0].snapshot().players().size(), 1);
  EXPECT_EQ(shown[0].snapshot().players(0).id(), welcome.id());
  EXPECT_EQ(shown[0].snapshot().dots().size(), 40);
}

TEST_F(ArenaServer, TicksTwentyTimesASecond) {
  Client ann(server);
  ann.join("ann");
  clock.advance(10s);
  EXPECT_EQ(ticks_of(ann.take()).size(), 200U);
  EXPECT_EQ(arena.ticks().run(), 200U);
  EXPECT_EQ(arena.ticks().overruns(), 0U);
}

TEST_F(ArenaServer, ShowsNothingToWhoHasNotJoined) {
  Client ann(server);
  clock.advance(1s);
  EXPECT_THAT(ann.take(), IsEmpty());
  EXPECT_EQ(metric("arena_snapshots_total"), 0);
}

TEST_F(ArenaServer, WalksWhereAPlayerSteers) {
  Client ann(server);
  ann.join("ann");
  ann.steer(arena::WEST);
  clock.advance(64 * 50ms);
  EXPECT_EQ(ann.take().back().snapshot().players(0).x(), 0U);
  ann.steer(arena::EAST);
  clock.advance(50ms);
  EXPECT_EQ(ann.take().back().snapshot().players(0).x(), 1U);
}

TEST_F(ArenaServer, TellsPlayersOfOneAnother) {
  Client ann(server), bob(server);
  ann.join("ann");
  bob.join("bob");
  const std::uint32_t ann_id = ann.take().at(0).welcome().id();
  const arena::Welcome welcome = bob.take().at(0).welcome();
  ASSERT_EQ(welcome.members().size(), 1);
  EXPECT_EQ(welcome.members(0).name(), "ann");
  EXPECT_EQ(welcome.members(0).id(), ann_id);
  Client eve(server);
  eve.join("eve");
  EXPECT_EQ(ann.take().at(0).joined().name(), "eve");
  bob.peer.end();
  EXPECT_EQ(ann.take().at(0).left(), welcome.id());
  clock.advance(50ms);
  EXPECT_EQ(ann.take().at(0).snapshot().players().size(), 2);
}

TEST_F(ArenaServer, PutsPlayersIntoTheRoomTheyName) {
  Client ann(server), bob(server), eve(server);
  ann.join("ann", "den");
  bob.join("bob", "attic");
  eve.join("eve", "den");
  EXPECT_EQ(ann.take().at(0).welcome().room(), "den");
  EXPECT_EQ(bob.take().at(0).welcome().room(), "attic");
  EXPECT_EQ(eve.take().at(0).welcome().members().size(), 1);
  clock.advance(50ms);
  EXPECT_EQ(ann.take().back().snapshot().players().size(), 2);
  EXPECT_EQ(bob.take().back().snapshot().players().size(), 1);
}

TEST_F(ArenaServer, OpensAnotherRoomForTheOneTooMany) {
  std::vector<std::unique_ptr<Client>> players;
  std::vector<std::string> rooms;
  for (int i = 0; i < 51; ++i) {
    players.push_back(std::make_unique<Client>(server));
    players.back()->join("player");
    rooms.push_back(players.back()->take().at(0).welcome().room());
  }
  EXPECT_EQ(rooms[49], rooms[0]);
  EXPECT_NE(rooms[50], rooms[0]);
  Client late(server);
  late.join("late", rooms[0]);
  EXPECT_EQ(late.take().at(0).refused(), "no free place");
  players[3]->peer.reset();
  late.join("late", rooms[0]);
  EXPECT_EQ(late.take().at(0).welcome().room(), rooms[0]);
}

TEST_F(ArenaServer, ForgetsARoomWithItsLastPlayer) {
  Client ann(server);
  ann.join("ann", "den");
  ann.take();
  clock.advance(1s);
  ann.peer.end();
  Client bob(server);
  bob.join("bob", "den");
  clock.advance(50ms);
  EXPECT_THAT(ticks_of(bob.take()), ElementsAre(1));
  EXPECT_EQ(metric("arena_players"), 1);
}

TEST_F(ArenaServer, RefusesWhatMakesNoSenseAndGoesOn) {
  Client ann(server);
  ann.steer(arena::EAST);
  ann.join("");
  ann.join(std::string(17, 'x'));
  ann.join("\x1b[2J");
  ann.join("ann", "a\nb");
  ann.join("ann");
  ann.join("ann");
  ann.steer(5);
  ann.send(arena::ClientMessage());
  std::vector<std::string> answers;
  for (const auto& message : ann.take())
    answers.push_back(message.has_welcome() ? "welcome" : message.refused());
  const std::string name = "a name has 1 to 16 bytes, and no control characters";
  EXPECT_THAT(answers,
              ElementsAre("join first", name, name, name, name, "welcome",
                          "you have joined already", "no such message", "no such message"));
  clock.advance(50ms);
  EXPECT_THAT(ticks_of(ann.take()), ElementsAre(1));
}

TEST_F(ArenaServer, CutsWhoSendsWhatIsNoMessage) {
  Client ann(server), bob(server), eve(server);
  ann.join("ann");
  bob.join("bob");
  bob.peer.send(std::string("\0\0\0\2\x0a\x7f", 6));  // a join that is longer than its frame
  eve.peer.send(std::string("\0\0\x10\1", 4));        // 4 097 bytes to come
  EXPECT_TRUE(bob.peer.ended());
  EXPECT_TRUE(eve.peer.ended());
  clock.advance(50ms);
  EXPECT_THAT(ticks_of(ann.take()), ElementsAre(1));
}

TEST_F(ArenaServer, TakesWhoIsCutOffTheFieldBeforeTheConnectionIsGone) {
  Client ann(server), bob(server), eve(server);
  ann.join("ann", "den");
  bob.join("bob", "den");
  eve.join("eve", "attic");  // whose room goes with her
  const std::uint32_t bob_id = bob.take().at(0).welcome().id();
  for (Client* bad : {&bob, &eve}) bad->peer.send(std::string("\0\0\0\2\x0a\x7f", 6));
  ann.take();
  clock.advance(50ms);
  EXPECT_EQ(ann.take().back().left(), bob_id);
  EXPECT_EQ(metric("arena_players"), 1);
  EXPECT_EQ(server.connection_count(), 3U);
  clock.advance(50ms);
  EXPECT_EQ(ann.take().at(0).snapshot().players().size(), 1);
  clock.advance(3s);
  EXPECT_EQ(server.connection_count(), 1U);
}

TEST_F(ArenaServer, CutsWhoConnectsAndDoesNotJoin) {
  Client ann(server), bob(server);
  bob.join("bob");
  clock.advance(29s);
  EXPECT_FALSE(ann.peer.ended());
  clock.advance(2s);
  EXPECT_TRUE(ann.peer.ended());
  EXPECT_FALSE(bob.peer.ended());
}

TEST_F(ArenaServer, HearsFortyMessagesASecondAndTheRestLater) {
  Client ann(server);
  const auto answers = [&ann] {
    const auto messages = ann.take();
    return std::count_if(messages.begin(), messages.end(),
                         [](const auto& message) { return message.has_refused(); });
  };
  for (int i = 0; i < 100; ++i) ann.steer(9);
  EXPECT_EQ(answers(), 40);
  clock.advance(1s);
  EXPECT_EQ(answers(), 40);
  clock.advance(1s);
  EXPECT_EQ(answers(), 20);
}

TEST_F(ArenaServer, EncodesASnapshotOnceForEverybodyInTheRoom) {
  std::vector<std::unique_ptr<Client>> players;
  for (int i = 0; i < 50; ++i) {
    players.push_back(std::make_unique<Client>(server));
    players.back()->join("player", i < 30 ? "den" : "attic");
  }
  for (const auto& player : players) player->peer.take();
  clock.advance(50ms);
  EXPECT_EQ(metric("arena_snapshots_total"), 2);
  const std::string den = players[0]->peer.take();
  EXPECT_FALSE(den.empty());
  for (int i = 1; i < 30; ++i) EXPECT_EQ(players[static_cast<std::size_t>(i)]->peer.take(), den);
}

// How often the heap is asked for a tick of a room with so many players. They take nothing, because
// handing bytes over is what a memory transport allocates for.
std::size_t allocations_a_tick(TcpServer& server, ManualClock& clock, int count) {
  std::vector<std::unique_ptr<Client>> players;
  for (int i = 0; i < count; ++i) {
    players.push_back(
        std::make_unique<Client>(server, MemoryTransportOptions{.capacity_bytes = 1}));
    players.back()->join("player", "den");
    players.back()->peer.stop_receiving();
  }
  clock.advance(80 * 50ms);  // until queues have grown to what they are allowed
  const std::size_t before = allocations();
  clock.advance(50ms);
  return allocations() - before;
}

TEST_F(ArenaServer, APlayerMoreCostsATickNoAllocation) {
  const std::size_t few = allocations_a_tick(server, clock, 2);
  EXPECT_EQ(allocations_a_tick(server, clock, 50), few);
}

TEST_F(ArenaServer, ASlowPlayerMissesSnapshotsButNotThePresent) {
  Client slow(server, {.capacity_bytes = 1000});
  slow.join("slow");
  slow.take();
  slow.peer.stop_receiving();
  clock.advance(4s);
  slow.peer.go_on_receiving();
  const std::vector<std::uint64_t> ticks = ticks_of(slow.take());
  EXPECT_EQ(ticks.front(), 1U);
  EXPECT_EQ(ticks.back(), 80U);
  EXPECT_LT(ticks.size(), 80U);
  EXPECT_GT(server.counters().traffic.writes_dropped, 0U);
  clock.advance(50ms);
  EXPECT_THAT(ticks_of(slow.take()), ElementsAre(81));
}

TEST_F(ArenaServer, APlayerWhoStaysBehindIsAbortedAndTheOthersGoOn) {
  Client slow(server, {.capacity_bytes = 1000}), ann(server);
  slow.join("slow");
  ann.join("ann");
  const std::uint32_t slow_id = ann.take().at(0).welcome().members(0).id();
  slow.peer.stop_receiving();
  clock.advance(5s);
  EXPECT_EQ(metric("arena_slow_players_total"), 0);
  ann.take();
  clock.advance(1s);
  EXPECT_EQ(metric("arena_slow_players_total"), 1);
  slow.peer.go_on_receiving();
  EXPECT_TRUE(slow.peer.was_reset());
  bool told = false;
  const auto shown = ann.take();
  for (const auto& message : shown) told = told || message.left() == slow_id;
  EXPECT_TRUE(told);
  EXPECT_EQ(ticks_of(shown).size(), 20U);
}

TEST_F(ArenaServer, APlayerWhoCatchesUpNowAndThenStays) {
  Client slow(server, {.capacity_bytes = 1000});
  slow.join("slow");
  for (int i = 0; i < 5; ++i) {
    slow.peer.stop_receiving();
    clock.advance(4s);
    slow.peer.go_on_receiving();
    clock.advance(100ms);
  }
  EXPECT_FALSE(slow.peer.was_reset());
  EXPECT_EQ(metric("arena_slow_players_total"), 0);
}

TEST_F(ArenaServer, SaysGoodbyeWhenItIsDrained) {
  Client ann(server);
  ann.join("ann");
  bool done = false;
  loop.drain([&] { done = true; });
  loop.run_until_idle();
  EXPECT_TRUE(ann.peer.ended());
  ann.peer.end();
  EXPECT_TRUE(done);
}

// A clock that moves past timers, as time does while a callback blocks.
class StallingClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return now_; }
  bool real() const noexcept override { return false; }
  void pass(Duration time) { now_ += time; }

 private:
  TimePoint now_{1h};
};

class ArenaTicks : public ::testing::Test {
 protected:
  void pass(Duration time) {
    clock.pass(time);
    loop.run_until_idle();
  }
  MetricsRegistry metrics;
  std::vector<Duration> ran;  // when, since the start
  StallingClock clock;
  IOLoop loop{clock};
  const TimePoint start = clock.now();
  Ticks ticks{metrics, 50ms, [this] { ran.push_back(clock.now() - start); }};
};

TEST_F(ArenaTicks, OneThatIsLateIsRunAtOnceAndTheNextOneInTime) {
  ticks.start(loop);
  pass(70ms);
  EXPECT_THAT(ran, ElementsAre(70ms));
  EXPECT_EQ(ticks.overruns(), 1U);
  pass(29ms);
  EXPECT_EQ(ran.size(), 1U);
  pass(1ms);
  EXPECT_THAT(ran, ElementsAre(70ms, 100ms));
  EXPECT_EQ(ticks.overruns(), 1U);
  EXPECT_EQ(ticks.skipped(), 0U);
}

TEST_F(ArenaTicks, ThoseThatWereMissedAreSkippedAndNotMadeUpFor) {
  ticks.start(loop);
  pass(275ms);  // due at 50, 100, 150, 200 and 250
  EXPECT_THAT(ran, ElementsAre(275ms));
  EXPECT_EQ(ticks.skipped(), 4U);
  EXPECT_EQ(ticks.overruns(), 1U);
  pass(25ms);
  EXPECT_THAT(ran, ElementsAre(275ms, 300ms));
  EXPECT_EQ(ticks.skipped(), 4U);
}

TEST_F(ArenaTicks, ALittleLateIsNoOverrunAndDoesNotAddUp) {
  ticks.start(loop);
  for (int i = 0; i < 100; ++i) {
    pass(60ms);  // 10 ms late,
    pass(40ms);  // and in time
  }
  EXPECT_EQ(ticks.run(), 200U);
  EXPECT_EQ(ticks.overruns(), 0U);
  EXPECT_EQ(ran.back(), 10s);
}

TEST_F(ArenaTicks, KnowHowLateTheyWere) {
  ticks.start(loop);
  for (int i = 0; i < 98; ++i) pass(50ms);
  pass(51ms);
  pass(69ms);
  const Lateness& late = ticks.lateness();
  EXPECT_DOUBLE_EQ(late.quantile(0.5), 20e-6);
  EXPECT_NEAR(late.quantile(0.985), 1e-3, 0.2e-3);
  EXPECT_DOUBLE_EQ(late.max(), 20e-3);
  EXPECT_THAT(metrics.text(), HasSubstr("arena_tick_lateness_seconds_count 100\n"));
}

}  // namespace
}  // namespace twister::testing
