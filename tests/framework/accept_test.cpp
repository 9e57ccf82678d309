// Listening and accepting: limits, options, the lack of descriptors.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/accept_faults.hpp"
#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Writes down when it starts and stops to listen.
class CountingServer : public TcpServer {
 public:
  using TcpServer::TcpServer;
  std::string hooks;

 protected:
  void start_factory() override { hooks += "start "; }
  void stop_factory() override { hooks += "stop "; }
};

class Accept : public SocketTest {
 protected:
  std::unique_ptr<CountingServer> counting(std::string_view where) {
    return std::make_unique<CountingServer>(loop, where, build<EchoBack>());
  }
};

TEST_P(Accept, EveryListenerOfOneServer) {
  if (!localhost_resolves()) GTEST_SKIP() << "this machine does not resolve localhost";
  server = counting("localhost:0");
  server->start();
  ASSERT_FALSE(server->local_addresses().empty());
  for (const Address& each : server->local_addresses()) {
    Client client(each);
    EXPECT_TRUE(echoes(client, "hello"));
  }
}

TEST_P(Accept, OverAUnixSocket) {
  const std::string path = ::testing::TempDir() + "twister-accept-" + std::to_string(::getpid());
  server = counting("unix:" + path);
  server->start();
  Client client(address());
  EXPECT_TRUE(echoes(client, "hello"));
  server->stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_P(Accept, MoreThanOneTurnTakes) {
  serve(build<EchoBack>());
  std::vector<Client> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(connect());
  run_until([&] { return server->connection_count() == 300; });
}

TEST_P(Accept, NothingBeforeTheStart) {
  server = counting("127.0.0.1:0");
  EXPECT_TRUE(server->local_addresses().empty());
}

TEST_P(Accept, StoppedKeepsConnectionsAndRefusesNewOnes) {
  serve(build<EchoBack>());
  const Address where = address();
  Client client = connect();
  EXPECT_TRUE(echoes(client, "before"));
  server->stop();
  server->stop();
  EXPECT_TRUE(connect_refused(where));
  EXPECT_TRUE(server->local_addresses().empty());
  EXPECT_TRUE(echoes(client, "after"));
}

TEST_P(Accept, StopsInsideOnConnect) {
  Script script;
  script.connect = [&](Protocol& conn) {
    server->stop();
    conn.write("the only one");
  };
  serve(script);
  const Address where = address();
  Client client = connect();
  EXPECT_EQ(receive(client, 12), "the only one");
  EXPECT_TRUE(connect_refused(where));
}

TEST_P(Accept, StartsAgainOnTheSamePort) {
  auto held = bind_sockets("127.0.0.1:0");
  const std::string where = held[0].local_address().to_string();
  held.clear();
  server = counting(where);
  for (int i = 0; i < 3; ++i) {
    server->start();
    Client client = connect();
    EXPECT_TRUE(echoes(client, "hello"));
    server->stop();
  }
}

TEST_P(Accept, FactoryHooksComeOnceForAllListeners) {
  if (!localhost_resolves()) GTEST_SKIP() << "this machine does not resolve localhost";
  auto counted = counting("localhost:0");
  counted->start();
  EXPECT_EQ(counted->hooks, "start ");
  counted->add_sockets(bind_sockets("127.0.0.1:0"));
  EXPECT_EQ(counted->hooks, "start ");
  counted->stop();
  counted->stop();
  EXPECT_EQ(counted->hooks, "start stop ");
  counted->start();
  counted->drain();
  loop.run_until_idle();
  EXPECT_EQ(counted->hooks, "start stop start stop ");
}

TEST_P(Accept, AStartThatFailsLeavesTheServerStopped) {
  const auto taken = bind_sockets("127.0.0.1:0");
  auto counted = counting(taken[0].local_address().to_string());
  EXPECT_THROW(counted->start(), std::system_error);
  EXPECT_EQ(counted->hooks, "");
  EXPECT_TRUE(counted->local_addresses().empty());
}

TEST_P(Accept, BeyondTheLimitIsClosedUntilOneLeaves) {
  serve(build<EchoBack>(), {.max_connections = 2});
  Client first = connect();
  Client second = connect();
  EXPECT_TRUE(echoes(first, "1"));
  EXPECT_TRUE(echoes(second, "2"));
  Client third = connect();
  run_until_over(third);
  EXPECT_EQ(third.received(), "");
  EXPECT_EQ(server->connection_count(), 2U);
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_THAT(log.lines()[0], HasSubstr("event=connection_refused peer=127.0.0.1:"));
  first.close();
  run_until([&] { return server->connection_count() == 1; });
  Client fourth = connect();
  EXPECT_TRUE(echoes(fourth, "4"));
  EXPECT_TRUE(echoes(second, "2"));
}

TEST_P(Accept, NullFromTheFactoryClosesTheSocket) {
  serve([]() -> std::unique_ptr<Protocol> { return nullptr; });
  Client client = connect();
  run_until_over(client);
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_P(Accept, ExceptionFromTheFactoryClosesTheSocketAndTheListenerGoesOn) {
  int built = 0;
  serve([&]() -> std::unique_ptr<Protocol> {
    if (++built == 1) throw std::runtime_error("not yet");
    return std::make_unique<EchoBack>();
  });
  Client first = connect();
  run_until_over(first);
  Client second = connect();
  EXPECT_TRUE(echoes(second, "hello"));
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_THAT(log.lines()[0], HasSubstr("callback=build_class"));
}

TEST_P(Accept, SendsSmallMessagesAtOnceUnlessToldOtherwise) {
  for (const bool no_delay : {true, false}) {
    Script script;
    serve(script, {.no_delay = no_delay});
    const Client client = connect();
    run_until([&] { return script.conn != nullptr; });
    EXPECT_EQ(socket_option(script.conn->native_handle(), IPPROTO_TCP, TCP_NODELAY),
              no_delay ? 1 : 0);
    EXPECT_EQ(socket_option(script.conn->native_handle(), SOL_SOCKET, SO_KEEPALIVE), 0);
  }
}

TEST_P(Accept, KeepsConnectionsAliveWhenToldTo) {
  Script script;
  serve(script, {.keep_alive = KeepAlive{.idle = 7s, .interval = 3s, .count = 4}});
  const Client client = connect();
  run_until([&] { return script.conn != nullptr; });
  const int fd = script.conn->native_handle();
  EXPECT_EQ(socket_option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7);
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 3);
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
}

// Leaves the process only so many descriptors more, as long as it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);  // the lowest that is free; no test leaves holes below it
    ::close(next);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(next) + more;
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
};

class LackOfDescriptors : public SocketTest {
 protected:
  void SetUp() override {
#ifdef TWISTER_TESTS_UNDER_UBSAN
    GTEST_SKIP()
        << "this sanitizer opens descriptors itself to look at memory, and misjudges without";
#endif
    serve(build<EchoBack>());
    for (int i = 0; i < 40; ++i) clients.push_back(connect());
  }
  long over() {
    return std::count_if(clients.begin(), clients.end(),
                         [](Client& client) { return client.receive().over(); });
  }

  std::vector<Client> clients;
};

// That run_until_idle returns at all says that nothing spins: the clock stands still.
TEST_P(LackOfDescriptors, ShedsWhatItCannotServeAndServesTheRest) {
  const FewDescriptors limit(24);
  run_until([&] { return over() == 16; });
  EXPECT_EQ(server->connection_count(), 24U);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_TRUE(echoes(clients[i], "hello"));
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_EQ(log.lines()[0], "level=error event=accept_failed listener=" + address().to_string() +
                                " what=\"Too many open files\" shed=16");
  EXPECT_EQ(server->counters().accepted, 24U);
  EXPECT_EQ(server->counters().refused_descriptors, 16U);
  EXPECT_EQ(server->counters().accept_failures, 1U);
}

TEST_P(LackOfDescriptors, AcceptsAgainOnceThereAreSome) {
  {
    const FewDescriptors limit(24);
    run_until([&] { return over() == 16; });
  }
  Client next = connect();
  loop.run_until_idle();
  EXPECT_EQ(server->connection_count(), 24U);  // it rests
  clock.advance(100ms);
  EXPECT_TRUE(echoes(next, "hello"));
}

TEST_P(LackOfDescriptors, RestsAndShedsAgainAsLongAsItLasts) {
  std::vector<Client> late;
  for (int i = 0; i < 5; ++i) late.push_back(connect());
  const FewDescriptors limit(0);
  run_until([&] { return over() == 40; });
  for (int i = 0; i < 10; ++i) clock.advance(100ms);
  EXPECT_EQ(server->connection_count(), 0U);
  EXPECT_EQ(log.lines().size(), 1U);
  for (Client& client : late) EXPECT_TRUE(client.receive().over());
}

TEST_P(LackOfDescriptors, StoppingWhileItRestsIsHarmless) {
  {
    const FewDescriptors limit(0);
    run_until([&] { return over() == 40; });
  }
  server->stop();
  clock.advance(1s);
  server->start();
  Client client = connect();
  EXPECT_TRUE(echoes(client, "hello"));
}

// accept4 itself fails, as tests/framework/support/accept_faults.hpp says.
class FailingAccept : public SocketTest {
 protected:
  void SetUp() override { serve(build<EchoBack>()); }
};

TEST_P(FailingAccept, SkipsConnectionsThatDiedInTheQueue) {
  Client client = connect();
  const AcceptFaults faults({ECONNABORTED, EPROTO, EHOSTUNREACH, EINTR});
  EXPECT_TRUE(echoes(client, "hello"));
  EXPECT_TRUE(log.lines().empty());
}

TEST_P(FailingAccept, DoesNotSpinWhenItNeverEnds) {
  AcceptFaults faults(std::vector<int>(300, ECONNABORTED));
  Client client = connect();
  EXPECT_TRUE(echoes(client, "hello"));
  EXPECT_EQ(faults.left(), 0U);
}

TEST_P(FailingAccept, RestsForATenthOfASecondWithoutResourcesOrKnowledge) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EINVAL}) {
    Client client = connect();
    AcceptFaults faults({error, EAGAIN});  // the second for the attempt to shed
    loop.run_until_idle();
    EXPECT_EQ(faults.calls(), 2);
    clock.advance(99ms);
    EXPECT_EQ(faults.calls(), 2);
    clock.advance(1ms);
    EXPECT_TRUE(echoes(client, "hello"));
  }
  EXPECT_THAT(log.lines(), ::testing::SizeIs(1));
}

TEST_P(FailingAccept, ShedsWhatWaitsSoThatClientsCanGoElsewhere) {
  Client client = connect();
  AcceptFaults faults({EMFILE});
  run_until_over(client);
  EXPECT_EQ(faults.calls(), 3);  // that one, the one that is shed, and the end of the queue
  EXPECT_EQ(server->connection_count(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Reactors, FailingAccept, both_reactors, name_of_reactor);
INSTANTIATE_TEST_SUITE_P(Reactors, Accept, both_reactors, name_of_reactor);
INSTANTIATE_TEST_SUITE_P(Reactors, LackOfDescriptors, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
