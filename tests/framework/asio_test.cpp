// Asio over the same loop. Coroutines take arguments and capture nothing: see <twister/asio.hpp>.
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/asio.hpp>

#include "memory/script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

asio::awaitable<void> write_after(IOLoop& loop, std::chrono::milliseconds delay, std::string& out) {
  asio::steady_timer timer(executor(loop), delay);
  co_await timer.async_wait(asio::use_awaitable);
  out += "done";
  loop.stop();
}

asio::awaitable<void> throw_after_a_turn(IOLoop& loop) {
  co_await asio::post(executor(loop), asio::use_awaitable);
  throw std::runtime_error("no");
}

asio::awaitable<void> throw_a_number() {
  throw 42;
  co_return;
}

asio::awaitable<void> wait_for_ever(IOLoop& loop, std::shared_ptr<int> kept) {
  const PeriodicCallback ticks(loop, 1s, [] {});
  asio::steady_timer timer(executor(loop), asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
  ++*kept;
}

asio::awaitable<void> remember_the_loop(IOLoop*& seen) {
  seen = IOLoop::current();
  co_return;
}

class Tasks : public ::testing::Test {
 protected:
  CapturedLog log;
  IOLoop loop;
};

TEST_F(Tasks, RunToTheirEnd) {
  std::string out;
  spawn(loop, write_after, std::ref(loop), 1ms, std::ref(out));
  EXPECT_EQ(out, "");
  loop.run();
  EXPECT_EQ(out, "done");
}

TEST_F(Tasks, KeepTheirArguments) {
  const auto kept = std::make_shared<int>(1);
  auto argument = kept;
  spawn(loop, wait_for_ever, std::ref(loop), std::move(argument));
  loop.run_until_idle();
  EXPECT_EQ(kept.use_count(), 2);
}

TEST_F(Tasks, RunOnTheLoop) {
  IOLoop* seen = nullptr;
  spawn(loop, remember_the_loop, std::ref(seen));
  loop.run_until_idle();
  EXPECT_EQ(seen, &loop);
}

TEST_F(Tasks, ThatThrowAreLoggedAndTheLoopLives) {
  spawn(loop, throw_after_a_turn, std::ref(loop));
  loop.run_until_idle();
  EXPECT_THAT(log.lines(), ElementsAre("level=error event=task_threw what=no"));
}

TEST_F(Tasks, MayThrowWhatIsNoException) {
  spawn(loop, throw_a_number);
  loop.run_until_idle();
  EXPECT_THAT(log.lines(), ElementsAre("level=error event=task_threw what=\"not an exception\""));
}

TEST(TasksOfALoopThatEnds, AreDestroyed) {
  const auto kept = std::make_shared<int>(1);
  {
    IOLoop loop;
    spawn(loop, wait_for_ever, std::ref(loop), kept);
    loop.run_until_idle();
  }
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_EQ(*kept, 1);
}

TEST(TasksOfALoopThatEnds, AreDestroyedBeforeTheyBegin) {
  const auto kept = std::make_shared<int>(1);
  {
    IOLoop loop;
    spawn(loop, wait_for_ever, std::ref(loop), kept);
  }
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_F(Tasks, HandlersOfTheExecutorRunOnTheLoop) {
  IOLoop* seen = nullptr;
  asio::post(executor(loop), [&] { seen = IOLoop::current(); });
  loop.run_until_idle();
  EXPECT_EQ(seen, &loop);
}

TEST_F(Tasks, HandlersOfTheExecutorMayThrow) {
  std::string order;
  asio::post(executor(loop), [] { throw std::runtime_error("no"); });
  asio::post(executor(loop), [&] { order += "b"; });
  loop.run_until_idle();
  EXPECT_EQ(order, "b");
  EXPECT_THAT(log.lines(), ElementsAre("level=error event=callback_threw callback=asio what=no"));
}

TEST_F(Tasks, HandlersThatThrowDoNotEndRun) {
  std::string order;
  asio::post(executor(loop), [] { throw std::runtime_error("no"); });
  asio::post(executor(loop), [&] {
    order += "b";
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(order, "b");
}

// ---- reads ----

// Writes down what each line was, until the end of the stream.
asio::awaitable<void> note_lines(IOStream stream, std::vector<std::string>& out) {
  try {
    for (;;) {
      const std::optional<std::string> line =
          co_await async_read_until(stream, "\n", asio::use_awaitable);
      if (!line) break;
      out.push_back(*line);
      stream.write("got " + *line);
      co_await async_drained(stream, asio::use_awaitable);
    }
    out.emplace_back("end");
  } catch (const std::system_error& error) {
    out.emplace_back(error.what());
  }
}

asio::awaitable<void> read_header_and_body(IOStream stream, std::vector<std::string>& out) {
  const std::optional<std::string> header =
      co_await async_read_bytes(stream, 4, asio::use_awaitable);
  out.push_back(header.value_or("nothing"));
  const std::optional<std::string> body =
      co_await async_read_until_close(stream, asio::use_awaitable);
  out.push_back(body.value_or("nothing"));
}

asio::awaitable<void> read_or_give_up(IOLoop& loop, IOStream stream,
                                      std::vector<std::string>& out) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(executor(loop), 1ms);
  auto read = async_read_bytes(stream, 10, asio::use_awaitable);
  auto wait = timer.async_wait(asio::use_awaitable);
  const auto first = co_await (std::move(read) || std::move(wait));
  out.emplace_back(first.index() == 0 ? "read" : "gave up");
  const std::optional<std::string> rest = co_await async_read_bytes(stream, 3, asio::use_awaitable);
  out.push_back(rest.value_or("nothing"));
  loop.stop();
}

class CoroutineReads : public MemoryTest {
 protected:
  template <class Coroutine>
  std::unique_ptr<MemoryPeer> talk_to(Coroutine coroutine) {
    server =
        std::make_unique<TcpServer>(loop, "", spawn_streams([this, coroutine](IOStream stream) {
                                      return coroutine(std::move(stream), out);
                                    }));
    return std::make_unique<MemoryPeer>(*server);
  }

  std::vector<std::string> out;
  std::unique_ptr<TcpServer> server;
};

TEST_F(CoroutineReads, EndWithoutAnErrorAtACleanEnd) {
  const auto peer = talk_to(note_lines);
  peer->send("one\ntw");
  peer->send("o\nthree\n");
  peer->end();
  EXPECT_THAT(out, ElementsAre("one\n", "two\n", "three\n", "end"));
  EXPECT_EQ(peer->take(), "got one\ngot two\ngot three\n");
  EXPECT_TRUE(peer->ended());
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_F(CoroutineReads, ThrowWhenTheyAreCutShort) {
  const auto peer = talk_to(note_lines);
  peer->send("one\ntw");
  peer->end();
  EXPECT_THAT(out, ElementsAre("one\n", "the peer ended the stream inside a message"));
}

TEST_F(CoroutineReads, ThrowWhenALimitIsBroken) {
  const auto peer = talk_to(note_lines);
  peer->send(std::string(70'000, 'x'));
  EXPECT_THAT(out, ElementsAre("read limit exceeded"));
  peer->end();
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_F(CoroutineReads, TakeBytesAndTheRest) {
  const auto peer = talk_to(read_header_and_body);
  peer->send("headbo");
  peer->send("dy");
  peer->end();
  EXPECT_THAT(out, ElementsAre("head", "body"));
}

TEST_F(CoroutineReads, OfAServerThatGoesEndWithIt) {
  const auto peer = talk_to(note_lines);
  peer->send("one\n");
  server.reset();
  loop.run_until_idle();
  EXPECT_THAT(out, ElementsAre("one\n", "the server was destroyed"));
}

class CancelledBySlot : public MemoryTest {
 protected:
  CancelledBySlot() {
    auto [ours, theirs] = memory_transport_pair(loop);
    stream.emplace(loop, std::move(ours));
    far = std::move(theirs);
  }
  auto note_read() {
    return [this](std::error_code error, const std::optional<std::string>& got) {
      out.push_back(error ? error.message() : got.value_or("end"));
    };
  }

  std::optional<IOStream> stream;
  std::unique_ptr<Transport> far;
  std::vector<std::string> out;
  asio::cancellation_signal signal;
};

TEST_F(CancelledBySlot, ARefusedReadLeavesTheOtherAlone) {
  async_read_bytes(*stream, 3, note_read());
  async_read_bytes(*stream, 3, asio::bind_cancellation_slot(signal.slot(), note_read()));
  signal.emit(asio::cancellation_type::terminal);
  loop.run_until_idle();
  EXPECT_THAT(out, ElementsAre("another read is pending"));
  const ByteView bytes = as_bytes("abc");
  far->send({&bytes, 1});
  loop.run_until_idle();
  EXPECT_THAT(out, ElementsAre("another read is pending", "abc"));
}

TEST_F(CancelledBySlot, AWaitForDrainingEndsAndNothingIsLost) {
  const auto note = [this](std::error_code error) { out.push_back(error.message()); };
  loop.run_until_idle();
  EXPECT_EQ(stream->write(std::string(200'000, 'x')), WriteStatus::paused);
  async_drained(*stream, asio::bind_cancellation_slot(signal.slot(), note));
  loop.run_until_idle();
  EXPECT_TRUE(out.empty());
  signal.emit(asio::cancellation_type::terminal);
  signal.emit(asio::cancellation_type::terminal);
  loop.run_until_idle();
  EXPECT_THAT(out, ElementsAre(std::error_code(asio::error::operation_aborted).message()));
  EXPECT_EQ(receive(*far, 300'000).size(), 200'000U);
}

// On a real clock: Asio's timer is the other half of the race.
TEST(CancelledReads, LoseNothing) {
  std::vector<std::string> out;
  IOLoop loop;
  auto [ours, theirs] = memory_transport_pair(loop);
  const ByteView bytes = as_bytes("abc");
  theirs->send({&bytes, 1});
  spawn(loop, read_or_give_up, std::ref(loop), IOStream(loop, std::move(ours)), std::ref(out));
  loop.run();
  EXPECT_THAT(out, ElementsAre("gave up", "abc"));
}

}  // namespace
}  // namespace twister::testing
