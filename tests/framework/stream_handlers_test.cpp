// Servers whose connections are served by functions and coroutines that throw: the exception costs the
// connection, and nobody else. In memory and over loopback.
#include <stdexcept>
#include <string>
#include <system_error>

#include <asio/use_awaitable.hpp>

#include <twister/asio.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

asio::awaitable<void> read_and_throw(IOStream stream) {
  co_await async_read_until(stream, "hello", asio::use_awaitable);
  stream.write("never sent");
  throw std::runtime_error("no greeting");
}

asio::awaitable<void> close_and_throw(IOStream stream) {
  co_await async_read_until(stream, "hello", asio::use_awaitable);
  stream.write("goodbye");
  stream.close();
  throw std::runtime_error("too late");
}

asio::awaitable<void> read_lines(IOStream stream) {
  for (;;) {
    const auto line =
        co_await async_read_until(stream, "\n", asio::use_awaitable, {.max_bytes = 100});
    if (!line) break;
    stream.write("line\n");
  }
}

// A producer that looks at nothing but its waits.
asio::awaitable<void> write_for_ever(IOStream stream, int& rounds) {
  for (;; ++rounds) {
    stream.write(std::string(10'000, 'x'));
    co_await async_drained(stream, asio::use_awaitable);
  }
}

void throw_at_once(IOStream stream) {
  stream.write("never sent");
  throw std::runtime_error("no");
}

// A server that notes why its connections ended.
class Reasons : public TcpServer {
 public:
  using TcpServer::TcpServer;
  std::vector<std::string> reasons;

 private:
  void on_close(Protocol& connection, const CloseReason& reason) override {
    reasons.push_back(reason.message());
    TcpServer::on_close(connection, reason);
  }
};

class StreamHandlers : public MemoryTest {
 protected:
  std::unique_ptr<MemoryPeer> serve(ProtocolFactory factory) {
    server = std::make_unique<Reasons>(loop, "", std::move(factory));
    return std::make_unique<MemoryPeer>(*server);
  }
  std::unique_ptr<Reasons> server;
};

TEST_F(StreamHandlers, ACoroutineThatThrowsIsLoggedWithItsPeerAndAborts) {
  const auto peer = serve(spawn_streams(read_and_throw));
  peer->send("hello");
  EXPECT_THAT(log.lines(), ElementsAre(AllOf(HasSubstr("event=callback_threw"),
                                             HasSubstr("peer=127"), HasSubstr("no greeting"))));
  EXPECT_TRUE(peer->was_reset());
  EXPECT_EQ(peer->take(), "");
  EXPECT_THAT(server->reasons, ElementsAre(HasSubstr("no greeting")));
}

TEST_F(StreamHandlers, ACoroutineThatThrowsAfterClosingIsLogged) {
  const auto peer = serve(spawn_streams(close_and_throw));
  peer->send("hello");
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("too late")));
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_F(StreamHandlers, AFunctionThatThrowsIsLoggedWithItsPeerAndAborts) {
  const auto peer = serve(handle_streams(throw_at_once));
  EXPECT_THAT(log.lines(), ElementsAre(AllOf(HasSubstr("callback_threw"), HasSubstr("peer=127"))));
  EXPECT_TRUE(peer->was_reset());
  EXPECT_EQ(peer->take(), "");
}

TEST_F(StreamHandlers, WhatThePeerDidIsTheReasonAndNoError) {
  const auto cut_short = serve(spawn_streams(read_lines));
  cut_short->send("one\ntw");
  cut_short->end();
  EXPECT_THAT(server->reasons, ElementsAre("the peer ended the stream inside a message"));
  EXPECT_THAT(log.lines(), ::testing::Each(::testing::Not(HasSubstr("level=error"))));
}

TEST_F(StreamHandlers, AProducerEndsSoonAfterItsPeerIsGone) {
  int rounds = 0;
  Reasons producers(loop, "", spawn_streams([&rounds](IOStream stream) {
                      return write_for_ever(std::move(stream), rounds);
                    }));
  auto [near, far] = memory_transport_pair(loop);  // nobody receives
  producers.add_connection(std::move(near));
  loop.run_until_idle();
  far->reset();
  loop.run_until_idle();
  EXPECT_LE(rounds, 30);
  EXPECT_EQ(producers.connection_count(), 0U);
  EXPECT_THAT(log.lines(), IsEmpty());
}

TEST_F(StreamHandlers, AResetIsTheReasonAndNotLogged) {
  const auto peer = serve(spawn_streams(read_lines));
  peer->send("one\ntw");
  peer->reset();
  loop.run_until_idle();
  EXPECT_THAT(server->reasons, ElementsAre("connection reset by the peer"));
  EXPECT_THAT(log.lines(), IsEmpty());
}

TEST_F(StreamHandlers, ALimitThatThePeerBreaksIsTheReasonAndItHasWhatWasWritten) {
  const auto peer = serve(spawn_streams(read_lines));
  peer->send("one\n" + std::string(200, 'x'));
  EXPECT_EQ(peer->take(), "line\n");
  EXPECT_TRUE(peer->ended());
  peer->end();
  EXPECT_THAT(server->reasons, ElementsAre("read limit exceeded"));
}

// ---- over loopback ----

class StreamHandlersOverLoopback : public SocketTest {};

TEST_P(StreamHandlersOverLoopback, ThatThrowCostTheirConnectionOnly) {
  serve(spawn_streams(read_and_throw));
  Client bystander = connect();
  Client client = connect();
  client.send("hello");
  run_until([&] { return client.receive().over(); });
  EXPECT_EQ(client.error(), ECONNRESET);
  EXPECT_THAT(log.lines(),
              ElementsAre(AllOf(HasSubstr("peer=127.0.0.1:"), HasSubstr("no greeting"))));
  run_until([&] { return server->connection_count() == 1; });
  EXPECT_FALSE(bystander.receive().over());
}

TEST_P(StreamHandlersOverLoopback, FunctionsThatThrowCostTheirConnectionOnly) {
  serve(handle_streams(throw_at_once));
  for (int i = 0; i < 2; ++i) {
    Client client = connect();
    run_until([&] { return client.receive().over(); });
    EXPECT_EQ(client.error(), ECONNRESET);
  }
  EXPECT_THAT(log.lines().at(0), HasSubstr("peer=127.0.0.1:"));
}

INSTANTIATE_TEST_SUITE_P(Reactors, StreamHandlersOverLoopback, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
