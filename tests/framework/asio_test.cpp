// Asio over the same loop. Coroutines take arguments and capture nothing: see <twister/asio.hpp>.
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

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

}  // namespace
}  // namespace twister::testing
