// The testing kit's transports themselves: what a test over them can rely on.
#include <array>

#include "script.hpp"

namespace twister::testing {
namespace {

using Status = IoResult::Status;

class MemoryTransports : public MemoryTest {
 protected:
  MemoryTransports() {
    auto [one, two] = memory_transport_pair(loop, {.capacity_bytes = 10});
    first = std::move(one);
    second = std::move(two);
  }

  static IoResult send(Transport& from, std::string_view text) {
    const ByteView bytes = as_bytes(text);
    return from.send({&bytes, 1});
  }
  static IoResult receive_one(Transport& at) {
    std::byte room;
    return at.receive({&room, 1});
  }

  std::unique_ptr<Transport> first, second;
};

// Writes down what a transport reports.
struct Reports final : TransportEvents {
  void on_ready(Readiness readiness) override {
    readable += has(readiness, Readiness::readable) ? 1 : 0;
    writable += has(readiness, Readiness::writable) ? 1 : 0;
    hangup += has(readiness, Readiness::hangup) ? 1 : 0;
    failed += has(readiness, Readiness::failed) ? 1 : 0;
  }
  int readable = 0, writable = 0, hangup = 0, failed = 0;
};

TEST_F(MemoryTransports, CarryBytesBothWays) {
  send(*first, "ping");
  send(*second, "pong");
  EXPECT_EQ(receive(*second, 10), "ping");
  EXPECT_EQ(receive(*first, 10), "pong");
}

TEST_F(MemoryTransports, HoldTheirCapacityAndNoMore) {
  EXPECT_EQ(send(*first, "0123456789abc").bytes, 10u);
  EXPECT_EQ(send(*first, "abc").status, Status::would_block);
  EXPECT_EQ(receive(*second, 4), "0123");
  EXPECT_EQ(send(*first, "abcdef").bytes, 4u);
  EXPECT_EQ(receive(*second, 100), "456789abcd");
}

TEST_F(MemoryTransports, GatherPieces) {
  const std::array<ByteView, 3> pieces{as_bytes("one"), as_bytes(""), as_bytes("two")};
  EXPECT_EQ(first->send(pieces).bytes, 6u);
  EXPECT_EQ(receive(*second, 10), "onetwo");
}

TEST_F(MemoryTransports, WouldBlockWithoutBytes) {
  EXPECT_EQ(receive_one(*first).status, Status::would_block);
}

TEST_F(MemoryTransports, ReportThatThereIsRoomAgain) {
  Reports reports;
  first->start(reports);
  loop.run_until_idle();
  EXPECT_EQ(reports.writable, 1);
  send(*first, "0123456789abc");
  loop.run_until_idle();
  EXPECT_EQ(reports.writable, 1);
  receive(*second, 1);
  loop.run_until_idle();
  EXPECT_EQ(reports.writable, 2);
}

TEST_F(MemoryTransports, ReportBytesAndNeverInsideACall) {
  Reports reports;
  second->start(reports);
  loop.run_until_idle();
  send(*first, "x");
  EXPECT_EQ(reports.readable, 0);
  loop.run_until_idle();
  EXPECT_EQ(reports.readable, 1);
}

TEST_F(MemoryTransports, DeliverBytesThenFin) {
  send(*first, "x");
  first->shutdown_send();
  EXPECT_EQ(receive_one(*second).status, Status::ok);
  EXPECT_EQ(receive_one(*second).status, Status::end_of_stream);
  EXPECT_EQ(send(*second, "half-open").status, Status::ok);
}

TEST_F(MemoryTransports, DeliverBytesThenAReset) {
  send(*first, "x");
  first->reset();
  EXPECT_EQ(receive_one(*second).status, Status::ok);
  const IoResult result = receive_one(*second);
  EXPECT_EQ(result.status, Status::failed);
  EXPECT_EQ(result.error, std::errc::connection_reset);
  EXPECT_EQ(send(*second, "x").error, std::errc::broken_pipe);
}

TEST_F(MemoryTransports, ClosingSendsFin) {
  first->close();
  EXPECT_EQ(receive_one(*second).status, Status::end_of_stream);
}

TEST_F(MemoryTransports, DestroyingSendsFin) {
  first.reset();
  EXPECT_EQ(receive_one(*second).status, Status::end_of_stream);
}

TEST_F(MemoryTransports, ClosingWithUnreadBytesResets) {
  send(*second, "unread");
  first->close();
  EXPECT_EQ(receive_one(*second).status, Status::failed);
}

TEST_F(MemoryTransports, SendingToAClosedPeerFails) {
  first->close();
  EXPECT_EQ(send(*second, "x").error, std::errc::broken_pipe);
  EXPECT_EQ(receive_one(*second).status, Status::failed);
}

TEST_F(MemoryTransports, AreSilentOnceClosed) {
  Reports reports;
  second->start(reports);
  loop.run_until_idle();
  send(*first, "x");
  second->close();
  loop.run_until_idle();
  EXPECT_EQ(reports.readable, 0);
}

TEST_F(MemoryTransports, ReportAResetAsFailed) {
  Reports reports;
  second->start(reports);
  first->reset();
  loop.run_until_idle();
  EXPECT_EQ(reports.failed, 1);
}

// ---- MemoryPeer ----

class MemoryPeers : public MemoryTest {};

TEST_F(MemoryPeers, SendMoreThanTheCapacityToAReader) {
  Script script;
  const auto peer = connect(script, {}, {.capacity_bytes = 7});
  EXPECT_EQ(peer->send(std::string(1000, 'x')), 1000u);
  EXPECT_EQ(script.received.size(), 1000u);
}

TEST_F(MemoryPeers, SayHowMuchAPausedReaderLeftUnsent) {
  Script script;
  const auto peer = connect(script, {}, {.capacity_bytes = 7});
  script.conn->pause_reading();
  EXPECT_EQ(peer->send(std::string(1000, 'x')), 7u);
}

TEST_F(MemoryPeers, TakeOnlyWhatIsNew) {
  Script script;
  const auto peer = connect(script);
  script.conn->write("one");
  EXPECT_EQ(peer->take(), "one");
  EXPECT_EQ(peer->take(), "");
}

TEST_F(MemoryPeers, CloseTheirEndWhenDestroyed) {
  Script script;
  connect(script).reset();
  loop.run_until_idle();
  EXPECT_EQ(script.events.back(), "close");
  EXPECT_TRUE(script.reason.clean());
}

// ---- FaultyTransport ----

class Faults : public MemoryTest {
 protected:
  // The sizes of the chunks in which 2000 bytes arrive.
  std::vector<std::size_t> chunks(std::uint32_t seed) {
    std::vector<std::size_t> sizes;
    Script script;
    script.data = [&](Protocol&, std::string_view data) { sizes.push_back(data.size()); };
    auto [near, far] = memory_transport_pair(loop);
    const FaultPlan plan{.seed = seed, .max_receive_bytes = 100, .would_block_percent = 30};
    make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(near), plan),
                    std::make_unique<Scripted>(script));
    const std::string text(2000, 'x');
    const ByteView bytes = as_bytes(text);
    far->send({&bytes, 1});
    loop.run_until_idle();
    EXPECT_EQ(script.received, text);
    return sizes;
  }
};

TEST_F(Faults, AreTheSameForTheSameSeed) {
  EXPECT_EQ(chunks(7), chunks(7));
  EXPECT_NE(chunks(7), chunks(8));
}

TEST_F(Faults, CutChunksToTheirPlan) {
  const std::vector<std::size_t> sizes = chunks(7);
  EXPECT_GE(sizes.size(), 20u);
  EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), 100u);
}

TEST_F(Faults, StopWithTheTransport) {
  Script script;
  auto [near, far] = memory_transport_pair(loop);
  const FaultPlan plan{.max_send_bytes = 1, .would_block_percent = 100};
  make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(near), plan),
                  std::make_unique<Scripted>(script));
  script.connect = [](Protocol& conn) {
    conn.write("never");
    conn.abort();
  };
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
}

TEST_F(Faults, LetFinAndResetThrough) {
  Script script;
  auto [near, far] = memory_transport_pair(loop);
  const FaultPlan plan{.max_receive_bytes = 1, .would_block_percent = 50};
  make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(near), plan),
                  std::make_unique<Scripted>(script));
  const ByteView bytes = as_bytes("last words");
  far->send({&bytes, 1});
  far->close();
  loop.run_until_idle();
  EXPECT_EQ(script.received, "last words");
  EXPECT_TRUE(script.reason.clean());
}

}  // namespace
}  // namespace twister::testing
