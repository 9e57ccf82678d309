// Connections over loopback: bytes, resets and goodbyes as the kernel does them.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/make_connection.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SocketStream : public SocketTest {
 protected:
  Client connect_to(Script& with) {
    serve(with);
    Client client = connect();
    run_until([&] { return with.conn != nullptr; });
    return client;
  }
  bool run_until_closed() {
    return run_until([&] { return script.count("close") > 0; });
  }

  Script script;
};

TEST_P(SocketStream, EchoesWhatTheClientSends) {
  serve(build<EchoBack>());
  Client client = connect();
  EXPECT_TRUE(echoes(client, "hello"));
  EXPECT_TRUE(echoes(client, "again"));
}

TEST_P(SocketStream, EchoesToManyClients) {
  serve(build<EchoBack>());
  std::vector<Client> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(connect());
  for (Client& client : clients) client.send("to " + std::to_string(client.native_handle()));
  for (Client& client : clients) {
    const std::string text = "to " + std::to_string(client.native_handle());
    EXPECT_EQ(receive(client, text.size()), text);
  }
  EXPECT_EQ(server->connection_count(), 200U);
}

TEST_P(SocketStream, EchoesEightMebibytesByteExact) {
  serve(build<EchoBack>());
  Client client = connect();
  const std::string all = pattern(8 << 20);
  std::size_t sent = 0;
  run_until([&] {
    sent += client.send_some(std::string_view(all).substr(sent));
    return client.receive().received().size() >= all.size() || client.over();
  });
  EXPECT_TRUE(client.received() == all);
}

TEST_P(SocketStream, SendsEightMebibytesThatWereWrittenAtOnce) {
  const std::string all = pattern(8 << 20);
  script.connect = [&](Protocol& conn) { EXPECT_EQ(conn.write(all), WriteStatus::paused); };
  Client client = connect_to(script);
  EXPECT_TRUE(receive(client, all.size()) == all);
  run_until([&] { return script.count("resumed") > 0; });
  EXPECT_THAT(script.events, ElementsAre("connect", "paused", "resumed"));
}

TEST_P(SocketStream, SendsEightMebibytesPieceByPieceAsTheClientTakesThem) {
  const std::string all = pattern(8 << 20);
  std::size_t written = 0;
  const auto go_on = [&](Protocol& conn) {
    while (written < all.size()) {
      const auto status = conn.write(std::string_view(all).substr(written, 10'000));
      written += std::min<std::size_t>(10'000, all.size() - written);
      if (status == WriteStatus::paused) break;
    }
  };
  script.connect = script.resumed = go_on;
  Client client = connect_to(script);
  EXPECT_TRUE(receive(client, all.size()) == all);
  EXPECT_EQ(script.count("close"), 0);
}

TEST_P(SocketStream, SendsSharedAndOwnBytesInTheirOrder) {
  const SharedBytes shared(pattern(100'000));
  std::string expected;
  script.connect = [&](Protocol& conn) {
    for (int i = 0; i < 40; ++i) {
      conn.write(shared);
      conn.write("between");
      expected += std::string(as_text(shared.view())) + "between";
    }
  };
  Client client = connect_to(script);
  EXPECT_TRUE(receive(client, 40 * 100'007) == expected);
}

TEST_P(SocketStream, ReceivesEightMebibytesByteExact) {
  Client client = connect_to(script);
  const std::string all = pattern(8 << 20);
  std::size_t sent = 0;
  run_until([&] {
    sent += client.send_some(std::string_view(all).substr(sent));
    return script.received.size() >= all.size();
  });
  EXPECT_TRUE(script.received == all);
}

TEST_P(SocketStream, KnowsWhoIsAtTheOtherEnd) {
  const Client client = connect_to(script);
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  ASSERT_EQ(::getsockname(client.native_handle(), raw, &size), 0);
  EXPECT_EQ(script.conn->peer_address(), Address::from_sockaddr(*raw, size));
}

TEST_P(SocketStream, ResetByTheClientIsToldOnce) {
  Client client = connect_to(script);
  client.send("hello");
  run_until([&] { return script.received == "hello"; });
  client.reset();
  run_until_closed();
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "close"));
  EXPECT_EQ(script.reason.code, Errc::reset);
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_P(SocketStream, ResetOfAnIdleConnectionIsNoticed) {
  Client client = connect_to(script);
  client.reset();
  run_until_closed();
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_P(SocketStream, ResetInTheMiddleOfALargeTransferIsToldOnce) {
  const std::string all = pattern(8 << 20);
  script.connect = [&](Protocol& conn) { conn.write(all); };
  Client client = connect_to(script);
  receive(client, 100'000);
  client.reset();
  run_until_closed();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_P(SocketStream, ResetDoesNotWaitForAPausedReader) {
  script.connect = [](Protocol& conn) { conn.pause_reading(); };
  Client client = connect_to(script);
  client.send("unread");
  client.reset();
  run_until_closed();
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_P(SocketStream, ResetBeforeItWasAcceptedCostsNothing) {
  serve(script);
  Client(address()).reset();
  run_until([&] { return script.count("close") > 0; });
  script.data = [](Protocol& conn, std::string_view text) { conn.write(text); };
  Client next = connect();
  EXPECT_TRUE(echoes(next, "hello"));
}

TEST_P(SocketStream, WritingToAPeerThatIsGoneRaisesNoSignal) {
  Client client = connect_to(script);
  client.reset();
  // No turn of the loop: it does not know yet.
  EXPECT_EQ(script.conn->write(pattern(100'000)), WriteStatus::closed);
  EXPECT_EQ(script.conn->write("more"), WriteStatus::closed);
  run_until_closed();
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_P(SocketStream, GoodbyeOfAnIdleClientIsClean) {
  Client client = connect_to(script);
  client.close();
  run_until_closed();
  EXPECT_THAT(script.events, ElementsAre("connect", "eof", "close"));
  EXPECT_TRUE(script.reason.clean());
}

TEST_P(SocketStream, FinBehindARequestStillGetsItsReply) {
  script.data = [](Protocol& conn, std::string_view) { conn.write("reply"); };
  Client client = connect_to(script);
  client.send("request");
  client.shutdown_write();
  run_until_over(client);
  EXPECT_EQ(client.received(), "reply");
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(script.reason.clean());
}

TEST_P(SocketStream, FinBehindManyRequestsStillGetsAllReplies) {
  serve(build<EchoBack>());
  Client client = connect();
  const std::string all = pattern(200'000);
  client.send(all);
  client.shutdown_write();
  run_until_over(client);
  EXPECT_TRUE(client.received() == all);
  EXPECT_TRUE(client.ended());
}

TEST_P(SocketStream, FinDoesNotCutALargeReplyShort) {
  const std::string all = pattern(8 << 20);
  script.data = [&](Protocol& conn, std::string_view) { conn.write(all); };
  Client client = connect_to(script);
  client.send("request");
  client.shutdown_write();
  run_until_over(client);
  EXPECT_TRUE(client.received() == all);
  EXPECT_TRUE(client.ended());
}

TEST_P(SocketStream, AHalfOpenConnectionWritesOn) {
  script.eof = [](Protocol&) { return EofAction::keep_open; };
  Client client = connect_to(script);
  client.shutdown_write();
  run_until([&] { return script.count("eof") > 0; });
  script.conn->write("still here");
  EXPECT_EQ(receive(client, 10), "still here");
  script.conn->close();
  run_until_over(client);
  EXPECT_EQ(script.count("eof"), 1);
}

TEST_P(SocketStream, AHalfOpenConnectionNoticesAReset) {
  script.eof = [](Protocol&) { return EofAction::keep_open; };
  Client client = connect_to(script);
  client.shutdown_write();
  run_until([&] { return script.count("eof") > 0; });
  client.reset();
  run_until_closed();
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_P(SocketStream, ShutdownWriteLetsTheClientTalkOn) {
  Client client = connect_to(script);
  script.conn->write("last words");
  script.conn->shutdown_write();
  run_until_over(client);
  EXPECT_EQ(client.received(), "last words");
  client.send("an answer");
  client.close();
  run_until_closed();
  EXPECT_EQ(script.received, "an answer");
  EXPECT_TRUE(script.reason.clean());
}

TEST_P(SocketStream, CloseWithUnreadInputDoesNotDestroyTheReply) {
  const std::string reply = pattern(1 << 20);
  script.data = [&](Protocol& conn, std::string_view) {
    conn.write(reply);
    conn.close();
  };
  Client client = connect_to(script);
  client.send(pattern(500'000));
  run_until_over(client);
  EXPECT_TRUE(client.received() == reply);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(client.error(), 0);
}

TEST_P(SocketStream, CloseDoesNotResetAClientThatTalksOn) {
  script.data = [&](Protocol& conn, std::string_view) {
    conn.write("reply");
    conn.close();
  };
  Client client = connect_to(script);
  client.send("request");
  run_until_over(client);
  client.send("too late");
  loop.run_until_idle();
  client.shutdown_write();
  run_until_closed();
  EXPECT_EQ(client.error(), 0);
  EXPECT_EQ(script.reason.code, Errc::closed_here);
}

TEST_P(SocketStream, CloseToAClientThatNeverClosesEndsAfterTheLinger) {
  Client client = connect_to(script);
  script.conn->close();
  run_until_over(client);
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(2s);
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(script.reason.code, Errc::closed_here);
}

TEST_P(SocketStream, AbortResetsTheClient) {
  Client client = connect_to(script);
  script.conn->write(pattern(1 << 20));
  script.conn->abort();
  run_until_over(client);
  EXPECT_EQ(client.error(), ECONNRESET);
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
}

TEST_P(SocketStream, AbortWithAFullSocketClosesAtOnce) {
  Client client = connect_to(script);
  script.conn->write(pattern(12 << 20));
  loop.run_until_idle();
  EXPECT_GT(script.conn->queued_bytes(), 0U);
  script.conn->abort();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 1);
}

TEST_P(SocketStream, ExceptionFromOnDataCostsThatConnectionOnly) {
  serve([]() -> std::unique_ptr<Protocol> {
    struct Picky final : Protocol {
      void on_data(ByteView data) override {
        if (as_text(data) == "bad") throw std::runtime_error("no bad words");
        write(data);
      }
    };
    return std::make_unique<Picky>();
  });
  Client good = connect();
  Client bad = connect();
  EXPECT_TRUE(echoes(good, "before"));
  bad.send("bad");
  run_until_over(bad);
  EXPECT_EQ(bad.error(), ECONNRESET);
  EXPECT_TRUE(echoes(good, "after"));
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_THAT(log.lines()[0], HasSubstr("event=callback_threw callback=on_data peer=127.0.0.1:"));
}

TEST_P(SocketStream, ExceptionFromOnConnectCostsThatConnectionOnly) {
  script.connect = [&](Protocol&) {
    if (script.count("connect") == 1) throw std::runtime_error("no");
  };
  script.data = [](Protocol& conn, std::string_view text) { conn.write(text); };
  serve(script);
  Client first = connect();
  run_until_over(first);
  EXPECT_EQ(first.error(), ECONNRESET);
  Client second = connect();
  EXPECT_TRUE(echoes(second, "hello"));
}

TEST_P(SocketStream, RunsOverASocketPair) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  make_connection(loop, make_socket_transport(loop, ends[0]), std::make_unique<Scripted>(script));
  ASSERT_EQ(::write(ends[1], "hello", 5), 5);
  run_until([&] { return script.received == "hello"; });
  EXPECT_EQ(script.conn->native_handle(), ends[0]);
  ::close(ends[1]);
  run_until_closed();
  EXPECT_TRUE(script.reason.clean());
}

TEST_P(SocketStream, LeavesNoDescriptorBehind) {
  const std::size_t before = open_descriptors();
  serve(build<EchoBack>());
  {
    std::vector<Client> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(connect());
    for (Client& client : clients) EXPECT_TRUE(echoes(client, "hello"));
  }
  run_until([&] { return server->connection_count() == 0; });
  server.reset();
  loop.run_until_idle();
  EXPECT_EQ(open_descriptors(), before);
}

INSTANTIATE_TEST_SUITE_P(Reactors, SocketStream, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
