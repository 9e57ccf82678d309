// TcpServer over memory: hooks, limits, and a server that ends inside its own callbacks.
#include "script.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Server : public MemoryTest {
 protected:
  ProtocolFactory build(Script& script) {
    return [&script] { return std::make_unique<Scripted>(script); };
  }
};

// A server whose hooks can be replaced one by one.
class HookedServer : public TcpServer {
 public:
  using TcpServer::TcpServer;
  std::function<void(Protocol&)> connect;
  std::function<void(Protocol&, ByteView)> stream;
  std::function<void(Protocol&, const CloseReason&)> close;

  // Hooks are copied: they may destroy the server.
  void on_connect(Protocol& conn) override {
    if (const auto hook = connect) return hook(conn);
    TcpServer::on_connect(conn);
  }
  void handle_stream(Protocol& conn, ByteView chunk) override {
    if (const auto hook = stream) return hook(conn, chunk);
    TcpServer::handle_stream(conn, chunk);
  }
  void on_close(Protocol& conn, const CloseReason& reason) override {
    if (const auto hook = close) hook(conn, reason);
  }
};

TEST_F(Server, GivesEachConnectionItsProtocol) {
  int built = 0;
  TcpServer server(loop, "", [&] {
    ++built;
    return std::make_unique<Protocol>();
  });
  MemoryPeer first(server), second(server);
  EXPECT_EQ(built, 2);
  EXPECT_EQ(server.connection_count(), 2u);
  first.end();
  EXPECT_EQ(server.connection_count(), 1u);
}

TEST_F(Server, TellsTheFactoryWhoConnects) {
  std::string seen;
  TcpServer server(loop, "", [&](const Address& peer) {
    seen = peer.to_string();
    return std::make_unique<Protocol>();
  });
  MemoryPeer peer(server, {.second_address = Address::parse("10.0.0.7:51022")});
  EXPECT_EQ(seen, "10.0.0.7:51022");
}

TEST_F(Server, DefaultsHandEverythingToTheProtocol) {
  Script script;
  TcpServer server(loop, "", build(script));
  MemoryPeer peer(server);
  peer.send("hello");
  peer.end();
  EXPECT_THAT(script.events, ElementsAre("connect", "data", "eof", "close"));
  EXPECT_EQ(script.received, "hello");
}

TEST_F(Server, IsToldOfTheCloseAfterTheProtocolAndItsCallback) {
  Script script;
  HookedServer server(loop, "", build(script));
  server.close = [&](Protocol& conn, const CloseReason& reason) {
    script.events.push_back("server: " + reason.message() + " " + conn.peer_address().to_string());
  };
  script.connect = [&](Protocol& conn) {
    conn.set_close_callback([&](const CloseReason&) { script.events.emplace_back("callback"); });
  };
  MemoryPeer(server).end();
  EXPECT_THAT(script.events, ElementsAre("connect", "eof", "close", "callback",
                                         "server: closed by the peer 127.0.0.1:50002"));
}

TEST_F(Server, MayTransformWhatTheProtocolReceives) {
  Script script;
  HookedServer server(loop, "", build(script));
  server.stream = [](Protocol& conn, ByteView chunk) {
    std::string plain(as_text(chunk));
    for (char& c : plain) c = static_cast<char>(c ^ 0x20);
    conn.on_data(as_bytes(plain));
  };
  MemoryPeer peer(server);
  peer.send("hELLO");
  EXPECT_EQ(script.received, "Hello");
}

TEST_F(Server, ReadsNothingUntilItIsAsked) {
  Script script;
  HookedServer server(loop, "", build(script));
  server.connect = [](Protocol& conn) { conn.on_connect(); };
  MemoryPeer peer(server);
  peer.send("early");
  EXPECT_EQ(script.received, "");
  script.conn->read_until_close();
  loop.run_until_idle();
  EXPECT_EQ(script.received, "early");
}

TEST_F(Server, MayReadIntoAnotherFunction) {
  Script script;
  HookedServer server(loop, "", build(script));
  std::string got;
  server.connect = [&](Protocol& conn) {
    conn.read_until_close([&](ByteView chunk) { got += as_text(chunk); });
  };
  MemoryPeer peer(server);
  peer.send("hello");
  EXPECT_EQ(got, "hello");
  EXPECT_THAT(script.events, IsEmpty());
}

TEST_F(Server, NullFromTheFactoryRefusesTheConnection) {
  HookedServer server(loop, "", [] { return std::unique_ptr<Protocol>(); });
  server.close = [](Protocol&, const CloseReason&) { FAIL() << "nothing was built"; };
  MemoryPeer peer(server);
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(server.connection_count(), 0u);
}

TEST_F(Server, RefusesConnectionsBeyondItsLimitAndRecovers) {
  Script script;
  TcpServer server(loop, "", build(script), {.max_connections = 2});
  MemoryPeer first(server), second(server), third(server);
  EXPECT_TRUE(third.ended());
  EXPECT_FALSE(second.ended());
  EXPECT_EQ(server.connection_count(), 2u);
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("event=connection_refused")));
  first.end();
  MemoryPeer fourth(server);
  EXPECT_FALSE(fourth.ended());
}

TEST_F(Server, VisitsItsOwnConnectionsOnly) {
  Script ours, others;
  TcpServer server(loop, "", build(ours)), other(loop, "", build(others));
  MemoryPeer first(server), second(server), third(other);
  int visited = 0;
  server.for_each_connection([&](Protocol& conn) {
    ++visited;
    conn.write("hi");
  });
  EXPECT_EQ(visited, 2);
  EXPECT_EQ(first.take() + second.take() + third.take(), "hihi");
}

TEST_F(Server, VisitMayCloseAndAbort) {
  Script script;
  TcpServer server(loop, "", build(script));
  MemoryPeer first(server), second(server);
  int visited = 0;
  server.for_each_connection([&](Protocol& conn) { ++visited == 1 ? conn.abort() : conn.close(); });
  loop.run_until_idle();
  EXPECT_EQ(visited, 2);
  EXPECT_TRUE(second.was_reset());  // the newest comes first
  EXPECT_TRUE(first.ended());
}

TEST_F(Server, AbortsItsConnections) {
  Script script;
  TcpServer server(loop, "", build(script));
  MemoryPeer peer(server);
  server.abort_connections();
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::aborted_here);
  EXPECT_EQ(server.connection_count(), 0u);
}

TEST_F(Server, StoppingLeavesConnectionsAlone) {
  Script script;
  TcpServer server(loop, "", build(script));
  MemoryPeer peer(server);
  server.stop();
  server.stop();
  peer.send("still here");
  EXPECT_EQ(script.received, "still here");
  EXPECT_THAT(server.local_addresses(), IsEmpty());
}

TEST_F(Server, UsesItsStreamOptions) {
  Script script;
  TcpServer server(loop, "", build(script), {.stream = {.read_chunk_size = 2}});
  MemoryPeer peer(server);
  peer.send("abcd");
  EXPECT_EQ(script.count("data"), 2);
}

// ---- destroyed ----

class DestroyedServer : public Server {
 protected:
  DestroyedServer() { server = std::make_unique<HookedServer>(loop, "", build(script)); }

  void expect_server_gone() {
    loop.run_until_idle();
    EXPECT_EQ(script.events.back(), "close");
    EXPECT_EQ(script.count("close"), 1);
  }

  Script script;
  std::unique_ptr<HookedServer> server;
};

TEST_F(DestroyedServer, AbortsWhatIsLeft) {
  MemoryPeer peer(*server);
  server.reset();
  expect_server_gone();
  EXPECT_TRUE(peer.was_reset());
  EXPECT_EQ(script.reason.code, Errc::server_gone);
}

TEST_F(DestroyedServer, BeforeOnConnectStillTellsTheProtocolItsEnd) {
  auto [near, far] = memory_transport_pair(loop);
  server->add_connection(std::move(near));
  server.reset();
  expect_server_gone();
  EXPECT_EQ(script.reason.code, Errc::server_gone);
}

TEST_F(DestroyedServer, InsideItsOnConnect) {
  server->connect = [&](Protocol&) { server.reset(); };
  MemoryPeer peer(*server);
  EXPECT_TRUE(peer.was_reset());
  EXPECT_THAT(script.events, ElementsAre("close"));
}

TEST_F(DestroyedServer, InsideTheProtocolsOnConnect) {
  script.connect = [&](Protocol&) { server.reset(); };
  MemoryPeer peer(*server);
  expect_server_gone();
  EXPECT_EQ(script.reason.code, Errc::server_gone);
}

TEST_F(DestroyedServer, InsideHandleStream) {
  server->stream = [&](Protocol& conn, ByteView) {
    server.reset();
    EXPECT_EQ(conn.write("too late"), WriteStatus::closed);
  };
  MemoryPeer peer(*server);
  peer.send("x");
  expect_server_gone();
}

TEST_F(DestroyedServer, InsideOnData) {
  script.data = [&](Protocol&, std::string_view) { server.reset(); };
  MemoryPeer peer(*server), other(*server);
  other.send("x");
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 2);
}

TEST_F(DestroyedServer, InsideTheProtocolsOnClose) {
  script.close = [&](Protocol&, const CloseReason&) { server.reset(); };
  MemoryPeer peer(*server);
  peer.end();
  expect_server_gone();
  EXPECT_TRUE(script.reason.clean());
}

TEST_F(DestroyedServer, InsideACloseCallback) {
  MemoryPeer peer(*server);
  script.conn->set_close_callback([&](const CloseReason&) { server.reset(); });
  peer.end();
  expect_server_gone();
}

TEST_F(DestroyedServer, InsideItsOnClose) {
  server->close = [&](Protocol&, const CloseReason&) { server.reset(); };
  MemoryPeer peer(*server), other(*server);
  peer.end();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 2);
  EXPECT_TRUE(other.was_reset());
}

TEST_F(DestroyedServer, InsideBuildClassRefusesTheConnection) {
  server = std::make_unique<HookedServer>(loop, "", [this] {
    server.reset();
    return std::make_unique<Scripted>(script);
  });
  MemoryPeer peer(*server);
  EXPECT_TRUE(peer.ended());
  EXPECT_THAT(script.events, IsEmpty());
}

TEST_F(DestroyedServer, InsideAVisit) {
  MemoryPeer first(*server), second(*server);
  server->for_each_connection([&](Protocol&) { server.reset(); });
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 2);
}

TEST_F(DestroyedServer, InsideOnDrain) {
  script.drain = [&](Protocol&) { server.reset(); };
  MemoryPeer peer(*server);
  bool done = false;
  server->drain([&] { done = true; });
  loop.run_until_idle();
  EXPECT_TRUE(done);
  expect_server_gone();
  EXPECT_FALSE(loop.next_timer().has_value());
}

TEST_F(DestroyedServer, WhileDrainingTellsWhoWaits) {
  script.drain = [](Protocol&) {};
  MemoryPeer peer(*server);
  int done = 0;
  server->drain([&] { ++done; });
  loop.run_until_idle();
  EXPECT_EQ(done, 0);
  server.reset();
  loop.run_until_idle();
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace twister::testing
