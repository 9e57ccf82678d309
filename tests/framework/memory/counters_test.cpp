// What servers count of their connections, and under which cause an end is counted.
#include "twister/counters.hpp"

#include <string>

#include <twister/memory_budget.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

class Counters : public MemoryTest {
 protected:
  TcpServer& serve(ServerOptions options = {}) {
    server = std::make_unique<TcpServer>(
        loop, "", [this] { return std::make_unique<Scripted>(script); }, std::move(options));
    return *server;
  }
  ServerCounters counted() const { return server->counters(); }
  // How often each cause was counted, but for those that were not: "gone 1 limit 2".
  std::string causes() const {
    std::string text;
    for (std::size_t i = 0; i < close_causes; ++i) {
      const auto cause = static_cast<CloseCause>(i);
      if (counted().closed_by(cause) == 0) continue;
      text += (text.empty() ? "" : " ") + std::string(name_of(cause)) + " " +
              std::to_string(counted().closed_by(cause));
    }
    return text;
  }

  Script script;
  std::unique_ptr<TcpServer> server;
};

TEST_F(Counters, AreZeroAtFirst) {
  serve();
  EXPECT_EQ(counted().accepted, 0u);
  EXPECT_EQ(counted().drains, 0u);
  EXPECT_EQ(counted().traffic.received_bytes, 0u);
  EXPECT_EQ(causes(), "");
}

TEST_F(Counters, SayHowManyConnectionsGotAProtocolAndWhyOthersDidNot) {
  int call = 0;
  TcpServer picky(loop, "",
                  [&]() -> std::unique_ptr<Protocol> {
                    if (++call == 1) return nullptr;
                    if (call == 2) throw std::runtime_error("no");
                    return std::make_unique<Scripted>(script);
                  },
                  {.max_connections = 1});
  MemoryPeer null(picky), threw(picky), accepted(picky), beyond(picky);
  const ServerCounters counted = picky.counters();
  EXPECT_EQ(counted.accepted, 1u);
  EXPECT_EQ(counted.refused_factory, 1u);
  EXPECT_EQ(counted.refused_exception, 1u);
  EXPECT_EQ(counted.refused_limit, 1u);
}

TEST_F(Counters, SayHowManyWereRefusedForTheirAddress) {
  serve({.max_connections_per_address = 1});
  MemoryPeer first(*server, {.second_address = Address::parse("10.0.0.7:1")});
  MemoryPeer second(*server, {.second_address = Address::parse("10.0.0.7:2")});
  MemoryPeer other(*server, {.second_address = Address::parse("10.0.0.8:1")});
  EXPECT_EQ(counted().accepted, 2u);
  EXPECT_EQ(counted().refused_address, 1u);
}

TEST_F(Counters, SayHowManyWereRefusedForWantOfMemory) {
  MemoryBudget budget(1000);
  serve({.stream = {.memory_budget = &budget}});
  budget.change(0, 1000);
  MemoryPeer peer(*server);
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(counted().refused_memory, 1u);
}

// A layer whose handshake never succeeds.
class Unwilling final : public Transport {
 public:
  explicit Unwilling(std::unique_ptr<Transport> inner) : inner_(std::move(inner)) {}
  void start(TransportEvents& events) override { inner_->start(events); }
  bool established() const noexcept override { return false; }
  IoResult establish() override { return failed(); }
  IoResult receive(std::span<std::byte>) override { return failed(); }
  IoResult send(std::span<const ByteView>) override { return failed(); }
  void shutdown_send() override { inner_->shutdown_send(); }
  void close() noexcept override { inner_->close(); }
  void reset() noexcept override { inner_->reset(); }
  Address peer_address() const override { return inner_->peer_address(); }

 private:
  static IoResult failed() {
    return {.status = IoResult::Status::failed,
            .bytes = 0,
            .error = std::make_error_code(std::errc::protocol_error)};
  }
  std::unique_ptr<Transport> inner_;
};

TEST_F(Counters, TellAFailedHandshakeFromAConnection) {
  serve({.layer = [](std::unique_ptr<Transport> inner) -> std::unique_ptr<Transport> {
    return std::make_unique<Unwilling>(std::move(inner));
  }});
  MemoryPeer peer(*server);
  EXPECT_EQ(counted().refused_handshake, 1u);
  EXPECT_EQ(counted().accepted, 0u);
  EXPECT_EQ(causes(), "");
  EXPECT_EQ(server->connection_count(), 0u);
}

TEST_F(Counters, CountAConnectionOnceThatArrivesByALayer) {
  serve({.layer = [](std::unique_ptr<Transport> inner) { return inner; }});
  MemoryPeer peer(*server);
  EXPECT_EQ(counted().accepted, 1u);
  peer.end();
  EXPECT_EQ(causes(), "clean 1");
}

TEST_F(Counters, CountBytesInBothDirections) {
  MemoryPeer peer(serve());
  peer.send("hello");
  peer.send("world!");
  script.conn->write("hi");
  loop.run_until_idle();
  script.conn->write(std::string(100'000, 'x'));  // larger than is queued
  loop.run_until_idle();
  EXPECT_EQ(counted().traffic.received_bytes, 11u);
  EXPECT_EQ(counted().traffic.sent_bytes, 100'002u);
}

TEST_F(Counters, CountBytesOnceThatTakeSeveralSends) {
  MemoryPeer peer(serve(), {.capacity_bytes = 10});
  peer.stop_receiving();
  script.conn->write(std::string(25, 'x'));
  loop.run_until_idle();
  EXPECT_EQ(counted().traffic.sent_bytes, 10u);
  peer.go_on_receiving();
  loop.run_until_idle();
  EXPECT_EQ(counted().traffic.sent_bytes, 25u);
}

TEST_F(Counters, CountWhatIsDiscardedAfterAClose) {
  MemoryPeer peer(serve());
  script.conn->close();
  loop.run_until_idle();
  peer.send("too late");
  EXPECT_EQ(script.received, "");
  EXPECT_EQ(counted().traffic.received_bytes, 8u);
}

TEST_F(Counters, CountWritesThatASlowConsumerCost) {
  MemoryPeer peer(serve({.stream = {.max_write_buffer_size = 1000}}), {.capacity_bytes = 10});
  peer.stop_receiving();
  EXPECT_EQ(script.conn->write(std::string(1100, 'x')), WriteStatus::dropped);
  loop.run_until_idle();
  EXPECT_EQ(counted().traffic.writes_dropped, 1u);
  EXPECT_EQ(causes(), "limit 1");
}

TEST_F(Counters, CountWritesThatComeTooLate) {
  MemoryPeer peer(serve());
  script.conn->close();
  EXPECT_EQ(script.conn->write("x"), WriteStatus::closed);
  EXPECT_EQ(script.conn->write(SharedBytes(std::string("y"))), WriteStatus::closed);
  EXPECT_EQ(counted().traffic.writes_late, 2u);
}

TEST_F(Counters, CountDrains) {
  serve();
  server->drain();
  loop.run_until_idle();
  server->drain();
  EXPECT_EQ(counted().drains, 2u);
}

TEST_F(Counters, CountEndsByTheirCause) {
  serve();
  MemoryPeer(*server).end();
  MemoryPeer(*server).reset();
  script.data = [](Protocol& conn, std::string_view text) {
    if (text == "close") conn.close();
    if (text == "abort") conn.abort();
    if (text == "throw") throw std::runtime_error("no");
    if (text == "error") conn.close(std::make_error_code(std::errc::io_error));
    if (text == "malformed") conn.close(make_error_code(CodecErrc::malformed_json));
  };
  for (const char* text : {"close", "abort", "throw", "error", "malformed"}) {
    MemoryPeer peer(*server);
    peer.send(text);
    peer.end();
    clock.advance(std::chrono::seconds(2));
  }
  EXPECT_EQ(causes(), "clean 1 here 2 gone 1 malformed 1 exception 1 other 1");
  EXPECT_EQ(counted().accepted, 7u);
}

TEST_F(Counters, TellADrainFromAClose) {
  MemoryPeer peer(serve());
  server->drain();
  loop.run_until_idle();
  peer.end();
  EXPECT_EQ(causes(), "draining 1");
}

TEST_F(Counters, EveryConditionHasACause) {
  const auto cause = [](auto code) { return std::string(name_of(close_cause(code))); };
  EXPECT_EQ(cause(std::error_code()), "clean");
  EXPECT_EQ(cause(make_error_code(Errc::reset)), "gone");
  EXPECT_EQ(cause(make_error_code(Errc::write_limit)), "limit");
  EXPECT_EQ(cause(make_error_code(CodecErrc::frame_too_long)), "limit");
  EXPECT_EQ(cause(make_error_code(Errc::truncated_message)), "malformed");
  EXPECT_EQ(cause(make_error_code(Errc::close_timeout)), "timed_out");
  EXPECT_EQ(cause(std::make_error_code(std::errc::timed_out)), "timed_out");
  EXPECT_EQ(cause(make_error_code(Errc::server_gone)), "draining");
  EXPECT_EQ(cause(make_error_code(Errc::callback_threw)), "exception");
  EXPECT_EQ(cause(make_error_code(Errc::already_reading)), "other");
  EXPECT_EQ(name_of(static_cast<CloseCause>(99)), "other");
}

}  // namespace
}  // namespace twister::testing
