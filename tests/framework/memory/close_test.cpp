// The end of a connection: what is sent, what is told, and how often.
#include <array>
#include <chrono>
#include <optional>

#include "script.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;

class Close : public MemoryTest {};

// ---- reasons ----

TEST_F(Close, GoodbyeByThePeerIsNoError) {
  Script script;
  connect(script)->end();
  EXPECT_TRUE(script.reason.clean());
  EXPECT_EQ(script.reason.message(), "closed by the peer");
}

TEST_F(Close, ResetByThePeerIsReset) {
  Script script;
  connect(script)->reset();
  EXPECT_EQ(script.reason.code, Errc::reset);
  EXPECT_EQ(script.reason.code, Condition::gone);
}

TEST_F(Close, AbortResetsThePeer) {
  Script script;
  const auto peer = connect(script);
  script.conn->write("never sent");
  script.conn->abort();
  EXPECT_EQ(peer->take(), "");
  EXPECT_TRUE(peer->was_reset());
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
}

TEST_F(Close, AbortWithAFullBufferClosesAtOnce) {
  Script script;
  const auto peer = connect(script);
  peer->stop_receiving();
  script.conn->write(std::string(1'000'000, 'x'));
  loop.run_until_idle();
  script.conn->abort();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 1);
}

TEST_F(Close, CloseWithoutAnErrorIsClosedHere) {
  Script script;
  const auto peer = connect(script);
  script.conn->close();
  peer->end();
  EXPECT_EQ(script.reason.code, Errc::closed_here);
  EXPECT_EQ(script.reason.message(), "connection closed here");
}

TEST_F(Close, GivenErrorBecomesTheReason) {
  Script script;
  const auto peer = connect(script);
  script.conn->close(std::make_error_code(std::errc::permission_denied));
  peer->end();
  EXPECT_EQ(script.reason.code, std::errc::permission_denied);
}

TEST_F(Close, DestroyedLoopTellsEveryConnectionOnce) {
  std::array<Script, 5> scripts;
  {
    IOLoop other(clock);
    std::vector<std::unique_ptr<Transport>> far;
    for (Script& script : scripts) {
      auto [near, end] = memory_transport_pair(other);
      make_connection(other, std::move(near), std::make_unique<Scripted>(script));
      far.push_back(std::move(end));
    }
    other.run_until_idle();
  }
  for (const Script& script : scripts) {
    EXPECT_THAT(script.events, ElementsAre("connect", "close"));
    EXPECT_EQ(script.reason.code, Errc::loop_stopped);
  }
}

TEST_F(Close, ConnectionsMayWriteToEachOtherWhileTheirLoopIsDestroyed) {
  std::array<Script, 5> scripts;
  for (Script& script : scripts) {
    script.close = [&](Protocol&, const CloseReason&) {
      for (Script& other : scripts) {
        if (other.conn != nullptr) other.conn->write("somebody has left");
      }
    };
  }
  {
    IOLoop other(clock);
    std::vector<std::unique_ptr<Transport>> far;
    for (Script& script : scripts) {
      auto [near, end] = memory_transport_pair(other);
      make_connection(other, std::move(near), std::make_unique<Scripted>(script));
      far.push_back(std::move(end));
    }
    other.run_until_idle();
  }
  for (const Script& script : scripts) EXPECT_EQ(script.count("close"), 1);
}

// ---- close() ----

TEST_F(Close, SendsWhatIsQueuedThenFin) {
  Script script;
  const auto peer = connect(script);
  const std::string large(300'000, 'x');
  script.conn->write(large);
  script.conn->close();
  EXPECT_EQ(peer->take(), large);
  EXPECT_TRUE(peer->ended());
  EXPECT_FALSE(peer->was_reset());
}

TEST_F(Close, WriteAfterCloseHasNoEffect) {
  Script script;
  const auto peer = connect(script);
  script.conn->write("before");
  script.conn->close();
  EXPECT_EQ(script.conn->write("after"), WriteStatus::closed);
  EXPECT_EQ(script.conn->write(""), WriteStatus::closed);
  EXPECT_EQ(script.conn->write(SharedBytes(std::string("after"))), WriteStatus::closed);
  EXPECT_EQ(peer->take(), "before");
}

TEST_F(Close, WriteAfterAbortHasNoEffect) {
  Script script;
  const auto peer = connect(script);
  script.conn->abort();
  EXPECT_EQ(script.conn->write("after"), WriteStatus::closed);
  EXPECT_FALSE(script.conn->is_open());
}

TEST_F(Close, DeliversNothingAfterIt) {
  Script script;
  script.data = [](Protocol& conn, std::string_view) { conn.close(); };
  const auto peer = connect(script, {.read_chunk_size = 1});
  peer->send("abc");
  peer->end();
  EXPECT_EQ(script.received, "a");
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "close"));
}

TEST_F(Close, DeliversNothingAfterAnAbort) {
  Script script;
  script.data = [](Protocol& conn, std::string_view) { conn.abort(); };
  const auto peer = connect(script, {.read_chunk_size = 1});
  peer->send("abc");
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "close"));
}

TEST_F(Close, ClosingTwiceKeepsTheFirstReason) {
  Script script;
  const auto peer = connect(script);
  script.conn->close(std::make_error_code(std::errc::timed_out));
  script.conn->close(std::make_error_code(std::errc::io_error));
  peer->end();
  EXPECT_EQ(script.reason.code, std::errc::timed_out);
  EXPECT_EQ(script.count("close"), 1);
}

TEST_F(Close, AbortAfterCloseDropsWhatIsLeft) {
  Script script;
  const auto peer = connect(script);
  peer->stop_receiving();
  script.conn->write(std::string(100'000, 'x'));
  script.conn->close();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 0);
  script.conn->abort();
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
  EXPECT_EQ(script.count("close"), 1);
}

TEST_F(Close, AbortingTwiceEndsOnce) {
  Script script;
  const auto peer = connect(script);
  script.conn->abort();
  script.conn->abort();
  script.conn->close();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
}

TEST_F(Close, FlushesWhatWasWrittenInTheSameCallback) {
  Script script;
  script.data = [](Protocol& conn, std::string_view) {
    conn.write("a");
    conn.write("b");
    conn.close();
  };
  const auto peer = connect(script);
  peer->send("?");
  EXPECT_EQ(peer->take(), "ab");
  EXPECT_TRUE(peer->ended());
}

// ---- inside callbacks ----

TEST_F(Close, InsideOnConnect) {
  Script script;
  script.connect = [](Protocol& conn) {
    conn.write("go away");
    conn.close();
  };
  const auto peer = connect(script);
  EXPECT_EQ(peer->take(), "go away");
  peer->end();
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
}

TEST_F(Close, AbortInsideOnConnect) {
  Script script;
  script.connect = [](Protocol& conn) { conn.abort(); };
  const auto peer = connect(script);
  EXPECT_TRUE(peer->was_reset());
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
}

TEST_F(Close, InsideOnEofGivesTheReason) {
  Script script;
  script.eof = [](Protocol& conn) {
    conn.close(std::make_error_code(std::errc::protocol_error));
    return EofAction::keep_open;
  };
  connect(script)->end();
  EXPECT_THAT(script.events, ElementsAre("connect", "eof", "close"));
  EXPECT_EQ(script.reason.code, std::errc::protocol_error);
}

TEST_F(Close, InsideOnWritePausedStillFlushes) {
  Script script;
  script.paused = [](Protocol& conn) { conn.close(); };
  const auto peer = connect(script);
  peer->stop_receiving();
  script.conn->write(std::string(200'000, 'x'));
  loop.run_until_idle();
  peer->go_on_receiving();
  EXPECT_EQ(peer->take().size(), 200'000u);
  EXPECT_THAT(script.events, ElementsAre("connect", "paused"));
  peer->end();
  EXPECT_THAT(script.events, ElementsAre("connect", "paused", "close"));
}

TEST_F(Close, AbortInsideOnWritePausedIsNotFollowedByAResume) {
  Script script;
  script.paused = [](Protocol& conn) { conn.abort(); };
  const auto peer = connect(script);
  peer->stop_receiving();
  script.conn->write(std::string(200'000, 'x'));
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("connect", "paused", "close"));
}

TEST_F(Close, EveryVerbInsideOnCloseHasNoEffect) {
  Script script;
  std::optional<WriteStatus> status;
  script.close = [&](Protocol& conn, const CloseReason&) {
    status = conn.write("too late");
    conn.pause_reading();
    conn.resume_reading();
    conn.read_until_close();
    conn.read_until_close([](ByteView) {});
    conn.shutdown_write();
    conn.close();
    conn.abort();
    EXPECT_FALSE(conn.is_open());
    EXPECT_EQ(conn.queued_bytes(), 0u);
  };
  connect(script)->end();
  Script next;
  connect(next)->end();  // whatever was scheduled by mistake would be served here
  EXPECT_EQ(status, WriteStatus::closed);
  EXPECT_EQ(script.count("close"), 1);
}

// ---- the close callback ----

TEST_F(Close, CallbackComesAfterOnClose) {
  Script script;
  const auto peer = connect(script);
  script.conn->set_close_callback(
      [&](const CloseReason& reason) { script.events.push_back("callback: " + reason.message()); });
  peer->end();
  EXPECT_THAT(script.events,
              ElementsAre("connect", "eof", "close", "callback: closed by the peer"));
}

TEST_F(Close, TheLastCallbackWins) {
  Script script;
  const auto peer = connect(script);
  int first = 0, second = 0;
  script.conn->set_close_callback([&](const CloseReason&) { ++first; });
  script.conn->set_close_callback([&](const CloseReason&) { ++second; });
  script.conn->close();
  script.conn->close();
  EXPECT_EQ(second, 0);  // never inside the call
  peer->end();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TEST_F(Close, AnEmptyCallbackTakesTheLastOneAway) {
  Script script;
  const auto peer = connect(script);
  bool called = false;
  script.conn->set_close_callback([&](const CloseReason&) { called = true; });
  script.conn->set_close_callback(nullptr);
  peer->end();
  EXPECT_FALSE(called);
}

TEST_F(Close, CallbackMayReplaceItselfWhileItRuns) {
  Script script;
  std::string told;
  Protocol* conn = nullptr;
  script.connect = [&](Protocol& self) { conn = &self; };
  const auto peer = connect(script);
  conn->set_close_callback([&conn, &told, text = std::string(100, 'x')](const CloseReason&) {
    conn->set_close_callback(nullptr);
    told = text;  // this function must still be there
  });
  peer->end();
  EXPECT_EQ(told, std::string(100, 'x'));
}

// ---- lingering ----

TEST_F(Close, DiscardsInputUntilThePeersFin) {
  Script script;
  const auto peer = connect(script);
  script.conn->close();
  peer->send("what nobody reads any more");
  EXPECT_EQ(script.count("close"), 0);
  peer->end();
  EXPECT_THAT(script.events, ElementsAre("connect", "close"));
  EXPECT_FALSE(peer->was_reset());
}

TEST_F(Close, LingersForABoundedTime) {
  Script script;
  const auto peer = connect(script, {.linger_timeout = std::chrono::seconds(2)});
  script.conn->close();
  clock.advance(std::chrono::milliseconds(1999));
  peer->send("still talking");
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(script.reason.code, Errc::closed_here);
}

TEST_F(Close, ResetWhileLingeringKeepsTheReason) {
  Script script;
  const auto peer = connect(script);
  script.conn->close();
  loop.run_until_idle();
  peer->reset();
  EXPECT_EQ(script.reason.code, Errc::closed_here);
}

TEST_F(Close, GivesUpAReaderThatStandsStill) {
  Script script;
  const auto far = connect_bare(script, {.close_timeout = std::chrono::seconds(30)}, 1000);
  script.conn->write(std::string(2000, 'x'));
  script.conn->close();
  loop.run_until_idle();
  clock.advance(std::chrono::milliseconds(29'999));
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(script.reason.code, Errc::close_timeout);
  EXPECT_EQ(script.reason.detail, "1000 bytes were not taken");
  EXPECT_EQ(script.reason.code, Condition::timed_out);
}

TEST_F(Close, WaitsForAReaderThatIsSlow) {
  Script script;
  const auto far = connect_bare(script, {.close_timeout = std::chrono::seconds(30)}, 1000);
  script.conn->write(std::string(10'000, 'x'));
  script.conn->close();
  loop.run_until_idle();
  std::size_t taken = 0;
  for (int i = 0; i < 10; ++i) {
    clock.advance(std::chrono::seconds(25));
    taken += receive(*far, 1000).size();
  }
  EXPECT_EQ(taken, 10'000u);
  far->close();
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::closed_here);
}

TEST_F(Close, LeavesNoTimerBehind) {
  Script script;
  const auto peer = connect(script);
  script.conn->close();
  loop.run_until_idle();
  EXPECT_TRUE(loop.next_timer().has_value());
  peer->end();
  EXPECT_FALSE(loop.next_timer().has_value());
}

TEST_F(Close, TakesInputAwayWhileItIsStillFlushing) {
  Script script;
  const auto peer = connect(script, {}, {.capacity_bytes = 1000});
  peer->stop_receiving();
  script.conn->write(std::string(5000, 'x'));
  script.conn->close();
  EXPECT_EQ(peer->send(std::string(50'000, 'y')), 50'000u);  // a peer that writes before it reads
  peer->go_on_receiving();
  EXPECT_EQ(peer->take().size(), 5000u);
}

TEST_F(Close, ResetBehindAFinEndsAConnectionThatIsStillFlushing) {
  Script script;
  const auto peer = connect(script, {}, {.capacity_bytes = 1000});
  peer->stop_receiving();
  script.conn->write(std::string(5000, 'x'));
  peer->end();
  EXPECT_EQ(script.count("close"), 0);
  peer->reset();
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(script.reason.code, Errc::reset);
}

}  // namespace
}  // namespace twister::testing
