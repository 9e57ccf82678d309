#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <thread>

#include <gtest/gtest.h>

#include <twister/io_loop.hpp>

namespace twister::testing {
namespace {

using namespace std::chrono_literals;

// How often this thread has given its core away to wait.
long sleeps_of_this_thread() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

// How often the loop's thread sleeps until a timer of 50 ms fires.
long sleeps_until_a_timer(IOLoop& loop) {
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run();  // whatever is done once has been done
  loop.call_later(50ms, [&] { loop.stop(); });
  const long before = sleeps_of_this_thread();
  loop.run();
  return sleeps_of_this_thread() - before;
}

TEST(BusyPoll, TheLoopDoesNotSleepWhileItLooks) {
  IOLoop loop({.busy_poll = 1h});
  // Something else may put the thread to sleep now and then: a page that has to be read, say.
  long least = sleeps_until_a_timer(loop);
  for (int i = 0; i < 20 && least > 0; ++i) least = std::min(least, sleeps_until_a_timer(loop));
  EXPECT_EQ(least, 0);
}

TEST(BusyPoll, TheLoopSleepsWhenNothingCameForSoLong) {
  IOLoop loop({.busy_poll = 1ms});
  EXPECT_GT(sleeps_until_a_timer(loop), 0);
}

TEST(BusyPoll, WithoutItTheLoopSleepsAtOnce) {
  IOLoop loop;
  EXPECT_GT(sleeps_until_a_timer(loop), 0);
}

TEST(BusyPoll, WhatOtherThreadsPostIsRunAndStopIsHeeded) {
  IOLoop loop({.busy_poll = 1h});
  int ran = 0;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop.add_callback([&] { ++ran; });
    loop.add_callback([&] { loop.stop(); });
  });
  loop.run();
  other.join();
  EXPECT_EQ(ran, 1000);
}

TEST(BusyPoll, AStopFromAnotherThreadEndsIt) {
  IOLoop loop({.busy_poll = 1h});
  std::thread other;
  loop.add_callback([&] { other = std::thread([&] { loop.stop(); }); });
  loop.run();
  other.join();
}

TEST(BusyPoll, DescriptorsAreServed) {
  IOLoop loop({.busy_poll = 1h});
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  std::byte got{};
  loop.add_handler(ends[0], Readiness::readable, [&](Readiness) {
    EXPECT_EQ(::read(ends[0], &got, 1), 1);
    loop.stop();
  });
  loop.call_later(1ms, [&] { EXPECT_EQ(::write(ends[1], "x", 1), 1); });
  loop.run();
  EXPECT_EQ(got, std::byte{'x'});
  loop.remove_handler(ends[0]);
  for (const int end : ends) ::close(end);
}

}  // namespace
}  // namespace twister::testing
