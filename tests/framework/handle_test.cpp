// A connection seen from other threads.
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/handle.hpp>
#include <twister/make_connection.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

class Handles : public SocketTest {
 protected:
  Client connect_to(Script& with) {
    serve(with);
    Client client = connect();
    run_until([&] { return with.conn != nullptr; });
    return client;
  }
  // Joins the thread while the loop runs.
  void finish(std::thread& thread, const std::atomic<bool>& done) {
    run_until([&] { return done.load(); });
    thread.join();
  }

  Script script;
};

TEST_P(Handles, SendInTheOrderOfEachThreadAndLoseNothing) {
  Client client = connect_to(script);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t) {
    threads.emplace_back([handle = script.conn->handle(), t] {
      for (int i = 0; i < 10'000; ++i)
        handle.send(std::to_string(t) + " " + std::to_string(i) + "\n");
    });
  }
  constexpr std::size_t all_bytes = 8 * (10 * 4 + 90 * 5 + 900 * 6 + 9000 * 7);
  receive(client, all_bytes);
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(client.received().size(), all_bytes);
  std::array<int, 8> next{};
  std::istringstream lines(client.received());
  std::size_t thread = 0;
  for (int number = 0; lines >> thread >> number;) EXPECT_EQ(number, next.at(thread)++);
  for (const int count : next) EXPECT_EQ(count, 10'000);
}

TEST_P(Handles, WakeALoopThatSleeps) {
  IOLoop real(IOLoopOptions{.reactor = GetParam()});
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  std::thread thread;
  script.connect = [&](Protocol& conn) {
    thread = std::thread([handle = conn.handle()] { handle.close(); });
  };
  script.close = [&](Protocol&, const CloseReason&) { real.stop(); };
  make_connection(real, make_socket_transport(real, ends[0]), std::make_unique<Scripted>(script));
  ::shutdown(ends[1], SHUT_WR);
  real.run();
  thread.join();
  ::close(ends[1]);
  EXPECT_EQ(script.count("close"), 1);
}

TEST_P(Handles, AbortFromAnotherThread) {
  Client client = connect_to(script);
  std::thread([handle = script.conn->handle()] { handle.abort(); }).join();
  run_until_over(client);
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
}

TEST_P(Handles, RunWorkOnTheLoop) {
  Client client = connect_to(script);
  IOLoop* seen = nullptr;
  std::thread([&, handle = script.conn->handle()] {
    EXPECT_TRUE(handle.post([&](Protocol&) { seen = IOLoop::current(); }));
  }).join();
  run_until([&] { return seen != nullptr; });
  EXPECT_EQ(seen, &loop);
}

TEST_P(Handles, OfAConnectionThatEndsWhileTheyAreUsedDoNothing) {
  Client client = connect_to(script);
  std::atomic<bool> done = false;
  std::thread sender([&client, &done, handle = script.conn->handle()] {
    int calls = 0;
    const auto work = [&](Protocol& conn) {
      conn.write("x");
      if (++calls == 100) client.reset();
    };
    while (handle.post(work)) std::this_thread::yield();
    EXPECT_FALSE(handle.post([](Protocol&) { FAIL(); }));
    done = true;
  });
  finish(sender, done);
  EXPECT_EQ(script.count("close"), 1);
}

TEST_P(Handles, OfALoopThatEndsWhileTheyAreUsedDoNothing) {
  auto brief = std::make_unique<IOLoop>(IOLoopOptions{.clock = &clock, .reactor = GetParam()});
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  Protocol& conn = make_connection(*brief, make_socket_transport(*brief, ends[0]),
                                   std::make_unique<Scripted>(script));
  std::atomic<int> posted = 0;
  std::thread sender([handle = conn.handle(), &posted] {
    while (handle.post([](Protocol&) {})) ++posted;
    handle.send("too late");
    handle.close();
    handle.abort();
  });
  testing::run_until(*brief, [&] { return posted > 100; });
  brief.reset();
  sender.join();
  ::close(ends[1]);
  EXPECT_EQ(script.reason.code, Errc::loop_stopped);
}

TEST_P(Handles, MayBeDroppedLastByAnotherThread) {
  Client client = connect_to(script);
  std::optional<Handle> handle = script.conn->handle();
  client.close();
  run_until([&] { return script.count("close") > 0; });
  std::thread([&] { handle.reset(); }).join();
  EXPECT_FALSE(handle.has_value());
}

TEST_P(Handles, LeaveTheProtocolToItsLoopWhenDroppedElsewhere) {
  struct Owner final : Protocol {
    explicit Owner(std::thread::id& where) : destroyed_on(where) {}
    ~Owner() override { destroyed_on = std::this_thread::get_id(); }
    void on_data(ByteView) override {}
    std::thread::id& destroyed_on;
  };
  std::thread::id where;
  serve(build<Owner>(std::ref(where)));
  Client client = connect();
  run_until([&] { return server->connection_count() == 1; });
  std::optional<Handle> handle;
  server->for_each_connection([&](Protocol& conn) { handle = conn.handle(); });
  std::thread([&] {
    handle->abort();
    handle.reset();
  }).join();
  run_until_over(client);
  run_until([&] { return where != std::thread::id(); });
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST_P(Handles, WithoutAConnectionDoNothing) {
  const Handle handle;
  EXPECT_FALSE(handle.post([](Protocol&) { FAIL(); }));
  handle.send("nowhere");
  handle.close();
  handle.abort();
}

INSTANTIATE_TEST_SUITE_P(Reactors, Handles, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
