// Peers that go away, or are gone; and the ids by which both sides know which calls are meant.

#include "wire.hpp"

namespace twister {
namespace {

using namespace testing;

TEST(RpcPing, FindsAPeerThatIsGone) {
  RpcPair pair({}, {.ping_interval = 30s, .ping_timeout = 10s});
  MemoryPeer peer(pair.loop, std::make_unique<RpcConnection>(pair.loop, nullptr,
                                                             RpcOptions{.ping_when_idle = true}));
  peer.send(preface);
  pair.clock.advance(30s);
  EXPECT_FALSE(peer.ended());
  pair.clock.advance(10s);
  EXPECT_TRUE(peer.ended() || peer.was_reset());
}

TEST(RpcPing, KeepsAConnectionWhosePeerAnswers) {
  RpcPair pair({}, {.ping_when_idle = true});
  pair.connect();
  pair.clock.advance(1h);
  ASSERT_NE(pair.client, nullptr);
  pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 2"});
}

TEST(RpcGoaway, LetsCallsInFlightEndAndNoNewOnesBegin) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.server->go_away();
  pair.client->call<Int32Value>("Add1", number(0), pair.outcomes.add());  // not told yet
  pair.loop.run_until_idle();
  pair.client->call<Int32Value>("Add1", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"UNAVAILABLE: the connection is going away",
                                        "UNAVAILABLE: the connection is going away"}));
  pair.replies[0](number(5));
  pair.replies.clear();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines.back(), "OK 5");
  EXPECT_EQ(pair.server, nullptr);
  EXPECT_EQ(pair.client, nullptr);
}

TEST(RpcGoaway, NamesTheLastCallAndRefusesUntilItWasRead) {
  Wire wire;
  wire.send(preface + name_add1 + hex("00000000 01 00 0100 07000000"));
  wire.server->go_away();
  EXPECT_EQ(wire.send(hex("00000000 01 00 0100 08000000")),
            (Lines{"12 0 7 ", "10 0 0", "81 14 8"}));
  EXPECT_FALSE(wire.peer.ended());
  wire.send(hex("00000000 11 00 0000 00000000"));
  EXPECT_TRUE(wire.peer.ended());
}

TEST(RpcGoaway, AnswersWhatWasAcceptedBeforeItCloses) {
  Wire wire;
  wire.send(preface + name_later);
  wire.server->go_away();
  wire.send(hex("00000000 11 00 0000 00000000"));
  EXPECT_FALSE(wire.peer.ended());
  wire.replies.at(0)(number(1));
  wire.replies.clear();
  EXPECT_EQ(wire.send(""), Lines{"81 0 2"});
  EXPECT_TRUE(wire.peer.ended());
}

// This side calls, the test answers.
struct Caller : RpcPair {
  Caller() : peer(loop, make()) { peer.send(preface); }
  std::unique_ptr<RpcConnection> make() {
    struct Numbered : RpcConnection {
      Numbered(IOLoop& of) : RpcConnection(of, nullptr) {}
      using RpcConnection::count_calls_from;
    };
    auto made = std::make_unique<Numbered>(loop);
    connection = made.get();
    count_from = [&its = *made](std::uint64_t calls) { its.count_calls_from(calls); };
    return made;
  }
  void call(const char* method) {
    connection->call<Int32Value>(method, number(1), {.timeout = 1h}, outcomes.add());
    loop.run_until_idle();
  }
  RpcConnection* connection = nullptr;
  std::function<void(std::uint64_t)> count_from;
  MemoryPeer peer;
};

TEST(RpcGoaway, EndsTheCallsThatThePeerHasNotRead) {
  Caller caller;
  for (int i = 0; i < 3; ++i) caller.call("Later");
  caller.peer.send(hex("00000000 12 00 0000 01000000"));
  EXPECT_EQ(caller.outcomes.lines, (Lines{"UNAVAILABLE: the connection is going away",
                                          "UNAVAILABLE: the connection is going away"}));
  EXPECT_FALSE(caller.peer.ended());
  caller.peer.send(hex("02000000 81 00 0000 01000000 0805"));
  EXPECT_EQ(caller.outcomes.lines.back(), "OK 5");
  EXPECT_TRUE(caller.peer.ended());
}

TEST(RpcCallIds, GoRoundAndPassThoseInFlightBy) {
  Caller caller;
  caller.call("Held");  // 1
  caller.count_from(0xfffffffe);
  caller.call("Last");   // 2^32 - 1
  caller.call("First");  // neither 0 nor 1: 2
  caller.peer.send(hex("00000000 12 00 0000 ffffffff"));
  EXPECT_EQ(caller.outcomes.lines, Lines{"UNAVAILABLE: the connection is going away"});
  caller.peer.send(hex("02000000 81 00 0000 ffffffff 0802") +
                   hex("02000000 81 00 0000 01000000 0803"));
  EXPECT_EQ(caller.outcomes.lines,
            (Lines{"UNAVAILABLE: the connection is going away", "OK 2", "OK 3"}));
}

}  // namespace
}  // namespace twister
