// Peers that do not read: what is kept for them is bounded.
#include <sys/socket.h>

#include <string>

#include <gtest/gtest.h>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

constexpr std::size_t kibibyte = 1024;

class SlowReader : public SocketTest {
 protected:
  // A server whose sockets keep little, so that a test need not send what the kernel can hold: a
  // buffer of its own grows to many megabytes.
  void serve_with_small_buffers(const ServerOptions& options, ProtocolFactory build_class) {
    auto sockets = bind_sockets("127.0.0.1:0");
    for (const int name : {SO_SNDBUF, SO_RCVBUF}) {
      const int bytes = 32 * kibibyte;
      ::setsockopt(sockets[0].native_handle(), SOL_SOCKET, name, &bytes, sizeof bytes);
    }
    server = std::make_unique<TcpServer>(loop, ":0", std::move(build_class), options);
    server->add_sockets(std::move(sockets));
  }
  Client connect_small() {
    return connect({.send_buffer_bytes = 32 * kibibyte, .receive_buffer_bytes = 32 * kibibyte});
  }
  // Sends until neither the loop nor the socket moves any more.
  std::size_t send_until_stuck(Client& client, std::string_view all) {
    std::size_t sent = 0;
    for (int idle = 0; idle < 100 && sent < all.size(); ++idle) {
      const std::size_t more = client.send_some(all.substr(sent));
      sent += more;
      if (more > 0) idle = 0;
      loop.run_until_idle();
    }
    return sent;
  }

  Script script;
};

TEST_P(SlowReader, OfAWriterThatNeverStopsIsGivenUp) {
  ServerOptions options;
  options.stream.max_write_buffer_size = 1024 * kibibyte;
  serve_with_small_buffers(options, [this] { return std::make_unique<Scripted>(script); });
  const std::string chunk = pattern(10'000);
  std::size_t taken = 0;
  script.connect = [&](Protocol& conn) {
    while (conn.write(chunk) != WriteStatus::dropped) taken += chunk.size();
    EXPECT_EQ(conn.write(chunk), WriteStatus::closed);
  };
  Client client = connect_small();
  run_until([&] { return script.count("close") > 0; });
  EXPECT_EQ(script.reason.code, Errc::write_limit);
  EXPECT_GE(taken, 1000 * kibibyte);
  EXPECT_LE(taken, 1400 * kibibyte);  // the limit, and what the kernel keeps
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_P(SlowReader, OfATimerThatNeverStopsIsGivenUpAndOthersAreServed) {
  ServerOptions options;
  options.stream.max_write_buffer_size = 256 * kibibyte;
  serve_with_small_buffers(options, [this] { return std::make_unique<Scripted>(script); });
  Client slow = connect_small();
  run_until([&] { return script.conn != nullptr; });
  PeriodicCallback news(loop, std::chrono::milliseconds(100), [&] {
    server->for_each_connection([](Protocol& conn) { conn.write(std::string(20'000, 'n')); });
  });
  news.start();
  for (int i = 0; i < 100 && script.count("close") == 0; ++i)
    clock.advance(std::chrono::milliseconds(100));
  EXPECT_EQ(script.reason.code, Errc::write_limit);
  Client next = connect_small();
  run_until([&] { return server->connection_count() == 1; });
  clock.advance(std::chrono::milliseconds(100));
  EXPECT_EQ(receive(next, 20'000), std::string(20'000, 'n'));
}

TEST_P(SlowReader, OfAnEchoMakesItStopReading) {
  script.data = [](Protocol& conn, std::string_view text) { conn.write(text); };
  serve_with_small_buffers({}, [this] { return std::make_unique<Scripted>(script); });
  Client client = connect_small();
  const std::string all = pattern(16 << 20);
  const std::size_t sent = send_until_stuck(client, all);
  EXPECT_LT(sent, all.size());
  // The high-water mark, and one receive beyond it.
  EXPECT_LE(script.conn->queued_bytes(), (64 + 72) * kibibyte);
  EXPECT_EQ(script.count("paused"), 1);
}

TEST_P(SlowReader, OfAnEchoGetsEverythingWhenItReadsAtLast) {
  serve_with_small_buffers({}, build<EchoBack>());
  Client client = connect_small();
  const std::string all = pattern(4 << 20);
  std::size_t sent = send_until_stuck(client, all);
  run_until([&] {
    client.receive();
    sent += client.send_some(std::string_view(all).substr(sent));
    return client.received().size() >= all.size();
  });
  EXPECT_TRUE(client.received() == all);
}

TEST_P(SlowReader, ThatIsResetEndsTheWriterToo) {
  script.data = [](Protocol& conn, std::string_view text) { conn.write(text); };
  serve_with_small_buffers({}, [this] { return std::make_unique<Scripted>(script); });
  Client client = connect_small();
  send_until_stuck(client, pattern(16 << 20));
  client.reset();
  run_until([&] { return script.count("close") > 0; });
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_P(SlowReader, DoesNotHoldACloseForEver) {
  script.connect = [](Protocol& conn) {
    conn.write(pattern(4 << 20));
    conn.close();
  };
  serve_with_small_buffers({}, [this] { return std::make_unique<Scripted>(script); });
  Client client = connect_small();
  run_until([&] { return script.count("connect") > 0; });
  clock.advance(std::chrono::seconds(29));
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(std::chrono::seconds(31));
  EXPECT_EQ(script.reason.code, Errc::close_timeout);
}

TEST_P(SlowReader, WithEverythingByDefaultIsGivenUpAtSixteenMebibytes) {
  std::size_t taken = 0;
  const std::string chunk = pattern(1 << 20);
  script.connect = [&](Protocol& conn) {
    while (taken < (64U << 20) && conn.write(chunk) != WriteStatus::dropped) taken += chunk.size();
  };
  serve(script);
  Client client = connect();
  run_until([&] { return script.count("close") > 0; });
  EXPECT_EQ(script.reason.code, Errc::write_limit);
  EXPECT_GE(taken, 16U << 20);
}

INSTANTIATE_TEST_SUITE_P(Reactors, SlowReader, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
