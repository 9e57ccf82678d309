// SIGTERM and Ctrl-C, raised in this process.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/loop_pool.hpp>
#include <twister/signal_watch.hpp>

#include "asio_parts.hpp"
#include "loop_core.hpp"
#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void raise_term() {
  ::kill(::getpid(), SIGTERM);
}

std::atomic<int> signals_of_ours = 0;
void count_signal(int) {
  ++signals_of_ours;
}

auto action_of(int signal) {
  struct sigaction now {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

// True while somebody handles the signal, so that raising it does not end the test program.
bool handled(int signal) {
  return action_of(signal) != SIG_DFL;
}

class Signals : public ::testing::TestWithParam<ReactorKind> {
 protected:
  std::unique_ptr<TcpServer> serve(Script& script, std::chrono::milliseconds drain_timeout) {
    auto server = std::make_unique<TcpServer>(
        loop, "127.0.0.1:0", [&script] { return std::make_unique<Scripted>(script); },
        ServerOptions{.drain_timeout = drain_timeout});
    server->start();
    return server;
  }

  CapturedLog log;
  IOLoop loop{IOLoopOptions{.reactor = GetParam()}};
};

TEST_P(Signals, TermEndsTheRun) {
  loop.add_callback(raise_term);
  loop.run_until_signal();
  EXPECT_THAT(log.lines(), ElementsAre("level=info event=draining signal=15"));
}

TEST_P(Signals, InterruptEndsTheRun) {
  loop.add_callback([] { ::kill(::getpid(), SIGINT); });
  loop.run_until_signal();
  EXPECT_THAT(log.lines(), ElementsAre("level=info event=draining signal=2"));
}

TEST_P(Signals, StopEndsTheRunToo) {
  loop.add_callback([this] { loop.stop(); });
  loop.run_until_signal();
  EXPECT_THAT(log.lines(), ElementsAre());
}

TEST_P(Signals, MayBeWaitedForAgain) {
  for (int i = 0; i < 3; ++i) {
    loop.add_callback(raise_term);
    loop.run_until_signal();
  }
}

TEST_P(Signals, AnswersWhatWasAskedThenSaysGoodbye) {
  Script script;
  const auto server = serve(script, 10s);
  Client client(server->local_addresses().at(0));
  script.data = [](Protocol& conn, std::string_view text) { conn.write(text); };
  script.connect = [&](Protocol&) {
    client.send("request");
    client.shutdown_write();
    raise_term();
  };
  loop.run_until_signal();
  EXPECT_EQ(client.receive().received(), "request");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(script.count("close"), 1);
}

TEST_P(Signals, CutsWhatIsLeftAtTheDeadline) {
  Script script;
  const auto server = serve(script, 20ms);
  const Client client(server->local_addresses().at(0));
  script.connect = [](Protocol&) { raise_term(); };
  script.drain = [](Protocol&) {};  // says no goodbye
  const auto before = std::chrono::steady_clock::now();
  loop.run_until_signal();
  EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);
  EXPECT_THAT(script.events, ElementsAre("connect", "drain", "close"));
  EXPECT_EQ(script.reason.code, Errc::server_draining);
}

TEST_P(Signals, TheSecondOneEndsItAtOnce) {
  Script script;
  const auto server = serve(script, 1h);
  const Client client(server->local_addresses().at(0));
  script.connect = [](Protocol&) { raise_term(); };
  script.drain = [](Protocol&) { raise_term(); };
  loop.run_until_signal();
  EXPECT_THAT(script.events, ElementsAre("connect", "drain", "close"));
  EXPECT_EQ(script.reason.code, Errc::server_draining);
  EXPECT_THAT(log.lines(), ElementsAre("level=info event=draining signal=15",
                                       "level=info event=aborting signal=15"));
}

TEST_P(Signals, DoAfterwardsWhatTheyDidBefore) {
  signals_of_ours = 0;
  struct sigaction ours {};
  ours.sa_handler = count_signal;
  struct sigaction before {};
  ::sigaction(SIGTERM, &ours, &before);
  loop.add_callback(raise_term);
  loop.run_until_signal();
  EXPECT_EQ(signals_of_ours, 0);
  raise_term();
  EXPECT_EQ(signals_of_ours, 1);
  ::sigaction(SIGTERM, &before, nullptr);
  EXPECT_FALSE(handled(SIGINT));
}

TEST_P(Signals, ReachAllLoopsThatWaitForThem) {
  IOLoop other;
  std::thread thread;
  loop.add_callback([&] {
    thread = std::thread([&] {
      other.add_callback(raise_term);
      other.run_until_signal();
    });
  });
  loop.run_until_signal();
  thread.join();
  EXPECT_FALSE(handled(SIGTERM));
}

TEST_P(Signals, ThatComeTooLateDoNotStopTheNextRun) {
  loop.add_callback([] {
    for (int i = 0; i < 10; ++i) raise_term();
  });
  loop.run_until_signal();
  bool went_on = false;
  loop.call_later(1ms, [&] {
    went_on = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(went_on);
}

TEST_P(Signals, ADrainThatWasCutShortDoesNotStopTheNextRun) {
  Script script;
  const auto server = serve(script, 1h);
  const Client client(server->local_addresses().at(0));
  script.connect = [](Protocol&) { raise_term(); };
  script.drain = [this](Protocol&) { loop.stop(); };
  loop.run_until_signal();
  bool went_on = false;
  loop.call_later(1ms, [&] {
    went_on = true;
    loop.stop();
  });
  server->abort_connections();
  loop.run();
  EXPECT_TRUE(went_on);
}

TEST_P(Signals, AreWatchedByAllWhoWantTo) {
  int first = 0;
  int second = 0;
  const SignalWatch one(loop, SIGUSR1, [&] { ++first; });
  const SignalWatch two(loop, SIGUSR1, [&] {
    if (++second == 2) loop.stop();
  });
  for (int i = 0; i < 2; ++i) loop.add_callback([] { ::kill(::getpid(), SIGUSR1); });
  loop.run();
  loop.run_until_idle();
  EXPECT_EQ(first, 2);
}

TEST_P(Signals, ThatWereIgnoredBeforeAWatchAreIgnoredAfterIt) {
  struct sigaction ignored {};
  ignored.sa_handler = SIG_IGN;
  struct sigaction before {};
  ::sigaction(SIGHUP, &ignored, &before);
  {
    const SignalWatch outer(loop, SIGHUP, [] {});
    {
      const SignalWatch inner(loop, SIGHUP, [] {});
    }
    EXPECT_NE(action_of(SIGHUP), SIG_IGN);
  }
  EXPECT_EQ(action_of(SIGHUP), SIG_IGN);
  ::sigaction(SIGHUP, &before, nullptr);
}

TEST_P(Signals, ThatSomebodyElseHandlesMeanwhileStayTheirs) {
  struct sigaction before {};
  ::sigaction(SIGHUP, nullptr, &before);
  std::optional<SignalWatch> inner;
  inner.emplace(loop, SIGHUP, [] {});
  asio::signal_set others(loop.core().io(), SIGHUP);
  inner.reset();
  EXPECT_NE(action_of(SIGHUP), SIG_DFL);
  others.clear();
  ::sigaction(SIGHUP, &before, nullptr);
}

TEST_P(Signals, ThatCannotBeCaughtAreRefused) {
  for (const int signal : {SIGKILL, 0, -1, 1000})
    EXPECT_THROW(SignalWatch(loop, signal, [] {}), std::system_error);
}

INSTANTIATE_TEST_SUITE_P(Reactors, Signals, both_reactors, name_of_reactor);

// Each loop of the pool holds one connection.
class PoolSignals : public ::testing::Test {
 protected:
  std::shared_ptr<void> serve(IOLoop& loop, std::chrono::milliseconds drain_timeout) {
    auto server = std::make_shared<TcpServer>(
        loop, "127.0.0.1:0", build<Stubborn>(std::ref(connected), std::ref(closed)),
        ServerOptions{.drain_timeout = drain_timeout});
    server->start();
    clients.emplace_back(server->local_addresses().at(0));
    return server;
  }
  // From the loop of a connection: the pool waits for signals by now, or will soon, and so it is with
  // the connections of both loops.
  void raise_when_handled(IOLoop& loop) {
    if (handled(SIGTERM) && connected == 2) return raise_term();
    loop.call_later(1ms, [this, &loop] { raise_when_handled(loop); });
  }

  struct Stubborn final : Protocol {
    Stubborn(std::atomic<int>& begun, std::atomic<int>& ended) : connected(begun), closed(ended) {}
    void on_connect() override { ++connected; }
    void on_drain() override {
      if (closed.load() < 0) raise_term();
    }
    void on_close(const CloseReason&) override { ++closed; }
    std::atomic<int>& connected;
    std::atomic<int>& closed;
  };

  CapturedLog log;
  std::atomic<int> connected = 0;
  std::atomic<int> closed = 0;
  std::vector<Client> clients;
};

TEST_F(PoolSignals, DrainTheServersOfEveryLoop) {
  LoopPool pool(2);
  pool.start([this](IOLoop& loop) { return serve(loop, 20ms); });
  pool.loop(0).add_callback([&] { raise_when_handled(pool.loop(0)); });
  pool.run_until_signal();
  EXPECT_EQ(closed, 2);
  EXPECT_FALSE(handled(SIGTERM));
  pool.stop();
}

TEST_F(PoolSignals, TheSecondOneEndsItAtOnce) {
  LoopPool pool(2);
  pool.start([this](IOLoop& loop) { return serve(loop, 1h); });
  closed = -2;
  pool.loop(1).add_callback([&] { raise_when_handled(pool.loop(1)); });
  pool.run_until_signal();
  EXPECT_EQ(closed, 0);
}

TEST_F(PoolSignals, APoolWhoseLoopsHaveStoppedIsNotWaitedFor) {
  LoopPool pool(2);
  pool.start([](IOLoop& loop) {
    loop.add_callback([&loop] { loop.stop(); });
    return nullptr;
  });
  pool.run_until_signal();
}

}  // namespace
}  // namespace twister::testing
