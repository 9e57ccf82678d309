// A server that is shutting down, with clients that are in the middle of something.
#include <cerrno>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SocketDrain : public SocketTest {
 protected:
  void drain() {
    server->drain([this] { drained = true; });
  }

  Script script;
  bool drained = false;
};

TEST_P(SocketDrain, RequestsSentBeforeItAreAllAnsweredThenFin) {
  serve(build<EchoBack>());
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect());
  run_until([&] { return server->connection_count() == 20; });
  const std::string requests = pattern(40'000);  // what the kernel takes without a reader
  for (Client& client : clients) client.send(requests);
  drain();
  for (Client& client : clients) {
    run_until_over(client);
    EXPECT_TRUE(client.received() == requests);
    EXPECT_TRUE(client.ended());
    client.close();
  }
  run_until([&] { return drained; });
}

TEST_P(SocketDrain, ServesThoseWhoWaitInTheQueue) {
  serve(build<EchoBack>());
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(connect());
  for (Client& client : clients) client.send("request");  // nobody was accepted yet
  drain();
  for (Client& client : clients) {
    run_until_over(client);
    EXPECT_EQ(client.received(), "request");
    EXPECT_TRUE(client.ended());
    client.close();
  }
  run_until([&] { return drained; });
}

TEST_P(SocketDrain, RefusesNewConnectionsAtOnce) {
  serve(script);
  const Address where = address();
  Client client = connect();
  run_until([&] { return script.conn != nullptr; });
  drain();
  EXPECT_TRUE(connect_refused(where));
}

TEST_P(SocketDrain, ALargeReplyIsSentWhole) {
  const std::string reply = pattern(4 << 20);
  script.data = [&](Protocol& conn, std::string_view) { conn.write(reply); };
  serve(script);
  Client client = connect();
  client.send("request");
  run_until([&] { return script.count("data") > 0; });
  drain();
  run_until_over(client);
  EXPECT_TRUE(client.received() == reply);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(script.count("drain"), 1);
}

TEST_P(SocketDrain, TellsTheReason) {
  serve(script);
  Client client = connect();
  run_until([&] { return script.conn != nullptr; });
  drain();
  run_until_over(client);
  client.close();
  run_until([&] { return drained; });
  EXPECT_THAT(script.events, ElementsAre("connect", "drain", "close"));
  EXPECT_EQ(script.reason.code, Errc::server_draining);
}

TEST_P(SocketDrain, AReaderThatIsStuckIsCutAtTheDeadline) {
  script.connect = [](Protocol& conn) { conn.write(pattern(12 << 20)); };
  serve(script, {.drain_timeout = 5s});
  Client client = connect();
  run_until([&] { return script.conn != nullptr; });
  drain();
  clock.advance(4999ms);
  EXPECT_FALSE(drained);
  clock.advance(1ms);
  run_until([&] { return drained; });
  EXPECT_EQ(script.reason.code, Errc::server_draining);
  run_until_over(client);
  EXPECT_EQ(client.error(), ECONNRESET);
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_THAT(log.lines()[0], HasSubstr("event=drain_timeout connections=1"));
}

TEST_P(SocketDrain, AClientThatLingersHoldsItNoLongerThanTheLinger) {
  serve(script);
  Client client = connect();
  run_until([&] { return script.conn != nullptr; });
  drain();
  run_until_over(client);
  EXPECT_FALSE(drained);
  clock.advance(2s);
  EXPECT_TRUE(drained);
}

INSTANTIATE_TEST_SUITE_P(Reactors, SocketDrain, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
