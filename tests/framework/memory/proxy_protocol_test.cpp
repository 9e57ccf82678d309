// A server behind a proxy: whose header is believed, and what its connections see of it.
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <twister/proxy_protocol.hpp>
#include <twister/tcp_server.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string line = "PROXY TCP4 1.1.1.1 2.2.2.2 8080 8888\r\n";
const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string local_header = signature + "\x20\x00\x00\x00"s;

// A connection from 127.0.0.1:50002, which is the proxy.
class ProxyProtocol : public MemoryTest {
 protected:
  void connect(const ProxyOptions& options = {.trusted = {Network::parse("127.0.0.1")}},
               const std::optional<FaultPlan>& faults = {}) {
    auto [near, far] = memory_transport_pair(loop);
    if (faults) near = std::make_unique<FaultyTransport>(loop, std::move(near), *faults);
    server.add_connection(accept_proxy_header(std::move(near), options));
    peer = std::move(far);
    loop.run_until_idle();
  }
  void send(std::string_view text) {
    const ByteView bytes = as_bytes(text);
    peer->send({&bytes, 1});
    loop.run_until_idle();
  }
  // The other end of it has gone.
  bool dropped() {
    std::byte room;
    const auto status = peer->receive({&room, 1}).status;
    return status == IoResult::Status::end_of_stream || status == IoResult::Status::failed;
  }

  Script script;
  std::vector<std::string> built_for;
  TcpServer server{loop, ":0", [this](const Address& client) {
                     built_for.push_back(client.to_string());
                     return std::make_unique<Scripted>(script);
                   }};
  std::unique_ptr<Transport> peer;
};

TEST_F(ProxyProtocol, OnConnectFollowsTheHeader) {
  connect();
  send(line.substr(0, line.size() - 1));
  EXPECT_THAT(script.events, ElementsAre());
  send(line.substr(line.size() - 1));
  EXPECT_THAT(script.events, ElementsAre("connect"));
}

TEST_F(ProxyProtocol, ThePeerIsThenTheClient) {
  script.connect = [](Protocol& conn) { conn.write(conn.peer_address().to_string()); };
  connect();
  send(line);
  EXPECT_EQ(receive(*peer, 100), "1.1.1.1:8080");
  EXPECT_THAT(built_for, ElementsAre("1.1.1.1:8080"));
}

TEST_F(ProxyProtocol, TheLocalAddressIsWhatTheClientConnectedTo) {
  script.connect = [](Protocol& conn) { conn.write(conn.local_address().to_string() + " "); };
  connect();
  send(line);
  EXPECT_EQ(receive(*peer, 100), "2.2.2.2:8888 ");
  connect();
  send(local_header);
  EXPECT_EQ(receive(*peer, 100), "127.0.0.1:50001 ");
}

TEST_F(ProxyProtocol, ThePeerIsTheProxyWhenItSpeaksForItself) {
  for (const std::string& header : {local_header, "PROXY UNKNOWN ::1 ::2 1 2\r\n"s}) {
    connect();
    send(header);
  }
  EXPECT_THAT(built_for, ElementsAre("127.0.0.1:50002", "127.0.0.1:50002"));
}

TEST_F(ProxyProtocol, WhatFollowsTheHeaderIsDelivered) {
  connect();
  send("PROXY TCP6 ::1 ::2 8080 8888\r\nHTTP/1.1 / GET");
  EXPECT_EQ(script.received, "HTTP/1.1 / GET");
}

TEST_F(ProxyProtocol, EveryCutGivesTheSame) {
  const std::string all = line + "data";
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    script.received.clear();
    connect();
    send(all.substr(0, cut));
    send(all.substr(cut));
    EXPECT_EQ(script.received, "data") << cut;
    EXPECT_EQ(built_for.back(), "1.1.1.1:8080") << cut;
  }
}

TEST_F(ProxyProtocol, SurvivesATransportOnABadDay) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    script.received.clear();
    connect({.trusted = {Network::parse("127.0.0.1")}},
            FaultPlan{.seed = seed, .max_receive_bytes = 3, .would_block_percent = 50});
    send(line + "data");
    EXPECT_EQ(script.received, "data") << seed;
  }
}

TEST_F(ProxyProtocol, ThePeersEndRightBehindTheHeaderIsSeen) {
  connect();
  const ByteView bytes = as_bytes(line);
  peer->send({&bytes, 1});
  peer->shutdown_send();
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("connect", "eof", "close"));
  EXPECT_TRUE(script.reason.clean());
}

TEST_F(ProxyProtocol, RepliesGoToTheProxyAsTheyAre) {
  script.data = [](Protocol& conn, std::string_view text) { conn.write(text); };
  connect();
  send(line + "ping");
  EXPECT_EQ(receive(*peer, 100), "ping");
}

TEST_F(ProxyProtocol, NobodyIsTrustedUnlessTold) {
  connect(ProxyOptions{});
  send(line);
  EXPECT_TRUE(dropped());
  EXPECT_THAT(built_for, ElementsAre());
  EXPECT_THAT(log.lines(), Contains(HasSubstr("not trusted")));
}

TEST_F(ProxyProtocol, AnUntrustedSourceIsDroppedBeforeItSaysAnything) {
  connect({.trusted = {Network::parse("10.0.0.0/8"), Network::parse("unix:")}});
  EXPECT_TRUE(dropped());
  EXPECT_EQ(server.connection_count(), 0U);
  EXPECT_THAT(log.lines(), Contains(HasSubstr("127.0.0.1:50002")));
}

TEST_F(ProxyProtocol, OneOfSeveralTrustedNetworksIsEnough) {
  connect({.trusted = {Network::parse("10.0.0.0/8"), Network::parse("127.0.0.0/8")}});
  send(line);
  EXPECT_THAT(built_for, ElementsAre("1.1.1.1:8080"));
}

TEST_F(ProxyProtocol, WhatIsNoHeaderIsDroppedAndNeverSeen) {
  for (const char* text : {"GET / HTTP/1.1\r\n\r\n", "PROXY WUTPROTO x\r\n",
                           "PROXY TCP4 1.1.1.1 2.2.2.2 99999 1\r\n"}) {
    connect();
    send(text);
    EXPECT_TRUE(dropped()) << text;
  }
  EXPECT_THAT(built_for, ElementsAre());
  EXPECT_THAT(log.lines(), Contains(HasSubstr("not a PROXY header")));
}

TEST_F(ProxyProtocol, AHeaderThatIsTooLongIsDroppedOnItsLength) {
  connect();
  send(signature + "\x21\x11\xff\xff"s);
  EXPECT_TRUE(dropped());
  EXPECT_THAT(log.lines(), Contains(HasSubstr("exceeds its limit")));
}

TEST_F(ProxyProtocol, AHeaderThatDoesNotEndIsDroppedAtTheDeadline) {
  connect({.trusted = {Network::parse("127.0.0.1")}, .max_header_bytes = 65'551});
  send(signature + "\x21\x11\xff\xff"s);
  for (int second = 0; second < 9; ++second) {
    clock.advance(1s);
    send("x");
  }
  EXPECT_FALSE(dropped());
  clock.advance(1s);
  EXPECT_TRUE(dropped());
  EXPECT_THAT(built_for, ElementsAre());
}

TEST_F(ProxyProtocol, ASilentProxyIsDroppedAtTheDeadline) {
  connect();
  clock.advance(9s);
  EXPECT_FALSE(dropped());
  clock.advance(1s);
  EXPECT_TRUE(dropped());
}

TEST_F(ProxyProtocol, TheEndInsideTheHeaderIsSaid) {
  connect();
  send(line.substr(0, 20));
  peer->shutdown_send();
  loop.run_until_idle();
  EXPECT_TRUE(dropped());
  EXPECT_THAT(log.lines(), Contains(HasSubstr("ended inside the PROXY header")));
}

TEST_F(ProxyProtocol, APortCheckThatSaysNothingIsForgotten) {
  connect();
  peer->shutdown_send();
  loop.run_until_idle();
  EXPECT_EQ(server.connection_count(), 0U);
  EXPECT_THAT(built_for, ElementsAre());
}

TEST_F(ProxyProtocol, TheLongestHeaderThatIsAllowedIsTaken) {
  connect();
  std::string header = signature + "\x20\x00\x0f\xf0"s;  // 16 + 4080
  header += std::string(4080, 'x');
  send(header + "data");
  EXPECT_EQ(script.received, "data");
}

TEST_F(ProxyProtocol, ClientsAreCountedAndNotTheirProxy) {
  TcpServer limited(
      loop, ":0", [] { return std::make_unique<Protocol>(); },
      ServerOptions{.max_connections_per_address = 1});
  std::vector<std::unique_ptr<Transport>> far_ends;
  for (const char* client : {"1.1.1.1", "2.2.2.2", "1.1.1.1"}) {
    auto [near, far] = memory_transport_pair(loop);
    const std::string text = "PROXY TCP4 "s + client + " 9.9.9.9 1 2\r\n";
    const ByteView bytes = as_bytes(text);
    far->send({&bytes, 1});
    limited.add_connection(
        accept_proxy_header(std::move(near), {.trusted = {Network::parse("127.0.0.1")}}));
    far_ends.push_back(std::move(far));
    loop.run_until_idle();
  }
  EXPECT_EQ(limited.connection_count(), 2U);
}

}  // namespace
}  // namespace twister::testing
