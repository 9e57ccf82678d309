// Connections whose transport has something to do before bytes flow: connecting, a handshake.
#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

#include <twister/io_stream.hpp>
#include <twister/tcp_server.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A handshake of one line: the peer says "hello\n"; what is behind it is data.
class Greeted final : public Transport {
 public:
  explicit Greeted(std::unique_ptr<Transport> inner) : inner_(std::move(inner)) {}

  void start(TransportEvents& events) override { inner_->start(events); }
  bool established() const noexcept override { return greeted_; }
  IoResult establish() override {
    std::array<std::byte, 1> room;
    while (greeting_ != "hello\n") {
      const IoResult result = inner_->receive(room);
      if (result.status != IoResult::Status::ok) return result;
      greeting_ += as_text(room);
      if (!std::string_view("hello\n").starts_with(greeting_)) {
        return {.status = IoResult::Status::failed,
                .bytes = 0,
                .error = std::make_error_code(std::errc::protocol_error)};
      }
    }
    greeted_ = true;
    return {};
  }
  IoResult receive(std::span<std::byte> room) override {
    return greeted_ ? inner_->receive(room) : would_block();
  }
  IoResult send(std::span<const ByteView> pieces) override {
    return greeted_ ? inner_->send(pieces) : would_block();
  }
  void shutdown_send() override { inner_->shutdown_send(); }
  void close() noexcept override { inner_->close(); }
  void reset() noexcept override { inner_->reset(); }
  Address peer_address() const override { return inner_->peer_address(); }

 private:
  static IoResult would_block() {
    return {.status = IoResult::Status::would_block, .bytes = 0, .error = {}};
  }
  std::unique_ptr<Transport> inner_;
  std::string greeting_;
  bool greeted_ = false;
};

std::unique_ptr<Transport> greeted(std::unique_ptr<Transport> inner) {
  return std::make_unique<Greeted>(std::move(inner));
}

// A server whose connections have to greet first.
class Establish : public MemoryTest {
 protected:
  TcpServer& serve(ServerOptions options = {.layer = greeted}) {
    return server.emplace(
        loop, ":0", [this] { return build(); }, std::move(options));
  }
  std::unique_ptr<Protocol> build() {
    ++built;
    return std::make_unique<Scripted>(script);
  }

  Script script;
  int built = 0;
  std::optional<TcpServer> server;
};

TEST_F(Establish, OnConnectFollowsTheHandshake) {
  MemoryPeer peer(serve());
  peer.send("hel");
  EXPECT_EQ(built, 0);
  EXPECT_EQ(server->connection_count(), 1U);
  peer.send("lo\n");
  EXPECT_EQ(built, 1);
  EXPECT_THAT(script.events, ElementsAre("connect"));
}

TEST_F(Establish, WhatCameBehindTheHandshakeIsDelivered) {
  MemoryPeer peer(serve());
  script.data = [](Protocol& conn, std::string_view text) { conn.write(text); };
  peer.send("hello\nworld");
  EXPECT_EQ(script.received, "world");
  EXPECT_EQ(peer.take(), "world");
}

TEST_F(Establish, ASilentPeerIsDroppedAfterTheHandshakeTimeout) {
  MemoryPeer peer(serve());
  clock.advance(9s);
  EXPECT_FALSE(peer.ended());
  clock.advance(1s);
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(server->connection_count(), 0U);
  EXPECT_EQ(built, 0);
  EXPECT_THAT(log.lines(), Contains(HasSubstr("handshake")));
}

TEST_F(Establish, ABrokenHandshakeEndsWithoutAProtocol) {
  MemoryPeer peer(serve());
  peer.send("GET /");
  EXPECT_TRUE(peer.ended() || peer.was_reset());
  EXPECT_EQ(server->connection_count(), 0U);
  EXPECT_EQ(built, 0);
  EXPECT_THAT(log.lines(), Contains(HasSubstr("connection_failed")));
}

TEST_F(Establish, APeerThatLeavesInTheHandshakeIsForgotten) {
  MemoryPeer peer(serve());
  peer.send("he");
  peer.end();
  EXPECT_EQ(server->connection_count(), 0U);
  EXPECT_EQ(built, 0);
}

TEST_F(Establish, AFactoryThatRefusesClosesTheConnection) {
  server.emplace(
      loop, ":0", [] { return std::unique_ptr<Protocol>(); }, ServerOptions{.layer = greeted});
  MemoryPeer peer(*server);
  peer.send("hello\n");
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(server->connection_count(), 0U);
}

TEST_F(Establish, ALayerThatThrowsCostsTheConnection) {
  MemoryPeer peer(serve({.layer = [](std::unique_ptr<Transport>) -> std::unique_ptr<Transport> {
    throw std::runtime_error("no certificate");
  }}));
  loop.run_until_idle();
  EXPECT_TRUE(peer.ended() || peer.was_reset());
  EXPECT_EQ(server->connection_count(), 0U);
  EXPECT_THAT(log.lines(), Contains(HasSubstr("no certificate")));
}

TEST_F(Establish, ALayerThatIsNoneRefusesTheConnection) {
  MemoryPeer peer(serve({.layer = [](std::unique_ptr<Transport>) { return nullptr; }}));
  loop.run_until_idle();
  EXPECT_TRUE(peer.ended() || peer.was_reset());
  EXPECT_EQ(server->connection_count(), 0U);
  EXPECT_THAT(script.events, ElementsAre());
}

TEST_F(Establish, ADrainDoesNotWaitForHandshakes) {
  MemoryPeer peer(serve());
  peer.send("he");
  bool drained = false;
  server->drain([&] { drained = true; });
  loop.run_until_idle();
  EXPECT_TRUE(drained);
  EXPECT_TRUE(peer.ended());
}

TEST_F(Establish, AServerThatIsDestroyedMeanwhileBuildsNothing) {
  MemoryPeer peer(serve());
  peer.send("he");
  server.reset();
  peer.send("llo\n");
  EXPECT_EQ(built, 0);
  EXPECT_TRUE(peer.was_reset());
}

TEST_F(Establish, VisitorsDoNotMeetWhatIsNotBuilt) {
  MemoryPeer peer(serve());
  loop.run_until_idle();
  int visited = 0;
  server->for_each_connection([&](Protocol&) { ++visited; });
  EXPECT_EQ(visited, 0);
  peer.send("hello\n");
  server->for_each_connection([&](Protocol&) { ++visited; });
  EXPECT_EQ(visited, 1);
}

TEST_F(Establish, ConnectionsThatAreShakingHandsCount) {
  serve({.max_connections = 1, .layer = greeted});
  MemoryPeer first(*server);
  MemoryPeer second(*server);
  loop.run_until_idle();
  EXPECT_TRUE(second.ended());
  EXPECT_FALSE(first.ended());
}

// ---- without a server ----

TEST_F(Establish, WhatIsWrittenBeforeIsSentAfterwards) {
  auto [near, far] = memory_transport_pair(loop);
  IOStream stream(loop, greeted(std::move(near)));
  stream.write("early");
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 10), "");
  const ByteView greeting = as_bytes("hello\n");
  far->send({&greeting, 1});
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 10), "early");
}

TEST_F(Establish, AStreamThatCannotBeEstablishedOnlyHearsOfItsEnd) {
  auto [near, far] = memory_transport_pair(loop);
  make_connection(loop, greeted(std::move(near)), std::make_unique<Scripted>(script));
  far->shutdown_send();
  loop.run_until_idle();
  EXPECT_THAT(script.events, ElementsAre("close"));
  EXPECT_EQ(script.reason.code, Errc::reset);
}

TEST_F(Establish, ClosingBeforeItIsEstablishedStillSendsWhatWasWritten) {
  auto [near, far] = memory_transport_pair(loop);
  IOStream stream(loop, greeted(std::move(near)));
  stream.write("last words");
  stream.close();
  const ByteView greeting = as_bytes("hello\n");
  far->send({&greeting, 1});
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 20), "last words");
}

TEST_F(Establish, WhatIsWrittenBeforeIsHeldBackAboveTheMark) {
  auto [near, far] = memory_transport_pair(loop);
  IOStream stream(loop, greeted(std::move(near)));
  bool drained = false;
  EXPECT_EQ(stream.write(std::string(64 * 1024, 'x')), WriteStatus::queued);
  EXPECT_EQ(stream.write("one more"), WriteStatus::paused);
  stream.when_drained([&](std::error_code error) { drained = !error; });
  loop.run_until_idle();
  EXPECT_FALSE(drained);
  const ByteView greeting = as_bytes("hello\n");
  far->send({&greeting, 1});
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 70'000).size(), 64 * 1024U + 8);
  EXPECT_TRUE(drained);
}

// ---- limits by address ----

class PerAddress : public MemoryTest {
 protected:
  std::unique_ptr<MemoryPeer> connect_from(const char* address) {
    MemoryTransportOptions options;
    options.second_address = Address::parse(address);
    return std::make_unique<MemoryPeer>(server, options);
  }
  static std::unique_ptr<Protocol> quiet() { return std::make_unique<Protocol>(); }

  TcpServer server{loop, ":0", quiet, ServerOptions{.max_connections_per_address = 2}};
};

TEST_F(PerAddress, TheThirdConnectionOfAnAddressIsRefused) {
  const auto first = connect_from("10.0.0.1:1");
  const auto second = connect_from("10.0.0.1:2");
  const auto third = connect_from("10.0.0.1:3");
  loop.run_until_idle();
  EXPECT_TRUE(third->ended());
  EXPECT_EQ(server.connection_count(), 2U);
  EXPECT_THAT(log.lines(), Contains(HasSubstr("max_connections_per_address")));
}

TEST_F(PerAddress, OthersAreNotAffected) {
  const auto first = connect_from("10.0.0.1:1");
  const auto second = connect_from("10.0.0.1:2");
  const auto other = connect_from("10.0.0.2:1");
  loop.run_until_idle();
  EXPECT_FALSE(other->ended());
}

TEST_F(PerAddress, APlaceComesFreeWithTheConnection) {
  const auto first = connect_from("10.0.0.1:1");
  auto second = connect_from("10.0.0.1:2");
  second->end();
  const auto third = connect_from("10.0.0.1:3");
  loop.run_until_idle();
  EXPECT_FALSE(third->ended());
}

TEST_F(PerAddress, AnIPv6NetworkOf64BitsCountsAsOne) {
  const auto first = connect_from("[2001:db8::1]:1");
  const auto second = connect_from("[2001:db8::ffff:2]:1");
  const auto third = connect_from("[2001:db8:0:0:9::3]:1");
  const auto elsewhere = connect_from("[2001:db8:0:1::1]:1");
  loop.run_until_idle();
  EXPECT_TRUE(third->ended());
  EXPECT_FALSE(elsewhere->ended());
}

TEST_F(PerAddress, UnixSocketsAreNotCounted) {
  const auto first = connect_from("unix:");
  const auto second = connect_from("unix:");
  const auto third = connect_from("unix:");
  loop.run_until_idle();
  EXPECT_FALSE(third->ended());
}

}  // namespace
}  // namespace twister::testing
