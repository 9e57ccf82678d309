// AdminServer and Watchdog over loops on threads of their own, one of which may hang.
#include <sys/socket.h>

#include <future>
#include <mutex>
#include <string>

#include <asio/post.hpp>

#include "twister/asio.hpp"
#include "twister/loop_pool.hpp"
#include "twister/watchdog.hpp"

#include "memory/admin_client.hpp"
#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The log of several threads.
class SharedLog {
 public:
  SharedLog() {
    set_log_sink([state = state_](const LogRecord& record) {
      const std::lock_guard lock(state->mutex);
      state->text += record.line() + "\n";
    });
  }
  ~SharedLog() { set_log_sink({}); }
  SharedLog(const SharedLog&) = delete;
  SharedLog& operator=(const SharedLog&) = delete;

  bool contains(std::string_view text) const {
    const std::lock_guard lock(state_->mutex);
    return state_->text.find(text) != std::string::npos;
  }

 private:
  struct State {
    std::mutex mutex;
    std::string text;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// Two loops at work; an operator on a third, whose time stands still.
class ObservedLoops : public ::testing::Test {
 protected:
  ObservedLoops() {
    pool.start([this](IOLoop& loop) {
      auto server = std::make_shared<TcpServer>(loop, "127.0.0.1:0",
                                                [] { return std::make_unique<EchoBack>(); });
      server->start();
      addresses.push_back(server->local_addresses().at(0));
      return server;
    });
    admin = std::make_unique<AdminServer>(home, "127.0.0.1:0", registry,
                                          AdminOptions{.loops = {&pool.loop(0), &pool.loop(1)}});
  }
  ~ObservedLoops() override { unblock(); }

  void block(std::size_t loop) {
    std::promise<void> blocked;
    pool.loop(loop).add_callback([this, &blocked] {
      blocked.set_value();
      released.get_future().wait();
    });
    blocked.get_future().wait();
    is_blocked = true;
    other = 1 - loop;
  }
  void unblock() {
    if (std::exchange(is_blocked, false)) released.set_value();
  }
  // The reply to a GET, when it has come.
  std::string get(std::string_view path) {
    AdminClient client(home, *admin);
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    run_until(home, [&] { return client.ended(); });
    return client.take();
  }
  // The same from loops that do not all answer: after the deadline.
  std::string get_late(std::string_view path) {
    AdminClient client(home, *admin);
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    await_other();  // its answer is there before time passes
    run_until(home, [&] {
      clock.advance(std::chrono::milliseconds(1));
      return !client.script.received.empty();
    });
    return client.take();
  }

  // Until the loop that is not blocked has done all that it was asked to do so far.
  void await_other() {
    std::promise<void> done;
    pool.loop(other).add_callback([&done] { done.set_value(); });
    done.get_future().wait();
    home.run_until_idle();
  }

  SharedLog log;
  ManualClock clock;
  IOLoop home{clock};
  MetricsRegistry registry;
  std::promise<void> released;
  bool is_blocked = false;
  std::size_t other = 0;
  std::vector<Address> addresses;
  LoopPool pool{2};
  std::unique_ptr<AdminServer> admin;
};

TEST_F(ObservedLoops, AnswerTogether) {
  EXPECT_THAT(get("/healthz"), EndsWith("ok\n"));
  EXPECT_THAT(get("/readyz"), EndsWith("ready\n"));
  const std::string text = get("/metrics");
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_THAT(text, HasSubstr("\ntwister_accepting{loop=\"" + std::to_string(i) + "\",server=\"" +
                                addresses[i].to_string() + "\"} 1\n"));
  }
}

TEST_F(ObservedLoops, OneThatHangsIsNamedAndDoesNotHoldTheOtherUp) {
  block(1);
  EXPECT_THAT(get_late("/healthz"),
              AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"),
                    EndsWith("\r\n\r\nloop 1 did not answer within 1000 ms\n")));
  EXPECT_THAT(get_late("/readyz"), EndsWith("\r\n\r\nloop 1 did not answer\n"));
  EXPECT_THAT(get_late("/connections"), HasSubstr("\"missing_loops\":[1]"));
  const std::string text = get_late("/metrics");
  EXPECT_THAT(text, HasSubstr("\ntwister_loop_up{loop=\"0\"} 1\ntwister_loop_up{loop=\"1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\ntwister_loop_turns_total{loop=\"0\"} "));
  EXPECT_THAT(text, Not(HasSubstr("\ntwister_loop_turns_total{loop=\"1\"} ")));
}

TEST_F(ObservedLoops, OneThatHungHasOneQuestionToAnswerHoweverOftenItWasAsked) {
  block(0);
  for (int i = 0; i < 5; ++i) get_late("/healthz");
  unblock();
  EXPECT_THAT(get("/healthz"), EndsWith("ok\n"));
  // Its callbacks so far: the one that hung, the question that waited, at most one for /healthz,
  // and the one that asks for this.
  EXPECT_THAT(get("/metrics"), AnyOf(HasSubstr("\ntwister_loop_callbacks_total{loop=\"0\"} 3\n"),
                                     HasSubstr("\ntwister_loop_callbacks_total{loop=\"0\"} 4\n")));
}

TEST_F(ObservedLoops, OneThatHasEndedIsNotIll) {
  pool.stop();
  EXPECT_THAT(get("/healthz"), EndsWith("\r\n\r\nok\n"));
  EXPECT_THAT(get("/readyz"), EndsWith("loop 0 did not answer\nloop 1 did not answer\n"));
}

TEST_F(ObservedLoops, MayAnswerWhenNobodyIsThereToHear) {
  block(0);
  AdminClient client(home, *admin);
  client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  admin.reset();
  unblock();
  pool.stop();
  home.run_until_idle();
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(client.take(), "");
}

TEST_F(ObservedLoops, ListTheirConnectionsByWhatTheKernelCallsThem) {
  Client client(addresses[0]);
  client.send("hello");
  run_until(home, [&] { return client.receive().received().size() == 5; });
  const std::string page = get("/connections");
  EXPECT_THAT(page, HasSubstr("\"loop\":0,\"server\":\"" + addresses[0].to_string() + "\""));
  EXPECT_THAT(page, HasSubstr("\"received_bytes\":5,\"sent_bytes\":5,\"queued_bytes\":0}"));
  EXPECT_THAT(page, Not(HasSubstr("\"id\":null")));
}

TEST_F(ObservedLoops, AreWatchedFromAThread) {
  Watchdog watchdog({&pool.loop(0), &pool.loop(1)}, {.limit = std::chrono::milliseconds(4)});
  watchdog.start();
  watchdog.start();
  block(1);
  run_until(home, [&] { return watchdog.stalls() == 1; });
  unblock();
  run_until(home, [&] { return log.contains("event=loop_stall_ended loop=1 callback=callback "); });
  watchdog.stop();
  watchdog.stop();
}

Address address_of(const Client& client) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  ::getsockname(client.native_handle(), raw, &size);
  return Address::from_sockaddr(*raw, size);
}

// The way of a message over a socket, where the loop is said to be in on_data unless told otherwise.
class WatchedSocket : public SocketTest {};

TEST_P(WatchedSocket, AMessageThatBlocksIsNamedWithItsPeer) {
  Watchdog watchdog({&loop}, {.limit = std::chrono::milliseconds(1000), .clock = &clock});
  Script script;
  script.data = [&](Protocol&, std::string_view) {
    for (int look = 0; look < 5; ++look) watchdog.check();
  };
  serve(script);
  Client other = connect(), client = connect();
  client.send("x");
  run_until([&] { return log.lines().size() == 2; });
  ASSERT_EQ(log.lines().size(), 2u);
  EXPECT_THAT(log.lines()[0], HasSubstr("event=loop_stalled loop=0 callback=on_data "));
  EXPECT_THAT(log.lines()[1], HasSubstr("event=loop_stall_ended loop=0 callback=on_data "));
  EXPECT_THAT(log.lines()[1], EndsWith(" peer=" + address_of(client).to_string()));
}

TEST_P(WatchedSocket, AHandlerOfAsiosOwnIsCalledAsio) {
  Watchdog watchdog({&loop}, {.limit = std::chrono::milliseconds(1000), .clock = &clock});
  asio::post(executor(loop), [&] {
    for (int look = 0; look < 5; ++look) watchdog.check();
  });
  loop.run_until_idle();
  EXPECT_THAT(log.lines().at(0), HasSubstr("callback=asio "));
}

INSTANTIATE_TEST_SUITE_P(Reactors, WatchedSocket, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
