// What a strict reader of the sources found: each of these once crashed, hung, spun or told a lie.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <new>
#include <optional>
#include <thread>

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <twister/asio.hpp>
#include <twister/io_stream.hpp>
#include <twister/loop_pool.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;

class HardCase : public MemoryTest {};
class HardCaseOnReactors : public SocketTest {};

class Thrower : public Protocol {
 public:
  void on_connect() override { receive_in_place(true); }

 private:
  std::span<std::byte> receive_buffer() override { throw std::bad_alloc(); }
};

struct SelfStop : TcpServer {
  using TcpServer::TcpServer;
  void stop_factory() override {
    if (me != nullptr) me->reset();
  }
  std::unique_ptr<SelfStop>* me = nullptr;
};

asio::awaitable<void> slow_echo(IOStream stream) {
  for (;;) {
    const auto line = co_await async_read_until(stream, "\n", asio::use_awaitable);
    if (!line) co_return;
    asio::steady_timer timer(executor(stream.loop()), 20ms);  // a database
    co_await timer.async_wait(asio::use_awaitable);
    stream.write(*line);
  }
}

TEST_F(HardCase, AWriteThatFindsThePeerGoneAtItsLimit) {
  Script script;
  StreamOptions o;
  o.max_write_buffer_size = 1000;
  auto far = connect_bare(script, o, 4096);
  loop.add_callback([&] {
    script.conn->write(std::string(900, 'x'));
    far->reset();
    script.conn->write(std::string(200, 'y'));
  });
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 1);
}

TEST_F(HardCase, AReplyThatFindsThePeerGoneAtItsLimit) {
  Script script;
  StreamOptions o;
  o.when_output_is_high = OutputHigh::keep_reading;
  auto far = connect_bare(script, o, 4096);
  script.data = [](Protocol& c, std::string_view) { c.write(std::string(10000, 'y')); };
  loop.add_callback([&] {
    for (int i = 0; i < 1678; ++i) script.conn->write(std::string(10000, 'x'));
  });
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 0) << script.reason.message();
  std::string s = "go";
  ByteView b = as_bytes(s);
  far->send({&b, 1});
  std::array<std::byte, 4096> room;
  (void)far->receive(room);  // makes it writable
  far->reset();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 1);
}

TEST(HardCaseOnSockets, AThrowingBufferCostsOneConnection) {
  for (ReactorKind kind : {ReactorKind::epoll, ReactorKind::asio_waits}) {
    CapturedLog log;
    ManualClock clock;
    IOLoop loop{IOLoopOptions{.clock = &clock, .reactor = kind}};
    int n = 0;
    TcpServer server(loop, "127.0.0.1:0", [&]() -> std::unique_ptr<Protocol> {
      if (n++ == 0) return std::make_unique<Thrower>();
      return std::make_unique<EchoBack>();
    });
    server.start();
    Client bad(server.local_addresses()[0]);
    run_until(loop, [&] { return server.connection_count() == 1; });
    Client good(server.local_addresses()[0]);
    run_until(loop, [&] { return server.connection_count() == 2; });
    good.send("a");
    run_until(loop, [&] { return good.receive().received() == "a"; });
    bad.send("boom");
    for (int i = 0; i < 1000; ++i) {
      loop.run_until_idle();
      std::this_thread::yield();
    }
    good.send("b");
    bool ok = false;
    for (int i = 0; i < 100000 && !ok; ++i) {
      loop.run_until_idle();
      ok = good.receive().received() == "ab";
    }
    EXPECT_TRUE(ok) << "loop dead, reactor " << (kind == ReactorKind::epoll ? "epoll" : "asio");
  }
}

TEST_F(HardCase, ADrainOfTheLoopWhoseServerGoesInStopFactory) {
  auto s = std::make_unique<SelfStop>(loop, "127.0.0.1:0", build<EchoBack>());
  s->me = &s;
  s->start();
  bool done = false;
  loop.drain([&] { done = true; });
  loop.run_until_idle();
  EXPECT_TRUE(done);
}

TEST_F(HardCase, ADrainOfAServerThatGoesInStopFactory) {
  auto s = std::make_unique<SelfStop>(loop, "127.0.0.1:0", build<EchoBack>());
  s->me = &s;
  s->start();
  bool done = false;
  s->drain([&] { done = true; });
  loop.run_until_idle();
  EXPECT_TRUE(done) << "done never called";
  clock.advance(11s);
}

TEST(HardCaseOnSockets, ALoopThatGoesInMidReplyResets) {
  CapturedLog log;
  ManualClock clock;
  auto loop = std::make_unique<IOLoop>(clock);
  Script script;
  auto sockets = bind_sockets("127.0.0.1:0");
  Client c(sockets[0].local_address());
  int fd = ::accept(sockets[0].native_handle(), nullptr, nullptr);
  while (fd < 0) fd = ::accept(sockets[0].native_handle(), nullptr, nullptr);
  make_connection(*loop, make_socket_transport(*loop, fd), std::make_unique<Scripted>(script));
  run_until(*loop, [&] { return script.conn != nullptr; });
  script.conn->write(SharedBytes(std::string(15 << 20, 'x')));
  loop->run_until_idle();
  loop.reset();
  for (int i = 0; i < 100000 && !c.over(); ++i) c.receive();
  EXPECT_FALSE(c.ended()) << "clean FIN after " << c.received().size() << " of " << (15 << 20)
                          << " bytes";
  EXPECT_EQ(c.error(), ECONNRESET);
}

TEST_F(HardCase, AWaitForDrainedEndsWithAnAbort) {
  auto [ours, theirs] = memory_transport_pair(loop);
  IOStream stream(loop, std::move(ours));
  loop.run_until_idle();
  int called = 0;
  loop.add_callback([&] {
    stream.when_drained([&](std::error_code) { ++called; });
    stream.abort();
  });
  loop.run_until_idle();
  EXPECT_EQ(called, 1);
}

TEST_F(HardCase, AReadAfterTheEndEndsWithAnAbort) {
  auto [ours, theirs] = memory_transport_pair(loop, {.capacity_bytes = 100});
  IOStream stream(loop, std::move(ours));
  loop.run_until_idle();
  stream.write(std::string(1000, 'x'));
  theirs->shutdown_send();
  loop.run_until_idle();
  int called = 0;
  loop.add_callback([&] {
    stream.read_bytes(1, [&](std::error_code, ByteView) { ++called; });
    stream.abort();
  });
  loop.run_until_idle();
  EXPECT_EQ(called, 1);
}

TEST(HardCaseOnSockets, ACoroutineAnswersAfterTheClientsFin) {
  CapturedLog log;
  IOLoop loop;
  TcpServer server(loop, "127.0.0.1:0", spawn_streams(slow_echo));
  server.start();
  Client c(server.local_addresses()[0]);
  c.send("one\ntwo\n");
  c.shutdown_write();
  run_until(loop, [&] { return c.receive().over(); });
  EXPECT_EQ(c.received(), "one\ntwo\n");
}

TEST(HardCaseOnSockets, ACoroutineAnswersWhileTheServerDrains) {
  CapturedLog log;
  IOLoop loop;
  TcpServer server(loop, "127.0.0.1:0", spawn_streams(slow_echo));
  server.start();
  Client c(server.local_addresses()[0]);
  c.send("one\n");
  run_until(loop, [&] { return server.connection_count() == 1; });
  for (int i = 0; i < 50; ++i) loop.run_until_idle();
  server.drain();
  run_until(loop, [&] { return c.receive().over(); });
  EXPECT_EQ(c.received(), "one\n");
}

TEST_F(HardCase, StreamsOfAServerHaveItsLimits) {
  ServerOptions o;
  o.stream.max_buffer_size = 10;
  std::error_code got;
  int n = 0;
  std::optional<IOStream> kept;
  TcpServer server(loop, "127.0.0.1:0", handle_streams([&](IOStream s) {
                     kept = std::move(s);
                     kept->read_bytes(50, [&](std::error_code e, ByteView) {
                       got = e;
                       ++n;
                     });
                   }),
                   o);
  MemoryPeer peer(server);
  peer.send(std::string(50, 'x'));
  EXPECT_EQ(got, make_error_code(Errc::read_limit)) << n;
}

TEST_F(HardCase, TheReasonGivenOutlivesAResetOfTheSameEvent) {
  Script script;
  script.data = [](Protocol& c, std::string_view) { c.close(CodecErrc::frame_too_long); };
  auto far = connect_bare(script);
  std::string s = "bad";
  ByteView b = as_bytes(s);
  far->send({&b, 1});
  far->reset();
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, make_error_code(CodecErrc::frame_too_long))
      << script.reason.message();
  EXPECT_EQ(log.lines().size(), 1u);
}

TEST_F(HardCase, TheReasonGivenOutlivesALaterReset) {
  Script script;
  script.data = [](Protocol& c, std::string_view) {
    c.write(std::string(5000, 'x'));
    c.close(CodecErrc::frame_too_long);
  };
  auto far = connect_bare(script);
  std::string s = "bad";
  ByteView b = as_bytes(s);
  far->send({&b, 1});
  loop.run_until_idle();
  far->reset();
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, make_error_code(CodecErrc::frame_too_long))
      << script.reason.message();
}

TEST_P(HardCaseOnReactors, AnUrgentMarkHidesNothing) {
  serve([] { return std::make_unique<EchoBack>(); });
  Client c = connect();
  run_until([&] { return server->connection_count() == 1; });
  c.send("abc");
  ASSERT_EQ(::send(c.native_handle(), "!", 1, MSG_OOB), 1);
  c.send("def");
  bool ok = false;
  for (int i = 0; i < 100000 && !ok; ++i) {
    loop.run_until_idle();
    ok = c.receive().received() == "abcdef";
  }
  EXPECT_TRUE(ok) << c.received();
}

TEST(HardCaseOnSockets, AStreamOutlivesItsLoop) {
  CapturedLog log;
  ManualClock clock;
  auto loop = std::make_unique<IOLoop>(clock);
  auto [ours, theirs] = memory_transport_pair(*loop);
  IOStream stream(*loop, std::move(ours));
  loop->run_until_idle();
  theirs->reset();
  loop->run_until_idle();
  EXPECT_FALSE(stream.is_open());
  theirs.reset();
  loop.reset();
  stream.read_bytes(1, [](std::error_code, ByteView) {});
}

TEST(HardCaseOnSockets, ADeadlineOutlivesItsLoop) {
  CapturedLog log;
  ManualClock clock;
  auto loop = std::make_unique<IOLoop>(clock);
  auto [ours, theirs] = memory_transport_pair(*loop);
  IOStream stream(*loop, std::move(ours));
  loop->run_until_idle();
  theirs->reset();
  loop->run_until_idle();
  theirs.reset();
  stream.read_bytes(1, [](std::error_code, ByteView) {}, {.timeout = 1s});
  loop.reset();
}

class Rooted : public Protocol {
 public:
  struct Seen {
    std::atomic<bool> connected = false;
    std::thread::id made;
    std::thread::id closed;
  };
  explicit Rooted(Seen& seen) : seen_(seen) {}

 private:
  void on_connect() override {
    seen_.made = std::this_thread::get_id();
    seen_.connected = true;
  }
  void on_close(const CloseReason&) override { seen_.closed = std::this_thread::get_id(); }

  Seen& seen_;
};

TEST(HardCaseOnSockets, APoolsConnectionsEndOnTheirOwnThread) {
  CapturedLog log;
  Rooted::Seen seen;
  Address at;
  LoopPool pool(1);
  pool.start([&](IOLoop& loop) {
    auto server = std::make_shared<TcpServer>(loop, "127.0.0.1:0", build<Rooted>(std::ref(seen)));
    server->start();
    at = server->local_addresses()[0];
    return server;
  });
  const Client client(at);
  while (!seen.connected) std::this_thread::yield();
  pool.stop();
  EXPECT_NE(seen.closed, std::thread::id());
  EXPECT_EQ(seen.made, seen.closed);
}

TEST(HardCaseOnSockets, NoSocketsAreNoStart) {
  IOLoop loop;
  struct S : TcpServer {
    using TcpServer::TcpServer;
    int n = 0;
    void start_factory() override { ++n; }
  };
  S s(loop, "127.0.0.1:0", build<EchoBack>());
  s.add_sockets({});
  s.start();
  EXPECT_EQ(s.n, 1);
  s.stop();
}

TEST(HardCaseOnSockets, AdoptedSocketsSendAtOnce) {
  CapturedLog log;
  ManualClock clock;
  IOLoop loop(clock);
  Script script;
  TcpServer server(loop, "127.0.0.1:0", [&] { return std::make_unique<Scripted>(script); });
  auto sockets = bind_sockets("127.0.0.1:0");
  Client c(sockets[0].local_address());
  int fd = -1;
  while (fd < 0) fd = ::accept(sockets[0].native_handle(), nullptr, nullptr);
  server.add_connection(make_socket_transport(loop, fd));
  run_until(loop, [&] { return script.conn != nullptr; });
  EXPECT_EQ(socket_option(script.conn->native_handle(), IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST_F(HardCase, ADestructorHasNoConnectionToHoldOnTo) {
  struct P : Protocol {
    ~P() override {
      try {
        handle();
      } catch (...) {
      }
    }
  };
  MemoryPeer peer(loop, std::make_unique<P>());
  peer.end();
}

TEST_P(HardCaseOnReactors, AReplyToAResetPeerAtTheLimit) {
  ServerOptions o;
  o.stream.when_output_is_high = OutputHigh::keep_reading;
  Script script;
  script.data = [](Protocol& c, std::string_view) { c.write(std::string(10000, 'y')); };
  serve(script, o);
  Client c = connect({.receive_buffer_bytes = 4096});
  run_until([&] { return script.conn != nullptr; });
  const std::size_t limit = StreamOptions().max_write_buffer_size;
  loop.add_callback([&] {
    while (script.conn->queued_bytes() + 10000 <= limit)
      script.conn->write(std::string(10000, 'x'));
  });
  run_until([&] { return script.conn && script.conn->queued_bytes() > 0; });
  loop.add_callback([&] {
    while (script.conn->queued_bytes() + 10000 <= limit)
      script.conn->write(std::string(10000, 'x'));
  });
  for (int i = 0; i < 100; ++i) loop.run_until_idle();
  c.send("go");
  c.reset();
  run_until([&] { return script.count("close") == 1; });
}

TEST_F(HardCase, APeriodicCallbackOutlivesItsLoop) {
  auto short_lived = std::make_unique<IOLoop>();
  PeriodicCallback ticks(*short_lived, 1s, [] {});
  ticks.start();
  short_lived.reset();
  ticks.stop();
  EXPECT_FALSE(ticks.running());
}

TEST_F(HardCase, TimeoutsMayBeEndless) {
  constexpr auto endless = std::chrono::milliseconds::max();
  Script script;
  const auto peer = connect(
      script, {.close_timeout = endless, .max_close_time = endless, .linger_timeout = endless});
  peer->stop_receiving();
  script.conn->write(std::string(200'000, 'x'));
  script.conn->close();
  loop.run_until_idle();
  clock.advance(std::chrono::hours(10'000));
  EXPECT_EQ(script.count("close"), 0);
  peer->go_on_receiving();
  peer->end();
  EXPECT_EQ(script.count("close"), 1);
}

INSTANTIATE_TEST_SUITE_P(Reactors, HardCaseOnReactors, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
