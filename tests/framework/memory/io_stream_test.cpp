// A connection held in a variable.
#include <optional>
#include <stdexcept>

#include <twister/io_stream.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;

class IOStreamTest : public MemoryTest {
 protected:
  IOStreamTest() {
    auto [ours, theirs] = memory_transport_pair(loop);
    stream.emplace(loop, std::move(ours));
    far = std::move(theirs);
  }

  void send(std::string_view text) {
    const ByteView bytes = as_bytes(text);
    far->send({&bytes, 1});
    loop.run_until_idle();
  }
  void read_into_got() {
    stream->read_until_close([this](ByteView chunk) { got += as_text(chunk); });
  }

  std::optional<IOStream> stream;
  std::unique_ptr<Transport> far;
  std::string got;
};

TEST_F(IOStreamTest, HandsOverWhatArrives) {
  read_into_got();
  send("one,");
  send("two");
  EXPECT_EQ(got, "one,two");
}

TEST_F(IOStreamTest, HandsNothingOverBeforeItIsAsked) {
  send("early");
  EXPECT_EQ(got, "");
  read_into_got();
  loop.run_until_idle();
  EXPECT_EQ(got, "early");
}

TEST_F(IOStreamTest, WritesBeforeItReads) {
  EXPECT_EQ(stream->write("hello "), WriteStatus::queued);
  EXPECT_EQ(stream->write(SharedBytes(std::string("world"))), WriteStatus::queued);
  EXPECT_TRUE(stream->writing());
  loop.run_until_idle();
  EXPECT_FALSE(stream->writing());
  EXPECT_EQ(receive(*far, 100), "hello world");
}

TEST_F(IOStreamTest, SendsWhatWasWrittenBeforeAnEarlyClose) {
  stream->write("hello");
  stream->close();
  EXPECT_FALSE(stream->is_open());
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 100), "hello");
}

TEST_F(IOStreamTest, TellsTheEndOnceAfterTheData) {
  std::vector<std::string> events;
  stream->read_until_close([&](ByteView chunk) { events.emplace_back(as_text(chunk)); });
  stream->set_close_callback(
      [&](const CloseReason& reason) { events.push_back(reason.message()); });
  send("data");
  far->close();
  loop.run_until_idle();
  EXPECT_THAT(events, ElementsAre("data", "closed by the peer"));
  EXPECT_FALSE(stream->is_open());
  EXPECT_FALSE(stream->error());
}

TEST_F(IOStreamTest, KeepsTheErrorItEndedWith) {
  EXPECT_FALSE(stream->error());
  loop.run_until_idle();
  far->reset();
  loop.run_until_idle();
  EXPECT_EQ(stream->error(), Errc::reset);
}

TEST_F(IOStreamTest, TheLastCloseCallbackWins) {
  int first = 0, second = 0;
  stream->set_close_callback([&](const CloseReason&) { ++first; });
  stream->set_close_callback([&](const CloseReason&) { ++second; });
  stream->abort();
  EXPECT_EQ(second, 0);
  loop.run_until_idle();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TEST_F(IOStreamTest, PausesAndResumes) {
  read_into_got();
  stream->pause_reading();
  send("held");
  EXPECT_EQ(got, "");
  stream->resume_reading();
  loop.run_until_idle();
  EXPECT_EQ(got, "held");
}

TEST_F(IOStreamTest, ChunkFunctionMayReplaceItself) {
  std::string second;
  stream->read_until_close([&, keep = std::string(100, 'k')](ByteView chunk) {
    stream->cancel_read();
    stream->read_until_close([&](ByteView next) { second += as_text(next); });
    got += std::string(as_text(chunk)) + keep.substr(0, 1);
  });
  send("a");
  send("b");
  EXPECT_EQ(got, "ak");
  EXPECT_EQ(second, "b");
}

TEST_F(IOStreamTest, ShutdownWriteLeavesReadingOpen) {
  read_into_got();
  stream->write("question");
  stream->shutdown_write();
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 100), "question");
  send("answer");
  EXPECT_EQ(got, "answer");
}

TEST_F(IOStreamTest, KnowsItsPeerAlsoAfterTheEnd) {
  stream->abort();
  loop.run_until_idle();
  EXPECT_EQ(stream->peer_address().to_string(), "127.0.0.1:50002");
  EXPECT_EQ(stream->native_handle(), -1);
}

TEST_F(IOStreamTest, ClosesWithTheGivenError) {
  stream->close(std::make_error_code(std::errc::permission_denied));
  far->close();
  loop.run_until_idle();
  EXPECT_EQ(stream->error(), std::errc::permission_denied);
}

TEST_F(IOStreamTest, ExceptionFromTheChunkFunctionAborts) {
  stream->read_until_close([](ByteView) { throw std::runtime_error("bad move"); });
  send("x");
  EXPECT_EQ(stream->error(), Errc::callback_threw);
}

// ---- destroyed and moved ----

TEST_F(IOStreamTest, DestroyingItClosesAndTellsNobody) {
  stream->set_close_callback([](const CloseReason&) { FAIL(); });
  stream.reset();
  loop.run_until_idle();
  std::byte room;
  EXPECT_EQ(far->receive({&room, 1}).status, IoResult::Status::end_of_stream);
}

TEST_F(IOStreamTest, MayBeDestroyedInsideItsChunkFunction) {
  stream->read_until_close([this, keep = std::string(100, 'k')](ByteView chunk) {
    stream.reset();
    got = as_text(chunk);
    got += keep.substr(0, 1);
  });
  send("x");
  send("y");
  EXPECT_EQ(got, "xk");
}

TEST_F(IOStreamTest, MayBeDestroyedInsideItsCloseCallback) {
  stream->set_close_callback([this, keep = std::string(100, 'k')](const CloseReason& reason) {
    stream.reset();
    got = reason.message() + keep.substr(0, 1);
  });
  stream->abort();
  loop.run_until_idle();
  EXPECT_EQ(got, "connection aborted herek");
}

TEST_F(IOStreamTest, MovesWithItsCallbacks) {
  read_into_got();
  IOStream moved = std::move(*stream);
  EXPECT_FALSE(stream->is_open());
  EXPECT_EQ(stream->write("x"), WriteStatus::closed);
  send("data");
  EXPECT_EQ(got, "data");
  EXPECT_TRUE(moved.is_open());
}

TEST_F(IOStreamTest, AssigningOverItClosesTheOldOne) {
  auto [ours, theirs] = memory_transport_pair(loop);
  *stream = IOStream(loop, std::move(ours));
  stream->write("on the new one");
  loop.run_until_idle();
  EXPECT_EQ(receive(*theirs, 100), "on the new one");
  std::byte room;
  EXPECT_EQ(far->receive({&room, 1}).status, IoResult::Status::end_of_stream);
}

TEST_F(IOStreamTest, AssigningItToItselfChangesNothing) {
  IOStream& same = *stream;
  *stream = std::move(same);
  EXPECT_TRUE(stream->is_open());
}

TEST_F(IOStreamTest, OutlivesItsLoop) {
  auto other = std::make_unique<IOLoop>(clock);
  IOStream survivor(*other, memory_transport_pair(*other).first);
  other.reset();
  EXPECT_FALSE(survivor.is_open());
  EXPECT_EQ(survivor.error(), Errc::loop_stopped);
  EXPECT_EQ(survivor.write("x"), WriteStatus::closed);
}

TEST(IOStreamWithoutAConnection, HasNoEffect) {
  IOStream stream;
  stream.read_until_close([](ByteView) {});
  stream.set_close_callback([](const CloseReason&) {});
  stream.close();
  stream.abort();
  stream.shutdown_write();
  stream.pause_reading();
  stream.resume_reading();
  EXPECT_FALSE(stream.is_open());
  EXPECT_FALSE(stream.writing());
  EXPECT_EQ(stream.write("x"), WriteStatus::closed);
  EXPECT_FALSE(stream.error());
}

}  // namespace
}  // namespace twister::testing
