// What a user's callback throws costs its own connection and nobody else's.
#include <stdexcept>

#include "script.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Exceptions : public MemoryTest {
 protected:
  Exceptions() { bystander_peer_ = connect(bystander_); }

  // The bystander lives, and the one that threw ended like this.
  void expect_cost(const Script& script, const std::string& callback) {
    EXPECT_EQ(script.count("close"), 1);
    EXPECT_EQ(script.events.back(), "close");
    EXPECT_EQ(script.reason.code, Errc::callback_threw);
    EXPECT_EQ(script.reason.detail, "bad move");
    EXPECT_THAT(log.lines(), ElementsAre("level=error event=callback_threw callback=" + callback +
                                         " peer=127.0.0.1:50002 what=\"bad move\""));
    expect_others_live();
  }
  void expect_others_live() {
    bystander_peer_->send("still there?");
    EXPECT_EQ(bystander_.received, "still there?");
    EXPECT_EQ(bystander_.count("close"), 0);
  }

  Script bystander_;
  std::unique_ptr<MemoryPeer> bystander_peer_;
};

[[noreturn]] void blow() {
  throw std::runtime_error("bad move");
}

TEST_F(Exceptions, FromOnConnect) {
  Script script;
  script.connect = [](Protocol&) { blow(); };
  EXPECT_TRUE(connect(script)->was_reset());
  expect_cost(script, "on_connect");
}

TEST_F(Exceptions, FromOnData) {
  Script script;
  script.data = [](Protocol&, std::string_view) { blow(); };
  const auto peer = connect(script, {.read_chunk_size = 1});
  peer->send("abc");
  EXPECT_EQ(script.received, "a");
  EXPECT_TRUE(peer->was_reset());
  expect_cost(script, "on_data");
}

TEST_F(Exceptions, FromOnEof) {
  Script script;
  script.eof = [](Protocol&) -> EofAction { blow(); };
  connect(script)->end();
  expect_cost(script, "on_eof");
}

TEST_F(Exceptions, FromOnWritePaused) {
  Script script;
  script.paused = [](Protocol&) { blow(); };
  const auto peer = connect(script);
  peer->stop_receiving();
  script.conn->write(std::string(200'000, 'x'));
  loop.run_until_idle();
  EXPECT_EQ(script.count("resumed"), 0);
  expect_cost(script, "on_write_paused");
}

TEST_F(Exceptions, FromOnWriteResumed) {
  Script script;
  script.resumed = [](Protocol&) { blow(); };
  const auto peer = connect(script);
  script.conn->write(std::string(200'000, 'x'));
  loop.run_until_idle();
  expect_cost(script, "on_write_resumed");
}

TEST_F(Exceptions, FromOnDrain) {
  Script script;
  script.drain = [](Protocol&) { blow(); };
  TcpServer server(loop, "", [&] { return std::make_unique<Scripted>(script); });
  MemoryPeer peer(server);
  server.drain();
  loop.run_until_idle();
  expect_cost(script, "on_drain");
}

TEST_F(Exceptions, FromPostedWork) {
  Script script;
  const auto peer = connect(script);
  script.conn->handle().post([](Protocol&) { blow(); });
  loop.run_until_idle();
  expect_cost(script, "posted");
}

TEST_F(Exceptions, FromAChunkFunction) {
  Script script;
  const auto peer = connect(script);
  script.conn->read_until_close([](ByteView) { blow(); });
  peer->send("x");
  expect_cost(script, "on_data");
}

TEST_F(Exceptions, FromOnCloseChangeNoReason) {
  Script script;
  std::string told;
  script.close = [](Protocol&, const CloseReason&) { blow(); };
  const auto peer = connect(script);
  script.conn->set_close_callback([&](const CloseReason& reason) { told = reason.message(); });
  peer->end();
  EXPECT_EQ(told, "closed by the peer");
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("callback=on_close")));
  expect_others_live();
}

TEST_F(Exceptions, FromTheCloseCallbackAreLogged) {
  Script script;
  const auto peer = connect(script);
  script.conn->set_close_callback([](const CloseReason&) { blow(); });
  peer->end();
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("callback=close_callback")));
  expect_others_live();
}

TEST_F(Exceptions, FromATimerAreLogged) {
  bool fired = false;
  loop.call_later(std::chrono::seconds(1), blow);
  loop.call_later(std::chrono::seconds(1), [&] { fired = true; });
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(fired);
  EXPECT_THAT(log.lines(),
              ElementsAre("level=error event=callback_threw callback=loop what=\"bad move\""));
  expect_others_live();
}

TEST_F(Exceptions, ThatAreNoExceptionsAreCaughtToo) {
  Script script;
  script.data = [](Protocol&, std::string_view) { throw 42; };
  connect(script)->send("x");
  EXPECT_EQ(script.reason.code, Errc::callback_threw);
  EXPECT_EQ(script.reason.detail, "not an exception");
  expect_others_live();
}

TEST_F(Exceptions, WhatWasThrownReplacesAnAbort) {
  Script script;
  script.data = [](Protocol& conn, std::string_view) {
    conn.abort();
    blow();
  };
  connect(script)->send("x");
  expect_cost(script, "on_data");
}

TEST_F(Exceptions, WhatWasThrownReplacesAClose) {
  Script script;
  script.data = [](Protocol& conn, std::string_view) {
    conn.write("never sent");
    conn.close();
    blow();
  };
  const auto peer = connect(script);
  peer->send("x");
  EXPECT_EQ(peer->take(), "");
  expect_cost(script, "on_data");
}

// ---- in a server ----

TEST_F(Exceptions, FromBuildClassRefuseTheConnection) {
  bool fail = true;
  Script script;
  TcpServer server(loop, "", [&]() -> std::unique_ptr<Protocol> {
    if (fail) blow();
    return std::make_unique<Scripted>(script);
  });
  MemoryPeer refused(server);
  EXPECT_TRUE(refused.ended());
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("callback=build_class")));
  fail = false;
  MemoryPeer served(server);
  EXPECT_THAT(script.events, ElementsAre("connect"));
  EXPECT_EQ(server.connection_count(), 1u);
}

// A server that throws where it is told to.
class Thrower : public TcpServer {
 public:
  Thrower(IOLoop& loop, Script& script)
      : TcpServer(loop, "", [&script] { return std::make_unique<Scripted>(script); }) {}
  std::string where;

 protected:
  void on_connect(Protocol& conn) override {
    if (where == "on_connect") blow();
    TcpServer::on_connect(conn);
  }
  void handle_stream(Protocol& conn, ByteView chunk) override {
    if (where == "handle_stream") blow();
    TcpServer::handle_stream(conn, chunk);
  }
  void on_close(Protocol&, const CloseReason&) override {
    if (where == "on_close") blow();
  }
};

TEST_F(Exceptions, FromTheServersOnConnect) {
  Script script;
  Thrower server(loop, script);
  server.where = "on_connect";
  MemoryPeer peer(server);
  expect_cost(script, "on_connect");
  EXPECT_EQ(server.connection_count(), 0u);
}

TEST_F(Exceptions, FromHandleStream) {
  Script script;
  Thrower server(loop, script);
  server.where = "handle_stream";
  MemoryPeer peer(server);
  peer.send("x");
  expect_cost(script, "on_data");
}

TEST_F(Exceptions, FromTheServersOnCloseStillCountTheConnectionOut) {
  Script script;
  Thrower server(loop, script);
  server.where = "on_close";
  MemoryPeer peer(server);
  peer.end();
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("callback=server_on_close")));
  EXPECT_EQ(server.connection_count(), 0u);
  expect_others_live();
}

}  // namespace
}  // namespace twister::testing
