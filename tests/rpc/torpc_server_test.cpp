// torpc servers and clients over memory transports, as bytes and among themselves.
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/log.hpp>
#include <twister/memory_budget.hpp>
#include <twister/rpc/torpc.hpp>
#include <twister/testing/manual_clock.hpp>
#include <twister/testing/manual_dialer.hpp>
#include <twister/testing/memory_transport.hpp>

#include "decode_all.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing_codecs::hex;

std::string in_hex(const std::string& bytes) {
  return testing_codecs::to_hex(as_bytes(bytes));
}

class TorpcServers : public ::testing::Test {
 protected:
  TorpcServers() {
    services.on("echo", [](json x) { return x; });
    services.on("log", [this](const std::string& text) { logs.push_back(text); });
    services.on("wait", [this](TorpcReply reply) { replies.push_back(std::move(reply)); });
    set_log_sink([](const LogRecord&) {});
  }
  ~TorpcServers() override { set_log_sink({}); }

  // The bytes that come back.
  std::string exchange(MemoryPeer& client, const std::string& digits) {
    client.send(hex(digits));
    return in_hex(client.take());
  }
  std::string registers(MemoryPeer& client, const std::string& name) {
    ByteBuffer out;
    EXPECT_FALSE(torpc_codec().encode({TorpcType::register_name, 0, {"register", name}}, out));
    client.send(out.view());
    return in_hex(client.take());
  }

  ManualClock clock;
  IOLoop loop{clock};
  TorpcServices services;
  std::vector<std::string> logs;
  std::vector<TorpcReply> replies;
  TorpcServer server{loop, "", services};
};

const std::string yes =
    "000000030100000000"
    "92c0c3";
const std::string no =
    "000000030100000000"
    "92c0c2";

TEST_F(TorpcServers, AnswerByteForByte) {
  MemoryPeer client(server);
  EXPECT_EQ(exchange(client, "0000000a 00 00000000 92a46563686f91a26869"),
            "00000005"
            "01"
            "00000000"
            "92c0a26869");
  EXPECT_EQ(exchange(client, "00000008 02 00000001 92a36c6f6791a178"), "");
  EXPECT_EQ(logs, std::vector<std::string>{"x"});
  EXPECT_EQ(exchange(client, "00000012 03 00000002 92a87265676973746572a7636c69656e7431"),
            "00000003"
            "01"
            "00000002"
            "92c0c3");
  MemoryPeer second(server);
  EXPECT_EQ(exchange(second, "00000012 03 00000000 92a87265676973746572a7636c69656e7431"),
            "00000003"
            "01"
            "00000000"
            "92c0c2");
  EXPECT_EQ(server.node_names(), std::vector<std::string>{"client1"});
}

TEST_F(TorpcServers, AnswerAtEverySplit) {
  const std::string input = hex("0000000a 00 00000000 92a46563686f91a26869");
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    MemoryPeer client(server);
    client.send(input.substr(0, cut));
    client.send(input.substr(cut) + input);
    EXPECT_EQ(in_hex(client.take()),
              "00000005"
              "01"
              "00000000"
              "92c0a26869"
              "00000005"
              "01"
              "00000000"
              "92c0a26869");
  }
}

TEST_F(TorpcServers, GoOnBehindFramesThatAreNone) {
  MemoryPeer client(server);
  const std::string replies_hex = exchange(client,
                                           "00000001 00 00000005 c1"
                                           "00000003 09 00000000 92c0c0"
                                           "00000001 02 00000001 c1"
                                           "0000000a 00 00000000 92a46563686f91a26869");
  EXPECT_THAT(replies_hex, ::testing::HasSubstr("0100000005"));
  EXPECT_THAT(replies_hex, ::testing::EndsWith("00000005"
                                               "01"
                                               "00000000"
                                               "92c0a26869"));
  EXPECT_FALSE(client.ended());
}

TEST_F(TorpcServers, CloseBehindALengthOverTheLimit) {
  for (const std::string length : {"fffffffb", "7fffffff", "00100001"}) {
    MemoryPeer client(server);
    client.send(hex("0000000a 00 00000000 92a46563686f91a26869" + length));
    EXPECT_EQ(in_hex(client.take()),
              "00000005"
              "01"
              "00000000"
              "92c0a26869");
    EXPECT_TRUE(client.ended()) << length;
  }
}

TEST_F(TorpcServers, RefuseRequestsWhileThereIsNoMemory) {
  MemoryBudget budget(1000);
  ServerOptions options;
  options.stream.memory_budget = &budget;
  TorpcServer small(loop, "", services, {}, options);
  MemoryPeer client(small);
  budget.change(0, 1000);
  client.send(hex("0000000a 00 00000000 92a46563686f91a26869"));
  EXPECT_THAT(client.take(), ::testing::HasSubstr("the memory budget is used up"));
  budget.change(1000, 0);
  EXPECT_EQ(exchange(client, "0000000a 00 00000000 92a46563686f91a26869"),
            "00000005"
            "01"
            "00000000"
            "92c0a26869");
}

TEST_F(TorpcServers, FreeAllNamesOfAConnection) {
  {
    MemoryPeer client(server);
    EXPECT_EQ(registers(client, "a"), yes);
    EXPECT_EQ(registers(client, "b"), yes);
    EXPECT_EQ(registers(client, "a"), no);
    EXPECT_EQ(registers(client, ""), no);
    EXPECT_EQ(registers(client, std::string(256, 'x')), no);
    for (int i = 2; i < 16; ++i) EXPECT_EQ(registers(client, std::to_string(i)), yes);
    EXPECT_EQ(registers(client, "too many"), no);
  }
  loop.run_until_idle();
  EXPECT_TRUE(server.node_names().empty());
  MemoryPeer other(server);
  EXPECT_EQ(registers(other, "b"), yes);
}

// Two clients of the server, which dial by hand.
class TorpcNodes : public TorpcServers {
 protected:
  TorpcClientOptions named(const std::string& name) {
    TorpcClientOptions options;
    options.name = name;
    options.reconnect.client.dialer = &dialer;
    options.reconnect.random = [] { return 1.0; };
    return options;
  }
  void let_connect() {
    server.add_connection(dialer.succeed(dialer.attempts().size() - 1));
    run();
  }
  void run() { loop.run_until_idle(); }
  static TorpcCallback keep(std::vector<TorpcResult>& kept) {
    return [&kept](TorpcResult result) { kept.push_back(std::move(result)); };
  }

  ManualDialer dialer{loop};
  Address address = Address::parse("192.0.2.1:80");
  TorpcServices of_worker;
  std::vector<TorpcResult> results;
};

TEST_F(TorpcNodes, AreCalledByTheServerAndByEachOther) {
  of_worker.on("double", [](int x) { return 2 * x; });
  TorpcClient worker(loop, address, named("worker"), of_worker);
  worker.connect();
  run();
  let_connect();
  TorpcClient other(loop, address, named(""));
  other.call_node("worker", "double", {21}, keep(results));
  other.call_node("nobody", "double", {21}, keep(results));
  other.call_node("worker", "nosuch", nullptr, keep(results));
  run();
  let_connect();
  server.call_node("worker", "double", {4}, keep(results));
  run();
  ASSERT_EQ(results.size(), 4u);
  std::vector<std::string> told;
  for (const TorpcResult& each : results)
    told.push_back(each.ok() ? each.value.dump() : each.status.text);
  EXPECT_THAT(told, ::testing::UnorderedElementsAre("42", "8", "node nobody not exist",
                                                    "there is no function nosuch"));
}

TEST_F(TorpcNodes, EndForwardedCallsWhenTheyGo) {
  of_worker.on("wait", [this](TorpcReply reply) { replies.push_back(std::move(reply)); });
  auto worker = std::make_unique<TorpcClient>(loop, address, named("worker"), of_worker);
  worker->connect();
  run();
  let_connect();
  TorpcClient other(loop, address, named(""));
  other.call_node("worker", "wait", nullptr, keep(results));
  run();
  let_connect();
  EXPECT_EQ(replies.size(), 1u);
  worker.reset();
  run();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status.text, "the connection is lost") << "why is not its business";
  EXPECT_TRUE(server.node_names().empty());
}

TEST_F(TorpcNodes, RegisterBeforeTheyCall) {
  MemoryPeer rival(server);
  EXPECT_EQ(registers(rival, "worker"), yes);
  TorpcClient worker(loop, address, named("worker"));
  worker.call("echo", {1}, keep(results));
  run();
  let_connect();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::unavailable);
  EXPECT_EQ(worker.connection().last_error(), std::errc::address_in_use);
  rival.end();
  worker.call("echo", {2}, keep(results));
  clock.advance(1s);
  run();
  let_connect();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].value, 2);
}

TEST_F(TorpcNodes, EndTheirCallsWhenThereIsNoServer) {
  TorpcClient client(loop, address, named(""));
  client.call("echo", {1}, keep(results));
  client.notice("log", {"x"});
  run();
  dialer.fail(0);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::unavailable);
}

TEST_F(TorpcNodes, WaitForAServerWhenTold) {
  TorpcClientOptions options = named("");
  options.wait_for_ready = true;
  TorpcClient client(loop, address, options);
  client.call("echo", {1}, keep(results));
  run();
  dialer.fail(0);
  EXPECT_TRUE(results.empty());
  clock.advance(2s);
  run();
  let_connect();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].value, 1);
}

TEST_F(TorpcNodes, EndTheirCallsWhenTheClientIsDestroyed) {
  auto client = std::make_unique<TorpcClient>(loop, address, named(""));
  client->call("wait", nullptr,
               [&](const TorpcResult& result) {
                 results.push_back(result);
                 client.reset();
               },
               {.timeout = 1s});
  client->call("wait", nullptr, keep(results));
  run();
  let_connect();
  clock.advance(1s);
  run();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].status, RpcCode::deadline_exceeded);
  EXPECT_EQ(results[1].status, RpcCode::cancelled);
}

TEST(TorpcOverAUnixSocket, CallsBothWays) {
  IOLoop loop;
  const std::string address =
      "unix:" + ::testing::TempDir() + "twister-torpc-" + std::to_string(::getpid());
  TorpcServices services;
  services.on("add", [](int a, int b) { return a + b; });
  TorpcServer server(loop, address, services);
  server.start();
  TorpcClient client(loop, address, {.name = "ada"}, services);
  std::vector<TorpcResult> results;
  client.call("add", {1, 2}, [&](TorpcResult sum) {
    results.push_back(std::move(sum));
    server.call_node("ada", "add", {3, 4}, [&](TorpcResult other) {
      results.push_back(std::move(other));
      loop.stop();
    });
  });
  loop.run();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].value, 3);
  EXPECT_EQ(results[1].value, 7);
}

}  // namespace
}  // namespace twister::testing
