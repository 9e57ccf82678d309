// Clients of a JsonRpcServer that call one another by name.
#include <twister/rpc/json_rpc.hpp>
#include <twister/testing/manual_dialer.hpp>
#include <twister/testing/memory_transport.hpp>

#include "json_rpc_pair.hpp"

namespace twister::testing {
namespace {

using Lines = std::vector<std::string>;

class Hub : public JsonRpcServer {
 public:
  using JsonRpcServer::JsonRpcServer;
  Lines told;

 private:
  void on_registered(JsonRpcPeer& peer, const std::string& name) override {
    told.push_back("+" + name + (node(name).get() == &peer ? "" : "?"));
  }
  void on_unregistered(const std::string& name) override { told.push_back("-" + name); }
};

class JsonRpcNodes : public LonePeer {
 protected:
  JsonRpcNodes() { add_names(methods); }

  static void send(MemoryPeer& client, const std::string& method, const json& params,
                   bool is_notification = false) {
    json message = {{"jsonrpc", "2.0"}, {"method", method}, {"params", params}};
    if (!is_notification) message["id"] = "x";
    client.send(message.dump() + "\n");
  }
  // The one message that has come, or null.
  json next(MemoryPeer& client) {
    loop.run_until_idle();
    const std::string text = client.take();
    return text.empty() ? json() : json::parse(text);
  }
  json registers(MemoryPeer& client, const std::string& name) {
    send(client, "twister.register", {{"name", name}});
    return next(client)["result"];
  }
};

TEST_F(JsonRpcNodes, AreCalledByEachOther) {
  Hub hub(loop, "", methods);
  MemoryPeer worker(hub);
  MemoryPeer other(hub);
  EXPECT_EQ(registers(worker, "worker"), true);
  send(other, "twister.call_node", {"worker", "double", {{"x", 21}}});
  EXPECT_EQ(next(worker),
            json::parse(R"({"jsonrpc":"2.0","id":1,"method":"double","params":{"x":21}})"));
  worker.send(R"({"jsonrpc":"2.0","id":1,"result":42})"
              "\n");
  EXPECT_EQ(next(other), json::parse(R"({"jsonrpc":"2.0","id":"x","result":42})"));
  send(other, "twister.call_node", {{"name", "worker"}, {"method", "nosuch"}});
  EXPECT_EQ(next(worker), json::parse(R"({"jsonrpc":"2.0","id":2,"method":"nosuch"})"));
  worker.send(R"({"jsonrpc":"2.0","id":2,"error":{"code":7,"message":"no","data":[1]}})"
              "\n");
  EXPECT_EQ(next(other)["error"], json::parse(R"({"code":7,"message":"no","data":[1]})"));
  send(other, "twister.call_node", {"worker", "log", {1}}, true);
  EXPECT_EQ(next(worker), json::parse(R"({"jsonrpc":"2.0","method":"log","params":[1]})"));
  EXPECT_EQ(next(other), json());
}

TEST_F(JsonRpcNodes, AreLeftWhenWhatTheyWereAskedIsAnswered) {
  Hub hub(loop, "", methods);
  MemoryPeer worker(hub);
  MemoryPeer other(hub);
  registers(worker, "worker");
  send(other, "twister.call_node", {"worker", "slow"});
  EXPECT_EQ(next(worker)["method"], "slow");
  hub.drain([] {});
  loop.run_until_idle();
  EXPECT_FALSE(worker.ended());
  worker.send(R"({"jsonrpc":"2.0","id":1,"result":42})"
              "\n");
  EXPECT_EQ(next(other)["result"], 42);
  EXPECT_TRUE(worker.ended());
  EXPECT_TRUE(other.ended());
}

TEST_F(JsonRpcNodes, EndTheirBatchWithTheServer) {
  auto hub = std::make_unique<Hub>(loop, "", methods);
  int later = 0;
  methods.on("end", [&hub] { hub.reset(); });
  methods.on("later", [&later] { ++later; });
  MemoryPeer client(*hub);
  client.send(R"([{"jsonrpc":"2.0","id":1,"method":"end"},)"
              R"({"jsonrpc":"2.0","id":2,"method":"twister.register","params":["ada"]},)"
              R"({"jsonrpc":"2.0","id":3,"method":"later"}])"
              "\n");
  loop.run_until_idle();
  EXPECT_EQ(later, 0);
}

TEST_F(JsonRpcNodes, AreCalledByTheServerWhichIsToldOfThem) {
  Hub hub(loop, "", methods);
  MemoryPeer worker(hub);
  registers(worker, "a");
  registers(worker, "b");
  hub.call_node("a", "ask", nullptr, keep(results));
  hub.call_node("nobody", "ask", nullptr, keep(results));
  EXPECT_EQ(next(worker)["method"], "ask");
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcStatus(RpcCode::not_found, "node nobody not exist"));
  EXPECT_EQ(hub.node_names(), (Lines{"a", "b"}));
  worker.reset();
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].status, RpcCode::unavailable);
  EXPECT_EQ(hub.told, (Lines{"+a", "+b", "-a", "-b"}));
  EXPECT_TRUE(hub.node_names().empty());
}

TEST_F(JsonRpcNodes, HaveNamesThatNobodyElseHas) {
  JsonRpcOptions options;
  options.max_names = 2;
  options.max_name_bytes = 3;
  JsonRpcServer hub(loop, "", methods, options);
  MemoryPeer first(hub);
  MemoryPeer second(hub);
  EXPECT_EQ(registers(first, "a"), true);
  EXPECT_EQ(registers(second, "a"), false);
  EXPECT_EQ(registers(first, "a"), false);
  EXPECT_EQ(registers(first, ""), false);
  EXPECT_EQ(registers(first, "long"), false);
  EXPECT_EQ(registers(first, "abc"), true);
  EXPECT_EQ(registers(first, "c"), false);
  first.end();
  loop.run_until_idle();
  EXPECT_EQ(registers(second, "a"), true);
  send(second, "twister.call_node", {"abc", "m"});
  const json error = next(second)["error"];
  EXPECT_EQ(error["code"], -32005);
  EXPECT_EQ(error["message"], "node abc not exist");
}

TEST_F(JsonRpcNodes, AreNotKeptBusyForThoseWhoHaveGone) {
  Hub hub(loop, "", methods);
  MemoryPeer worker(hub);
  MemoryPeer other(hub);
  registers(worker, "worker");
  send(other, "twister.call_node", {"worker", "slow"});
  EXPECT_EQ(next(worker)["method"], "slow");
  EXPECT_EQ(hub.node("worker")->calls_in_flight(), 1u);
  other.reset();
  loop.run_until_idle();
  EXPECT_EQ(hub.node("worker")->calls_in_flight(), 0u);
}

TEST_F(JsonRpcNodes, RegisterAtEachConnection) {
  JsonRpcServer hub(loop, "", methods);
  ManualDialer dialer(loop);
  JsonRpcClient* worker = nullptr;
  JsonRpcClientOptions options;
  options.reconnect.client.dialer = &dialer;
  options.reconnect.random = [] { return 1.0; };
  options.reconnect.prepare_connection =
      [&worker](Protocol&, const std::function<void(std::error_code)>& done) {
        worker->call("twister.register", {"worker"}, [done](const JsonRpcResult& result) {
          done(result.value == true ? std::error_code()
                                    : std::make_error_code(std::errc::address_in_use));
        });
      };
  JsonRpcClient client(loop, Address::parse("192.0.2.1:80"), options);
  worker = &client;
  client.connect();
  for (std::size_t attempt = 0; attempt < 2; ++attempt) {
    clock.advance(std::chrono::seconds(1));
    loop.run_until_idle();
    hub.add_connection(dialer.succeed(attempt));
    loop.run_until_idle();
    EXPECT_EQ(hub.node_names(), Lines{"worker"});
    hub.abort_connections();
    loop.run_until_idle();
    EXPECT_TRUE(hub.node_names().empty());
  }
}

TEST_F(JsonRpcNodes, AreKnownToServersAlone) {
  start();
  const json answer =
      answer_to(R"({"jsonrpc":"2.0","id":1,"method":"twister.register","params":["a"]})");
  EXPECT_EQ(answer["error"]["message"], "no names are registered here");
  EXPECT_EQ(error_code(answer), -32601);
}

}  // namespace
}  // namespace twister::testing
