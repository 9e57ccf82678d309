// The order of a connection's events, and when they come.
#include <functional>
#include <optional>

#include <twister/io_stream.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Lifecycle : public MemoryTest {};

TEST_F(Lifecycle, TellsConnectFirstAndCloseLastOnceEach) {
  Script script;
  const auto peer = connect(script);
  peer->send("one");
  peer->send("two");
  peer->end();
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "data", "eof", "close"));
  EXPECT_EQ(script.received, "onetwo");
}

TEST_F(Lifecycle, ConnectsFromTheLoopAndNotInsideTheCall) {
  Script script;
  auto [near, far] = memory_transport_pair(loop);
  make_connection(loop, std::move(near), std::make_unique<Scripted>(script));
  EXPECT_THAT(script.events, IsEmpty());
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("connect"));
}

TEST_F(Lifecycle, DestroysTheProtocolAfterOnClose) {
  struct Watched : Protocol {
    explicit Watched(std::vector<std::string>& events) : events_(events) {}
    ~Watched() override { events_.emplace_back("destroyed"); }
    void on_close(const CloseReason&) override { events_.emplace_back("close"); }
    std::vector<std::string>& events_;
  };
  std::vector<std::string> events;
  MemoryPeer peer(loop, std::make_unique<Watched>(events));
  peer.end();
  EXPECT_THAT(events, ElementsAre("close", "destroyed"));
}

TEST_F(Lifecycle, NoVerbCallsBackInsideItself) {
  Script script;
  std::size_t events_inside = 99;
  script.data = [&](Protocol& conn, std::string_view) {
    const std::size_t before = script.events.size();
    conn.write(std::string(200'000, 'x'));  // above the high-water mark
    conn.pause_reading();
    conn.resume_reading();
    conn.shutdown_write();
    conn.close();
    conn.abort();
    events_inside = script.events.size() - before;
  };
  const auto peer = connect(script);
  peer->send("go");
  EXPECT_EQ(events_inside, 0u);
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "close"));
}

TEST_F(Lifecycle, VerbsFromOutsideTheLoopOnlySchedule) {
  Script script;
  const auto peer = connect(script);
  script.conn->write("bye");
  script.conn->close();
  EXPECT_THAT(script.events, ElementsAre("connect"));
  EXPECT_EQ(peer->take(), "bye");
  peer->end();
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
}

TEST_F(Lifecycle, DeliversWhatWasWrittenInOnConnect) {
  Script script;
  script.connect = [](Protocol& conn) { conn.write("welcome"); };
  EXPECT_EQ(connect(script)->take(), "welcome");
}

TEST_F(Lifecycle, DeliversWhatWasWrittenBeforeOnConnect) {
  Script script;
  auto [near, far] = memory_transport_pair(loop);
  make_connection(loop, std::move(near), std::make_unique<Scripted>(script)).write("early");
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 100), "early");
}

TEST_F(Lifecycle, DeliversWhatWasWrittenBeforeACloseThatCameBeforeOnConnect) {
  Script script;
  auto [near, far] = memory_transport_pair(loop);
  Protocol& conn = make_connection(loop, std::move(near), std::make_unique<Scripted>(script));
  conn.write("early");
  conn.close();
  EXPECT_FALSE(conn.is_open());
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 100), "early");
  far->close();
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
  EXPECT_EQ(script.reason.code, Errc::closed_here);
}

TEST_F(Lifecycle, BeginsBeforeItEndsAlsoWhenTheLoopGoesFirst) {
  Script script;
  {
    IOLoop short_lived;
    auto [near, far] = memory_transport_pair(short_lived);
    make_connection(short_lived, std::move(near), std::make_unique<Scripted>(script)).abort();
  }
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
}

class Hasty : public Protocol {
 public:
  Hasty() {
    EXPECT_FALSE(is_open());
    EXPECT_EQ(queued_bytes(), 0U);
    EXPECT_EQ(native_handle(), -1);
    write("too early");
  }
};

TEST_F(Lifecycle, AVerbInAConstructorCostsThatConnectionAndSaysWhy) {
  TcpServer server(loop, "", build<Hasty>());
  MemoryPeer peer(server);
  EXPECT_TRUE(peer.ended());
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_THAT(log.lines()[0],
              ::testing::HasSubstr("what=\"a Protocol has no connection before on_connect\""));
}

TEST_F(Lifecycle, KnowsItsPeerAndItsLoop) {
  Script script;
  const auto peer = connect(script, {}, {.second_address = Address::parse("10.0.0.7:51022")});
  EXPECT_EQ(script.conn->peer_address().to_string(), "10.0.0.7:51022");
  EXPECT_EQ(&script.conn->loop(), &loop);
  EXPECT_EQ(script.conn->native_handle(), -1);
}

TEST_F(Lifecycle, KnowsItsPeerInOnClose) {
  Script script;
  std::string seen;
  script.close = [&](Protocol& conn, const CloseReason&) {
    seen = conn.peer_address().to_string();
  };
  const auto peer = connect(script, {}, {.second_address = Address::parse("10.0.0.7:51022")});
  peer->reset();
  EXPECT_EQ(seen, "10.0.0.7:51022");
}

TEST_F(Lifecycle, CountsTheBytesThatWereNotTaken) {
  Script script;
  const auto far = connect_bare(script, {}, 1000);
  script.conn->write(std::string(2500, 'x'));
  loop.run_until_idle();
  EXPECT_EQ(script.conn->queued_bytes(), 1500u);
  EXPECT_EQ(receive(*far, 1000).size(), 1000u);
  EXPECT_EQ(script.conn->queued_bytes(), 500u);
}

TEST_F(Lifecycle, ChunkFunctionReplacesOnDataAlsoWhileItRuns) {
  Script script;
  std::string first, second;
  script.connect = [&](Protocol& conn) {
    conn.read_until_close([&](ByteView) { FAIL() << "on_connect's default comes after and wins"; });
  };
  const auto peer = connect(script);
  script.conn->read_until_close([&](ByteView chunk) {
    first += as_text(chunk);
    script.conn->read_until_close([&](ByteView next) { second += as_text(next); });
  });
  peer->send("a");
  peer->send("b");
  EXPECT_EQ(first, "a");
  EXPECT_EQ(second, "b");
  EXPECT_EQ(script.received, "");
}

TEST_F(Lifecycle, PausingInOnConnectIsHonoured) {
  Script script;
  script.connect = [](Protocol& conn) { conn.pause_reading(); };
  const auto peer = connect(script);
  peer->send("held");
  EXPECT_EQ(script.received, "");
  script.conn->resume_reading();
  loop.run_until_idle();
  EXPECT_EQ(script.received, "held");
}

TEST_F(Lifecycle, PausingStopsDeliveryUntilResumed) {
  Script script;
  script.data = [](Protocol& conn, std::string_view) { conn.pause_reading(); };
  const auto peer = connect(script, {.read_chunk_size = 2});
  peer->send("abcd");
  EXPECT_EQ(script.received, "ab");
  script.conn->resume_reading();
  loop.run_until_idle();
  EXPECT_EQ(script.received, "abcd");
}

TEST_F(Lifecycle, FinWaitsForAPausedReader) {
  Script script;
  const auto peer = connect(script);
  script.conn->pause_reading();
  peer->send("last words");
  peer->end();
  EXPECT_THAT(script.events, ElementsAre("connect"));
  script.conn->resume_reading();
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "eof", "close"));
  EXPECT_TRUE(script.reason.clean());
}

TEST_F(Lifecycle, ResetDoesNotWaitForAPausedReader) {
  Script script;
  const auto peer = connect(script);
  script.conn->pause_reading();
  peer->send("unread");
  peer->reset();
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_F(Lifecycle, ResetThatCameWithTheDataDoesNotWaitForAReaderThatPausesOnThem) {
  Script script;
  script.data = [](Protocol& conn, std::string_view) { conn.pause_reading(); };
  const auto far = connect_bare(script);
  const ByteView bytes = as_bytes("x");
  far->send({&bytes, 1});
  far->reset();
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "close"));
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_F(Lifecycle, DataThatCameBeforeTheResetAreDelivered) {
  Script script;
  const auto far = connect_bare(script);
  const ByteView bytes = as_bytes("last words");
  far->send({&bytes, 1});
  far->reset();
  loop.run_until_idle();
  EXPECT_EQ(script.received, "last words");
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_F(Lifecycle, OneConnectionDoesNotStarveTheLoop) {
  Script script;
  std::size_t received_when_served = 0;
  script.data = [&](Protocol&, std::string_view) {
    if (script.count("data") > 1) return;
    loop.add_callback([&] { received_when_served = script.received.size(); });
  };
  const auto peer = connect(script, {}, {.capacity_bytes = 4 * 1024 * 1024});
  peer->send(std::string(2 * 1024 * 1024, 'x'));
  EXPECT_EQ(received_when_served, 512u * 1024);  // what was ready, and one more service of it
  EXPECT_EQ(script.received.size(), 2u * 1024 * 1024);
}

TEST_F(Lifecycle, ProtocolReadsOnByItsOwnChunkSize) {
  Script script;
  const auto peer = connect(script, {.read_chunk_size = 3});
  peer->send("abcdefgh");
  EXPECT_EQ(script.count("data"), 3);
  EXPECT_EQ(script.received, "abcdefgh");
}

// ---- handles ----

TEST_F(Lifecycle, HandleRunsItsWorkOnTheLoop) {
  Script script;
  const auto peer = connect(script);
  const Handle handle = script.conn->handle();
  handle.send("from elsewhere");
  EXPECT_EQ(peer->take(), "from elsewhere");
  EXPECT_TRUE(handle.post([](Protocol& conn) { conn.write("posted"); }));
  EXPECT_EQ(peer->take(), "posted");
}

TEST_F(Lifecycle, HandleOfAConnectionThatIsGoneDoesNothing) {
  Script script;
  const auto peer = connect(script);
  const Handle handle = script.conn->handle();
  peer->end();
  EXPECT_FALSE(handle.post([](Protocol&) { FAIL() << "no connection to run on"; }));
  handle.send("lost");
  handle.close();
  handle.abort();
  EXPECT_EQ(peer->take(), "");
}

TEST_F(Lifecycle, WorkPostedTooLateIsDropped) {
  Script script;
  const auto peer = connect(script);
  const Handle handle = script.conn->handle();
  script.conn->abort();
  loop.add_callback([&] {});
  bool ran = false;
  script.close = [&](Protocol&, const CloseReason&) {
    EXPECT_FALSE(handle.post([&](Protocol&) { ran = true; }));
  };
  loop.run_until_idle();
  EXPECT_FALSE(ran);
}

TEST_F(Lifecycle, HandleMadeInOnCloseIsGoneFromTheStart) {
  Script script;
  Handle handle;
  script.close = [&](Protocol& conn, const CloseReason&) { handle = conn.handle(); };
  connect(script)->end();
  EXPECT_FALSE(handle.post([](Protocol&) {}));
}

TEST_F(Lifecycle, HandleClosesAndAborts) {
  Script closed, aborted;
  const auto first = connect(closed);
  const auto second = connect(aborted);
  closed.conn->handle().close();
  aborted.conn->handle().abort();
  first->end();
  EXPECT_EQ(closed.reason.code, Errc::closed_here);
  EXPECT_EQ(aborted.reason.code, Errc::aborted_here);
  EXPECT_TRUE(second->was_reset());
}

// The close callback of a naive client, which connects again at once.
TEST(LoopThatEnds, IsNotKeptAliveByWhatBeginsMeanwhile) {
  int closed = 0;
  std::optional<IOStream> stream;
  std::optional<IOLoop> owner(std::in_place);
  IOLoop& loop = *owner;
  std::function<void(const CloseReason&)> again = [&](const CloseReason&) {
    ++closed;
    auto [near, far] = memory_transport_pair(loop);
    stream.emplace(loop, std::move(near));
    stream->set_close_callback(again);
    make_connection(loop, std::move(far), std::make_unique<Protocol>());
  };
  again({});
  loop.run_until_idle();
  owner.reset();
  EXPECT_EQ(closed, 2);  // the first by hand; the next is the loop's end
  EXPECT_FALSE(stream->is_open());
}

}  // namespace
}  // namespace twister::testing
