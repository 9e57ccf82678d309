// AdminServer over memory: its pages, its manners in HTTP, and what it does not put up with.
#include "twister/admin_server.hpp"

#include <string>

#include "admin_core.hpp"
#include "memory/admin_client.hpp"

namespace twister::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class Admin : public MemoryTest {
 protected:
  AdminServer& serve(AdminOptions options = {}) {
    admin = std::make_unique<AdminServer>(loop, "127.0.0.1:0", registry, std::move(options));
    return *admin;
  }
  AdminClient& connect(std::size_t capacity_bytes = 1024 * 1024) {
    if (admin == nullptr) serve();
    client = std::make_unique<AdminClient>(loop, *admin, capacity_bytes);
    return *client;
  }
  // The status line of the reply to these bytes.
  std::string status_of(std::string_view text) {
    connect().send(text);
    const std::string reply = client->take();
    return reply.substr(0, reply.find("\r\n"));
  }
  static ProtocolFactory build(Script& script) {
    return [&script] { return std::make_unique<Scripted>(script); };
  }
  // The largest output that waits, according to /connections.
  static std::size_t most_queued(const std::string& page) {
    static constexpr std::string_view name = "\"queued_bytes\":";
    std::size_t most = 0;
    for (std::size_t at = 0; (at = page.find(name, at)) != page.npos;)
      most = std::max<std::size_t>(most, std::stoul(page.substr(at += name.size())));
    EXPECT_GT(most, 0u) << page;
    return most;
  }
  void listen(TcpServer& server) { server.add_sockets(bind_sockets("127.0.0.1:0", {})); }

  MetricsRegistry registry;
  std::unique_ptr<AdminServer> admin;
  std::unique_ptr<AdminClient> client;
};

// ---- manners ----

TEST_F(Admin, AnswersWithTypeAndLength) {
  EXPECT_THAT(connect().get("/healthz"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\nDate: "), HasSubstr(" GMT\r\n"),
                    HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"),
                    HasSubstr("\r\nContent-Length: 3\r\n"),
                    HasSubstr("\r\nConnection: keep-alive\r\n"), EndsWith("\r\n\r\nok\n")));
}

TEST_F(Admin, AnswersAHeadWithoutTheBody) {
  connect().send("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client->take(), AllOf(HasSubstr("\r\nContent-Length: 3\r\n"), EndsWith("\r\n\r\n")));
  EXPECT_FALSE(client->ended());
}

TEST_F(Admin, AnswersOneRequestAfterAnother) {
  connect();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(client->get("/healthz"), EndsWith("ok\n"));
  EXPECT_FALSE(client->ended());
}

TEST_F(Admin, AnswersRequestsThatComeAtOnceInTheirOrder) {
  connect().send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string replies = client->take();
  const auto first = replies.find("200 OK"), second = replies.find("404 Not Found"),
             third = replies.rfind("200 OK");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_THAT(replies.substr(third), HasSubstr("Connection: close"));
  EXPECT_TRUE(client->ended());
}

TEST_F(Admin, AnswersARequestThatComesByteByByte) {
  connect();
  for (const char byte : std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    client->send({&byte, 1});
  EXPECT_THAT(client->take(), EndsWith("ok\n"));
}

TEST_F(Admin, ClosesAfterTheReplyWhereTheClientWantsIt) {
  connect().send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client->take(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client->ended());
}

TEST_F(Admin, AnswersAClientThatHasEndedItsSide) {
  connect();
  client->script.conn->write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client->script.conn->shutdown_write();
  loop.run_until_idle();
  EXPECT_THAT(client->take(), EndsWith("ok\n"));
  EXPECT_TRUE(client->ended());
}

TEST_F(Admin, RefusesWhatIsNotARequestAndCloses) {
  EXPECT_EQ(status_of("\x16\x03\x01\x02"), "HTTP/1.1 400 Bad Request");
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
            "HTTP/1.1 400 Bad Request");
  EXPECT_TRUE(client->ended());
}

TEST_F(Admin, RefusesOtherMethodsAndSaysWhichThereAre) {
  connect().send("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(client->take(), AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"),
                                    HasSubstr("\r\nAllow: GET, HEAD\r\n")));
  EXPECT_TRUE(client->ended());
}

TEST_F(Admin, RefusesARequestThatIsTooLarge) {
  EXPECT_EQ(status_of("GET /" + std::string(100'000, 'x')),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_TRUE(client->ended());
}

TEST_F(Admin, SaysWhichPagesThereAre) {
  EXPECT_THAT(connect().get("/"),
              AllOf(StartsWith("HTTP/1.1 404 Not Found\r\n"), HasSubstr("/connections")));
}

TEST_F(Admin, GivesUpAPeerThatTakesTooLongToAsk) {
  serve({.request_timeout = std::chrono::seconds(10)});
  connect().send("GET /healthz HT");
  clock.advance(std::chrono::seconds(9));
  client->send("TP/1.1\r\n");  // a byte now and then does not help
  EXPECT_FALSE(client->ended());
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(client->take(), "");
}

TEST_F(Admin, WaitsAsLongForTheNextRequest) {
  connect();
  for (int i = 0; i < 3; ++i) {
    clock.advance(std::chrono::seconds(9));
    EXPECT_THAT(client->get("/healthz"), EndsWith("ok\n"));
  }
  clock.advance(std::chrono::seconds(10));
  EXPECT_TRUE(client->ended());
}

TEST_F(Admin, RefusesConnectionsBeyondItsLimit) {
  serve({.max_connections = 1});
  AdminClient first(loop, *admin), second(loop, *admin);
  EXPECT_TRUE(second.ended());
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("event=admin_connection_refused")));
  first.script.conn->close();
  loop.run_until_idle();
  AdminClient third(loop, *admin);
  EXPECT_THAT(third.get("/healthz"), EndsWith("ok\n"));
}

TEST_F(Admin, ForgetsASessionThatNeverGotItsConnection) {
  const auto core = std::make_shared<detail::AdminCore>(loop, "127.0.0.1:0", registry,
                                                        AdminOptions{.max_connections = 1});
  { const detail::AdminSession session(core); }  // memory ran out while its connection was made
  core->add_connection(std::move(memory_transport_pair(loop, {}).first));
  EXPECT_THAT(log.lines(), IsEmpty()) << "it is counted";
  core->detach();
}

TEST_F(Admin, AnswersNoMoreThanThePeerTakes) {
  connect(4096);
  client->script.conn->pause_reading();
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client->send(requests);
  EXPECT_GT(client->script.conn->queued_bytes(), 16u * 1024);  // what was not even read
  AdminClient other(loop, *admin);
  EXPECT_LT(most_queued(other.body("/connections")), 80u * 1024);  // the high-water mark and a page
  client->script.conn->resume_reading();
  loop.run_until_idle();
  const std::string replies = client->take();
  std::size_t count = 0;
  for (std::size_t at = 0; (at = replies.find("HTTP/1.1 200 OK", at)) != replies.npos; ++at)
    ++count;
  EXPECT_EQ(count, 1000u);
}

// ---- who may ask ----

TEST_F(Admin, OnLoopbackRefusesNamesThatCouldBeSomebodyElses) {
  serve().start();
  const auto asks = [this](const std::string& host) {
    return status_of("GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  };
  for (const char* host : {"localhost", "LocalHost:9100", "127.0.0.1", "127.0.0.1:9100", "[::1]",
                           "[::1]:9100", "10.0.0.7:80", ""})
    EXPECT_EQ(asks(host), "HTTP/1.1 200 OK") << host;
  for (const char* host : {"evil.example", "evil.example:9100", "localhost.evil.example",
                           "127.0.0.1.evil.example", ":9100", "localhost:x", "[::1", "unix:/x"})
    EXPECT_EQ(asks(host), "HTTP/1.1 400 Bad Request") << host;
}

TEST_F(Admin, ElsewhereTakesAnyName) {
  admin = std::make_unique<AdminServer>(loop, "0.0.0.0:0", registry);
  admin->start();
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: game-1.example\r\n\r\n"), "HTTP/1.1 200 OK");
}

// ---- pages ----

TEST_F(Admin, ServesTwistersMetricsAndTheUsers) {
  Counter moves = registry.counter("moves_total", "Moves made.");
  moves.add(7);
  const std::string reply = connect().get("/metrics");
  EXPECT_THAT(reply, HasSubstr("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(reply, HasSubstr("\ntwister_loop_up{loop=\"0\"} 1\n"));
  EXPECT_THAT(reply, HasSubstr("\n# TYPE moves_total counter\nmoves_total 7\n"));
}

TEST_F(Admin, CountsWhatAServerDoes) {
  Script script;
  TcpServer server(loop, "unix:/nowhere", build(script), {.max_connections = 1});
  MemoryPeer peer(server);
  peer.send("hello");
  script.conn->write("hi");
  MemoryPeer refused(server);
  const std::string text = connect().get("/metrics");
  const std::string labels = "{loop=\"0\",server=\"unix:/nowhere\"";
  EXPECT_THAT(text, HasSubstr("\ntwister_connections" + labels + "} 1\n"));
  EXPECT_THAT(text, HasSubstr("\ntwister_connections_accepted_total" + labels + "} 1\n"));
  EXPECT_THAT(text, HasSubstr("\ntwister_connections_refused_total" + labels +
                              ",cause=\"max_connections\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\ntwister_received_bytes_total" + labels + "} 5\n"));
  EXPECT_THAT(text, HasSubstr("\ntwister_sent_bytes_total" + labels + "} 2\n"));
  peer.end();
  EXPECT_THAT(client->get("/metrics"),
              HasSubstr("\ntwister_connections_closed_total" + labels + ",cause=\"clean\"} 1\n"));
}

TEST_F(Admin, AddsServersUpThatAreCalledAlike) {
  Script one, two;
  TcpServer first(loop, "a", build(one)), second(loop, "a", build(two));
  MemoryPeer here(first), there(second);
  EXPECT_THAT(connect().get("/metrics"),
              HasSubstr("\ntwister_connections{loop=\"0\",server=\"a\"} 2\n"));
}

TEST_F(Admin, AServerKeepsItsNameWhenItStopsListening) {
  Script script;
  TcpServer server(loop, "127.0.0.1:0", build(script));
  listen(server);
  const std::string labels =
      "{loop=\"0\",server=\"" + server.local_addresses().at(0).to_string() + "\"}";
  EXPECT_THAT(connect().get("/metrics"), HasSubstr("\ntwister_accepting" + labels + " 1\n"));
  server.stop();
  EXPECT_THAT(client->get("/metrics"), HasSubstr("\ntwister_accepting" + labels + " 0\n"));
}

TEST_F(Admin, MeasuresTurnsAndLagFromItsStartOn) {
  EXPECT_THAT(connect().get("/metrics"), Not(HasSubstr("twister_loop_turn_seconds_count")));
  admin->start();
  clock.advance(std::chrono::seconds(1));
  const std::string text = client->get("/metrics");
  EXPECT_THAT(text, HasSubstr("\ntwister_loop_lag_seconds_count{loop=\"0\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("\ntwister_loop_lag_seconds_bucket{loop=\"0\",le=\"0.0001\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("\ntwister_loop_longest_turn_seconds{loop=\"0\"} 0\n"));
}

TEST_F(Admin, IsReadyWhileAServerAcceptsAndNoneDrains) {
  Script script;
  script.drain = [](Protocol&) {};  // takes its time
  TcpServer server(loop, "127.0.0.1:0", build(script));
  EXPECT_THAT(connect().get("/readyz"), AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"),
                                              EndsWith("\r\n\r\nno server accepts\n")));
  listen(server);
  const std::string name = server.local_addresses().at(0).to_string();
  MemoryPeer peer(server);
  EXPECT_THAT(client->get("/readyz"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("ready\n")));
  server.drain();
  EXPECT_THAT(client->body("/readyz"), name + " is draining\n");
  peer.end();
  EXPECT_EQ(client->body("/readyz"), "no server accepts\n");
}

TEST_F(Admin, IsReadyWhenTheUserSaysSoToo) {
  Script script;
  TcpServer server(loop, "127.0.0.1:0", build(script));
  listen(server);
  std::function<bool()> answer = [] { return false; };
  serve({.ready = [&] { return answer(); }});
  EXPECT_EQ(connect().body("/readyz"), "not ready\n");
  answer = []() -> bool { throw std::runtime_error("no database"); };
  EXPECT_EQ(client->body("/readyz"), "not ready: no database\n");
  answer = [] { return true; };
  EXPECT_EQ(client->body("/readyz"), "ready\n");
}

TEST_F(Admin, SurvivesTheDrainOfItsLoop) {
  Script script;
  TcpServer server(loop, "127.0.0.1:0", build(script));
  listen(server);
  connect();
  bool done = false;
  loop.drain([&] { done = true; });
  loop.run_until_idle();
  EXPECT_TRUE(done);
  EXPECT_EQ(client->body("/readyz"), "no server accepts\n");
  EXPECT_EQ(client->body("/healthz"), "ok\n");
}

TEST_F(Admin, ListsConnectionsTheNewestFirst) {
  Script first, second;
  TcpServer server(loop, "here", build(first));
  MemoryPeer old(server, {.second_address = Address::parse("10.0.0.7:51022")});
  clock.advance(std::chrono::seconds(90));
  serve({.max_listed = 3});
  connect();  // a connection like others, and its other end is one too
  MemoryPeer young(server, {.second_address = Address::parse("10.0.0.8:51022")});
  young.send("hi");
  first.conn->write("x");
  loop.run_until_idle();
  const std::string page = client->body("/connections");
  EXPECT_THAT(page, StartsWith("{\"connections\":[\n{\"id\":null,\"loop\":0,\"server\":\"here\","
                               "\"peer\":\"10.0.0.8:51022\",\"seconds_open\":0,"
                               "\"received_bytes\":2,\"sent_bytes\":1,\"queued_bytes\":0}"));
  EXPECT_THAT(page, Not(HasSubstr("10.0.0.7")));
  EXPECT_THAT(page, HasSubstr("\n],\"total\":4,\"truncated\":true,\"missing_loops\":[]}\n"));
}

TEST_F(Admin, SaysHowLongAConnectionHasBeenOpen) {
  Script script;
  TcpServer server(loop, "here", build(script));
  MemoryPeer peer(server);
  clock.advance(std::chrono::milliseconds(89'999));
  EXPECT_THAT(connect().body("/connections"), HasSubstr("\"seconds_open\":89,"));
}

TEST_F(Admin, EscapesWhatPeersAndServersAreCalled) {
  Script script;
  TcpServer server(loop, "a\"b\\c\n\xc3", build(script));
  MemoryPeer peer(server);
  EXPECT_THAT(connect().body("/connections"),
              HasSubstr("\"server\":\"a\\\"b\\\\c\\u000a\\u00c3\""));
  EXPECT_THAT(client->body("/metrics"), HasSubstr("server=\"a\\\"b\\\\c\\n"));
}

// ---- the end ----

TEST_F(Admin, EndsItsConnectionsWhenItIsDestroyed) {
  connect();
  admin.reset();
  loop.run_until_idle();
  EXPECT_TRUE(client->ended());
}

TEST_F(Admin, MayBeDestroyedByItsOwnHook) {
  Script script;
  TcpServer server(loop, "127.0.0.1:0", build(script));
  listen(server);
  serve({.ready = [this] {
    admin.reset();
    return true;
  }});
  client = std::make_unique<AdminClient>(loop, *admin);
  client->send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(admin, nullptr);
}

}  // namespace
}  // namespace twister::testing
