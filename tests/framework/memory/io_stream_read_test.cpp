// Reads by request: what each takes, when it fails, and that no byte is lost in between.
#include <sys/socket.h>

#include <array>
#include <optional>
#include <random>
#include <stdexcept>

#include <twister/io_stream.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

enum class Carrier { memory, descriptors };

class MemoryReads : public MemoryTest {
 protected:
  void connect(const StreamOptions& options = {}) {
    auto [ours, theirs] =
        carrier() == Carrier::memory ? memory_transport_pair(loop) : descriptor_pair();
    stream.emplace(loop, std::move(ours), options);
    far = std::move(theirs);
  }
  void SetUp() override { connect(); }

  virtual Carrier carrier() const { return Carrier::memory; }
  // What is sent into one is there when send() returns, as in memory.
  std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>> descriptor_pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    return {make_socket_transport(loop, ends[0]), make_socket_transport(loop, ends[1])};
  }

  std::size_t send(std::string_view text) {
    const ByteView bytes = as_bytes(text);
    const std::size_t sent = far->send({&bytes, 1}).bytes;
    loop.run_until_idle();
    return sent;
  }
  void end() {
    far->shutdown_send();
    loop.run_until_idle();
  }
  // Writes down how a read ended: its data, or "!" and the error.
  ReadHandler note() {
    return [this](std::error_code error, ByteView data) {
      ended.push_back(error ? "!" + error.message() : std::string(as_text(data)));
      last_error = error;
    };
  }
  void run() { loop.run_until_idle(); }

  std::optional<IOStream> stream;
  std::unique_ptr<Transport> far;
  std::vector<std::string> ended;
  std::error_code last_error;
};

class Reads : public MemoryReads, public ::testing::WithParamInterface<Carrier> {
  Carrier carrier() const override { return GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(Memory, Reads, ::testing::Values(Carrier::memory));
INSTANTIATE_TEST_SUITE_P(Descriptors, Reads, ::testing::Values(Carrier::descriptors));

TEST_P(Reads, BytesWaitForAllOfThem) {
  stream->read_bytes(10, note());
  send("hello");
  EXPECT_TRUE(ended.empty());
  EXPECT_TRUE(stream->reading());
  send("world!!");
  EXPECT_THAT(ended, ElementsAre("helloworld"));
  EXPECT_FALSE(stream->reading());
  stream->read_bytes(2, note());
  run();
  EXPECT_EQ(ended.back(), "!!");
}

TEST_P(Reads, PartialBytesTakeWhatThereIs) {
  stream->read_bytes(50, note(), {.partial = true});
  send("hello");
  stream->read_bytes(3, note(), {.partial = true});
  send("world");
  stream->read_bytes(0, note(), {.partial = true});
  run();
  stream->read_bytes(9, note(), {.partial = true});
  run();
  EXPECT_THAT(ended, ElementsAre("hello", "wor", "", "ld"));
}

TEST_P(Reads, AreNeverAnsweredInsideTheCall) {
  send("abc\n");
  stream->read_bytes(0, note());
  EXPECT_TRUE(ended.empty());
  run();
  EXPECT_THAT(ended, ElementsAre(""));
  bool inside = false;
  stream->read_bytes(1, [&](std::error_code, ByteView) {
    inside = true;
    stream->read_until("\n", [&](std::error_code, ByteView data) {
      EXPECT_FALSE(inside);
      EXPECT_EQ(as_text(data), "bc\n");
      ended.emplace_back("done");
    });
    inside = false;
  });
  run();
  EXPECT_EQ(ended.back(), "done");
}

TEST_P(Reads, UntilTakesTheDelimiterToo) {
  stream->read_until("\r\n", note());
  send("one\r");
  EXPECT_TRUE(ended.empty());
  send("\ntwo\r\nthree");
  stream->read_until("\r\n", note());
  run();
  stream->read_until("", note());
  run();
  EXPECT_THAT(ended, ElementsAre("one\r\n", "two\r\n", ""));
}

TEST_P(Reads, UntilFindsADelimiterThatCameWithTheEnd) {
  stream->read_until("done", note());
  send(std::string(2048, 'x'));
  const ByteView last = as_bytes("done");
  far->send({&last, 1});
  end();  // the loop has not run in between
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].size(), 2052U);
}

TEST_P(Reads, UntilWithoutItsDelimiterIsCutShort) {
  stream->read_until("done", note());
  send(std::string(2048, 'x') + "foo");
  end();
  EXPECT_EQ(last_error, Errc::truncated_message);
  stream->read_bytes(2051, note());  // nothing of it is lost
  run();
  EXPECT_EQ(ended.back().size(), 2051U);
}

struct Limit {
  std::string text;
  std::size_t max_bytes;
  bool passes;
};

class UntilLimits : public MemoryReads, public ::testing::WithParamInterface<Limit> {};

// However it is cut, and whether it was there before the read or not.
TEST_P(UntilLimits, AreExactForEveryCut) {
  const auto& [text, max_bytes, passes] = GetParam();
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    for (const bool before : {true, false}) {
      connect();
      ended.clear();
      CloseReason why;
      stream->set_close_callback([&why](const CloseReason& reason) { why = reason; });
      if (before && cut > 0) send(text.substr(0, cut));
      stream->read_until("def", note(), {.max_bytes = max_bytes});
      if (!before && cut > 0) send(text.substr(0, cut));
      if (cut < text.size()) send(text.substr(cut));
      run();
      ASSERT_EQ(ended.size(), 1U) << cut;
      if (passes) {
        EXPECT_EQ(ended[0], "abcdef");
        EXPECT_TRUE(stream->is_open());
      } else {
        EXPECT_EQ(last_error, Errc::read_limit);
        EXPECT_FALSE(stream->is_open());
        far->shutdown_send();
        run();
        EXPECT_EQ(why.code, Errc::read_limit);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, UntilLimits,
                         ::testing::Values(Limit{"abcdef", 50, true}, Limit{"abcdef", 6, true},
                                           Limit{"abcdefxyz", 6, true}, Limit{"123456", 5, false},
                                           Limit{"abcdef", 5, false},
                                           Limit{"abcdefdef", 5, false}));

TEST_P(Reads, IntoFillsTheCallersRoom) {
  std::array<std::byte, 10> room{};
  stream->read_into(room, note());
  send("hello");
  EXPECT_TRUE(ended.empty());
  send("world!!");
  EXPECT_EQ(as_text(room), "helloworld");
  stream->read_into(room, note());
  send("1234567890");
  EXPECT_EQ(as_text(room), "!!12345678");
  send("abcdefghi");
  stream->read_into(std::span(room).first(4), note());
  run();
  stream->read_bytes(7, note());
  run();
  EXPECT_THAT(ended, ElementsAre("helloworld", "!!12345678", "90ab", "cdefghi"));
}

TEST_P(Reads, IntoMayBePartialAndEmpty) {
  std::array<std::byte, 10> room{};
  stream->read_into(room, note(), {.partial = true});
  send("hello");
  stream->read_into(room, note(), {.partial = true});
  EXPECT_EQ(as_text(room), std::string_view("hello\0\0\0\0\0", 10));
  send("world!1234567890");
  stream->read_into(room, note(), {.partial = true});
  run();
  EXPECT_EQ(as_text(room), "5678901234");  // four of them from before
  stream->read_into({}, note());
  run();
  EXPECT_THAT(ended, ElementsAre("hello", "world!1234", "567890", ""));
}

TEST_P(Reads, BytesByChunks) {
  std::vector<std::string> chunks;
  stream->read_bytes(
      8, [&](ByteView chunk) { chunks.emplace_back(as_text(chunk)); }, note());
  send("123");
  send("45678rest");
  EXPECT_THAT(chunks, ElementsAre("123", "45678"));
  EXPECT_THAT(ended, ElementsAre(""));
  stream->read_bytes(4, note());
  run();
  EXPECT_EQ(ended.back(), "rest");
}

TEST_P(Reads, BytesByChunksThatEndTooSoonAreCutShort) {
  std::string got;
  stream->read_bytes(
      10, [&](ByteView chunk) { got += as_text(chunk); }, note());
  send("abc");
  end();
  EXPECT_EQ(got, "abc");
  EXPECT_EQ(last_error, Errc::truncated_message);
  stream->read_bytes(
      10, [&](ByteView chunk) { got += as_text(chunk); }, note());
  run();
  EXPECT_EQ(last_error, Errc::end_of_stream);  // of this one there was nothing
}

TEST_P(Reads, SmallerThanTheEndIsFarMayGoOnAfterIt) {
  connect({.read_chunk_size = 256});
  send(std::string(256, 'a') + std::string(256, 'b'));
  stream->read_bytes(256, note());
  run();
  far->close();
  stream->read_bytes(256, note());
  run();
  EXPECT_THAT(ended, ElementsAre(std::string(256, 'a'), std::string(256, 'b')));
}

TEST_P(Reads, UntilCloseCollects) {
  send("1234");
  stream->read_bytes(1, note());
  run();
  end();
  stream->read_until_close(note());
  run();
  stream->read_until_close(note());
  run();
  EXPECT_THAT(ended, ElementsAre("1", "234", ""));
}

TEST_F(MemoryReads, UntilCloseIsAnErrorAfterAReset) {
  stream->read_until_close(note());
  send("abc");
  far->reset();
  run();
  EXPECT_EQ(last_error, Errc::reset);
  EXPECT_EQ(stream->error(), Errc::reset);
  stream->read_bytes(3, note());
  run();
  EXPECT_EQ(ended.back(), "abc");
}

TEST_P(Reads, UntilCloseByChunksTellsTheEnd) {
  std::string got;
  stream->read_until_close([&](ByteView chunk) { got += as_text(chunk); }, note());
  send("a");
  send("bc");
  EXPECT_TRUE(ended.empty());
  end();
  EXPECT_EQ(got, "abc");
  EXPECT_THAT(ended, ElementsAre(""));
}

TEST_P(Reads, UntilCloseKeepsToTheBuffersLimit) {
  connect({.max_buffer_size = 1000});
  stream->read_until_close(note());
  send(std::string(3000, 'x'));
  EXPECT_EQ(last_error, Errc::read_limit);
  EXPECT_FALSE(stream->is_open());
}

TEST_P(Reads, MoreBytesThanTheBufferHoldsEndTheStream) {
  connect({.max_buffer_size = 1000});
  stream->read_bytes(1000, note());
  send(std::string(1000, 'x'));
  EXPECT_EQ(ended.back().size(), 1000U);
  CloseReason why;
  stream->set_close_callback([&why](const CloseReason& reason) { why = reason; });
  stream->read_bytes(5000, note());
  send(std::string(3000, 'y'));
  EXPECT_EQ(last_error, Errc::read_limit);
  EXPECT_FALSE(stream->is_open());
  end();
  EXPECT_EQ(why.code, Errc::read_limit);
}

TEST_P(Reads, SomeOfMoreBytesThanTheBufferHoldsWillDo) {
  connect({.max_buffer_size = 1000});
  stream->read_bytes(5000, note(), {.partial = true});
  send("abc");
  EXPECT_THAT(ended, ElementsAre("abc"));
  EXPECT_TRUE(stream->is_open());
}

TEST_P(Reads, ASecondOneIsRefusedAndTheFirstGoesOn) {
  stream->read_bytes(3, note());
  stream->read_until("\n", note());
  run();
  EXPECT_THAT(ended, ElementsAre("!another read is pending"));
  send("abc");
  EXPECT_EQ(ended.back(), "abc");
}

TEST_P(Reads, CancellingLosesNothingAndPermitsTheNext) {
  stream->read_bytes(10, note());
  send("abc");
  stream->cancel_read();
  EXPECT_FALSE(stream->reading());
  EXPECT_TRUE(ended.empty());
  stream->read_bytes(3, note());
  run();
  EXPECT_THAT(ended, ElementsAre("!the read was cancelled", "abc"));
  stream->cancel_read();  // nothing to cancel
  run();
  EXPECT_EQ(ended.size(), 2U);
  EXPECT_EQ(std::error_code(Errc::read_cancelled), std::errc::operation_canceled);
}

TEST_P(Reads, AnEndAfterADeadlineLosesNothing) {
  stream->read_bytes(10, note(), {.timeout = 5s});
  send("abc");
  clock.advance(4999ms);
  EXPECT_TRUE(ended.empty());
  clock.advance(1ms);
  EXPECT_EQ(last_error, Errc::read_timeout);
  EXPECT_EQ(last_error, Condition::timed_out);
  EXPECT_TRUE(stream->is_open());
  stream->read_bytes(3, note(), {.timeout = 5s});
  run();
  EXPECT_EQ(ended.back(), "abc");
  EXPECT_FALSE(loop.next_timer().has_value());  // no deadline outlives its read
}

TEST_P(Reads, AHandlerThatThrowsAtItsDeadlineCostsTheConnection) {
  stream->read_bytes(1, [](std::error_code, ByteView) { throw std::runtime_error("no"); },
                     {.timeout = 1s});
  clock.advance(1s);
  EXPECT_FALSE(stream->is_open());
  EXPECT_EQ(stream->error(), Errc::callback_threw);
}

TEST_P(Reads, ACancellerIsForItsOwnReadAlone) {
  stream->read_bytes(3, note());
  const auto first = stream->read_canceller();
  stream->read_bytes(3, note());
  const auto refused = stream->read_canceller();
  refused();
  run();
  EXPECT_THAT(ended, ElementsAre("!another read is pending"));
  EXPECT_TRUE(stream->reading());
  first();
  stream->read_bytes(3, note());
  first();
  send("abc");
  EXPECT_THAT(ended, ElementsAre("!another read is pending", "!the read was cancelled", "abc"));
}

TEST_P(Reads, DeadlinesEndWithTheStream) {
  stream->read_bytes(10, note(), {.timeout = 1h});
  stream.reset();
  far->close();
  run();
  EXPECT_TRUE(ended.empty());
  EXPECT_FALSE(loop.next_timer().has_value());
}

TEST_P(Reads, GoOnInWhatIsLeftAfterTheEnd) {
  send("12");
  stream->read_bytes(1, note());
  run();
  far->close();
  run();
  EXPECT_TRUE(stream->is_open());  // its end waits behind the rest
  stream->read_bytes(10, note());
  run();
  EXPECT_EQ(last_error, Errc::truncated_message);
  stream->read_bytes(1, note());
  run();
  stream->read_bytes(1, note());
  run();
  EXPECT_THAT(ended, ElementsAre("1", "!the peer ended the stream inside a message", "2",
                                 "!the peer has ended the stream"));
}

TEST_P(Reads, AnIdleStreamNoticesTheEnd) {
  bool closed = false;
  stream->set_close_callback([&](const CloseReason& reason) { closed = reason.clean(); });
  far->close();
  run();
  EXPECT_TRUE(closed);
}

TEST_P(Reads, TheEndIsNotToldBeforeWhatCameBeforeIt) {
  bool closed = false;
  stream->set_close_callback([&](const CloseReason&) { closed = true; });
  send("abcdef");
  stream->read_bytes(1, note());
  run();
  far->close();
  run();
  EXPECT_FALSE(closed);
  stream->read_bytes(5, note());
  run();
  EXPECT_TRUE(closed);
  EXPECT_THAT(ended, ElementsAre("a", "bcdef"));
}

TEST_P(Reads, ClosingHereEndsAPendingReadAtOnce) {
  stream->read_bytes(10, note());
  stream->close();
  EXPECT_TRUE(ended.empty());
  run();
  EXPECT_EQ(last_error, Errc::closed_here);
  EXPECT_FALSE(stream->is_open());
}

TEST_P(Reads, GoOnInWhatIsLeftAfterClosingHere) {
  send("abcd");
  stream->read_bytes(1, note());
  run();
  stream->close();
  stream->read_bytes(10, note());
  run();
  stream->read_bytes(1, note());
  run();
  stream->read_bytes(2, note());
  run();
  stream->read_bytes(1, note());
  run();
  EXPECT_THAT(ended,
              ElementsAre("a", "!connection closed here", "b", "cd", "!connection closed here"));
}

TEST_P(Reads, APendingOneFailsAndTheEndIsToldToo) {
  std::vector<std::string> told;
  stream->set_close_callback([&](const CloseReason&) { told.emplace_back("closed"); });
  stream->read_until("\n",
                     [&](std::error_code error, ByteView) { told.push_back(error.message()); });
  far->close();
  run();
  EXPECT_THAT(told, ElementsAre("the peer has ended the stream", "closed"));
}

TEST_P(Reads, AnIdleStreamThatNobodyWatchesEndsToo) {
  far->close();
  run();
  EXPECT_FALSE(stream->is_open());
  EXPECT_FALSE(stream->error());
}

TEST_F(MemoryReads, TakeNoMoreFromTheSocketThanTheyNeed) {
  connect({.max_buffer_size = 10'240});
  std::size_t sent = 0;
  std::string line(1023, 'l');
  line += '\n';
  std::string all;
  for (int i = 0; i < 200; ++i) all += line;
  sent += send(all);
  EXPECT_LT(sent, all.size());  // the pipe and one chunk are full
  for (int i = 0; i < 200; ++i) {
    stream->read_until("\n", note(), {.max_bytes = 4096});
    run();
    if (sent < all.size()) sent += send(std::string_view(all).substr(sent));
  }
  EXPECT_EQ(ended.size(), 200U);
  for (const std::string& got : ended) ASSERT_EQ(got, line);
}

// What the far end has got rid of is what the reads took, one chunk of at most half the limit, and what
// the pipe holds.
TEST_F(MemoryReads, OfSmallPiecesStayWithinTheBuffersLimit) {
  connect({.max_buffer_size = 10'240});
  const std::size_t pipe = MemoryTransportOptions().capacity_bytes;
  const std::string all(300'000, 'x');
  std::size_t sent = 0;
  for (std::size_t taken = 1024; sent < all.size(); taken += 1024) {
    sent += send(std::string_view(all).substr(sent));
    stream->read_bytes(1024, note());
    run();
    sent += send(std::string_view(all).substr(sent));
    ASSERT_LE(sent, taken + 10'240 + pipe);
    ASSERT_EQ(ended.back().size(), 1024U);
  }
}

TEST_F(MemoryReads, HoldTheSenderBackWhileNoneIsPending) {
  connect({.max_buffer_size = 5 << 20});
  std::string all;
  for (int i = 0; i < 10 << 20; ++i) all += static_cast<char>('a' + i % 23);
  std::size_t sent = 0;
  const auto send_what_fits = [&] {
    for (std::size_t more = 1; more > 0; sent += more)
      more = sent < all.size() ? send(std::string_view(all).substr(sent)) : 0;
  };
  for (std::size_t at = 0; at < all.size(); at += 1 << 20) {
    stream->read_bytes(1 << 20, note());
    run();
    send_what_fits();
    ASSERT_EQ(ended.size(), 1U);
    ASSERT_TRUE(ended[0] == all.substr(at, 1 << 20));
    const std::size_t held = sent;
    send_what_fits();
    EXPECT_EQ(sent, held);
    EXPECT_LE(sent, at + (1 << 20) + 2 * 72 * 1024 + MemoryTransportOptions().capacity_bytes);
    ended.clear();
  }
}

// A delimiter of which every prefix keeps coming: the search begins where the last one stopped.
TEST_P(Reads, UntilLooksAtEachByteOnce) {
  const std::string delimiter = std::string(30, 'a') + "b";
  stream->read_until(delimiter, note(), {.max_bytes = 1 << 20});
  for (int i = 0; i < 2000; ++i) send(std::string(100, 'a'));
  send("b");
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].size(), 200'001U);
}

TEST_P(Reads, ADestroyedStreamSendsWhatWasWritten) {
  stream->write("the last words");
  stream.reset();
  run();
  EXPECT_EQ(receive(*far, 100), "the last words");
}

TEST_F(MemoryReads, DrainedWaitsWhileOutputIsHigh) {
  std::vector<std::string> told;
  const auto note_drained = [&](std::error_code error) {
    told.push_back(error ? error.message() : "drained");
  };
  stream->when_drained(note_drained);
  EXPECT_TRUE(told.empty());
  run();
  EXPECT_THAT(told, ElementsAre("drained"));
  EXPECT_EQ(stream->write(std::string(200'000, 'x')), WriteStatus::paused);
  for (int i = 0; i < 10; ++i) stream->when_drained(note_drained);
  run();
  EXPECT_EQ(told.size(), 1U);
  EXPECT_EQ(receive(*far, 200'000).size(), 200'000U);
  EXPECT_THAT(std::exchange(told, {}), ElementsAreArray(std::vector<std::string>(11, "drained")));
  EXPECT_EQ(stream->write(std::string(200'000, 'x')), WriteStatus::paused);
  stream->when_drained(note_drained);
  far->reset();
  run();
  stream->when_drained(note_drained);
  run();
  EXPECT_THAT(told, ElementsAre("connection reset by the peer", "connection reset by the peer"));
}

TEST_F(MemoryReads, AWaitForDrainingMayBeCancelled) {
  std::vector<std::string> told;
  const auto note_drained = [&](std::error_code error) {
    told.push_back(error ? error.message() : "drained");
  };
  run();
  EXPECT_EQ(stream->write(std::string(200'000, 'x')), WriteStatus::paused);
  stream->when_drained(note_drained);
  const auto cancel = stream->drain_canceller();
  stream->when_drained(note_drained);
  cancel();
  cancel();
  EXPECT_TRUE(told.empty());
  run();
  EXPECT_THAT(told, ElementsAre("Operation canceled"));
  EXPECT_EQ(receive(*far, 200'000).size(), 200'000U);
  EXPECT_THAT(told, ElementsAre("Operation canceled", "drained"));
}

TEST_F(MemoryReads, AServerMayHandStreamsToAFunction) {
  std::vector<IOStream> held;
  TcpServer server(loop, "", handle_streams([&](IOStream accepted) {
                     accepted.write("welcome\n");
                     accepted.read_until("\n", note());
                     held.push_back(std::move(accepted));
                   }));
  MemoryPeer peer(server);
  EXPECT_EQ(peer.take(), "welcome\n");
  peer.send("hello\nrest");
  EXPECT_THAT(ended, ElementsAre("hello\n"));
  held[0].write("bye\n");
  held.clear();
  EXPECT_EQ(peer.take(), "bye\n");
  EXPECT_TRUE(peer.ended());
}

TEST_F(MemoryReads, AStreamThatIsNotKeptCloses) {
  TcpServer server(loop, "", handle_streams([](IOStream accepted) { accepted.write("no\n"); }));
  MemoryPeer peer(server);
  EXPECT_EQ(peer.take(), "no\n");
  EXPECT_TRUE(peer.ended());
}

TEST_P(Reads, AStreamMayBeDestroyedInItsHandler) {
  stream->read_bytes(1, [this](std::error_code, ByteView data) {
    stream.reset();
    ended.emplace_back(as_text(data));
  });
  send("abc");
  run();
  EXPECT_THAT(ended, ElementsAre("a"));
}

TEST_P(Reads, AHandlerThatThrowsCostsTheConnection) {
  stream->read_bytes(1, [](std::error_code, ByteView) { throw std::runtime_error("no"); });
  send("abc");
  EXPECT_EQ(stream->error(), Errc::callback_threw);
  connect();
  send("abc");
  stream->read_bytes(1, [](std::error_code, ByteView) { throw std::runtime_error("no"); });
  run();
  EXPECT_EQ(stream->error(), Errc::callback_threw);
}

TEST_F(MemoryReads, OfAStreamWhoseLoopIsGoneEndWithIt) {
  {
    IOLoop short_lived;
    auto [ours, theirs] = memory_transport_pair(short_lived);
    stream.emplace(short_lived, std::move(ours));
    stream->read_bytes(1, note());
    short_lived.run_until_idle();
  }
  EXPECT_EQ(last_error, Errc::loop_stopped);
  stream->read_bytes(1, note());  // nobody is left to answer
  EXPECT_EQ(ended.size(), 1U);
}

// Any mixture of reads sees the bytes in their order, each once, however they were cut.
TEST_P(Reads, SeeEveryByteOnceForAnyCutsAndAnyReads) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    connect();
    std::mt19937 random(seed);
    const auto below = [&](unsigned bound) { return random() % bound; };
    std::string sent;
    std::string got;
    for (int i = 0; i < 3000; ++i)
      sent += static_cast<char>(below(8) == 0 ? '\n' : 'a' + below(26));
    std::array<std::byte, 40> room{};
    std::function<void()> next = [&] {
      const ReadHandler handler = [&](std::error_code error, ByteView data) {
        got += as_text(data);
        if (!error || error == Errc::read_cancelled) next();
      };
      switch (below(6)) {
        case 0:
          return stream->read_bytes(below(40), handler);
        case 1:
          return stream->read_bytes(1 + below(40), handler, {.partial = true});
        case 2:
          return stream->read_until("\n", handler);
        case 3:
          return stream->read_into(std::span(room).first(below(40)), handler);
        case 4:
          return stream->read_bytes(
              below(40), [&](ByteView chunk) { got += as_text(chunk); }, handler);
        default:
          stream->read_until("\n\n\n\n\n\n\n", handler);
          return stream->cancel_read();
      }
    };
    next();
    for (std::size_t at = 0; at < sent.size();) {
      const std::size_t size = std::min<std::size_t>(1 + below(200), sent.size() - at);
      send(std::string_view(sent).substr(at, size));
      at += size;
    }
    end();
    stream->read_until_close([&](ByteView rest) { got += as_text(rest); });
    run();
    ASSERT_EQ(got, sent) << "seed " << seed;
  }
}

}  // namespace
}  // namespace twister::testing
