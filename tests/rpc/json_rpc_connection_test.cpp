// JSON-RPC over memory transports, as its bytes.
#include <twister/make_connection.hpp>
#include <twister/rpc/json_rpc.hpp>
#include <twister/testing/manual_dialer.hpp>
#include <twister/testing/memory_transport.hpp>

#include "json_rpc_pair.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;

class JsonRpcConnections : public LonePeer {
 protected:
  JsonRpcConnections() {
    methods.on("subtract", {"minuend", "subtrahend"}, [](int a, int b) { return a - b; });
    methods.on("echo", {"x"}, [](json x) { return x; });
    methods.on("wait", [this](JsonRpcContext&, const json&, JsonRpcReply reply) {
      replies.push_back(std::move(reply));
    });
  }
  std::unique_ptr<MemoryPeer> connect(const JsonRpcOptions& options = {}) {
    return std::make_unique<MemoryPeer>(loop,
                                        build_json_rpc(methods, options, [this](JsonRpcPeer& with) {
                                          peer = with.shared_from_this();
                                        })(Address()));
  }
  std::vector<JsonRpcReply> replies;
};

const std::string call = R"({"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1})";
const std::string result = R"({"id":1,"jsonrpc":"2.0","result":19})";

TEST_F(JsonRpcConnections, AnswerLinesAtEverySplit) {
  const std::string input = call + "\n" + call + "\r\n";
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    const auto client = connect();
    client->send(input.substr(0, cut));
    client->send(input.substr(cut));
    EXPECT_EQ(client->take(), result + "\n" + result + "\n") << cut;
  }
}

TEST_F(JsonRpcConnections, SpeakTheFramingAskedFor) {
  JsonRpcOptions options;
  options.framing = "content-length";
  auto client = connect(options);
  client->send("Content-Length: " + std::to_string(call.size()) + "\r\n\r\n" + call);
  EXPECT_EQ(client->take(),
            "Content-Length: " + std::to_string(result.size()) + "\r\n\r\n" + result);
  options.framing = "length-prefixed";
  client = connect(options);
  client->send(std::string("\0\0\0", 3) + static_cast<char>(call.size()) + call);
  EXPECT_EQ(client->take(), std::string("\0\0\0", 3) + static_cast<char>(result.size()) + result);
  options.framing = "json-texts";
  client = connect(options);
  client->send(call + call);
  EXPECT_EQ(client->take(), result + result);
  options.framing = "morse";
  EXPECT_THROW(connect(options), std::invalid_argument);
}

// The examples of the specification that are no JSON.
TEST_F(JsonRpcConnections, AnswerWhatIsNoJsonAndGoOn) {
  const auto client = connect();
  const std::string error =
      R"({"error":{"code":-32700,"message":"Parse error"},"id":null,"jsonrpc":"2.0"})"
      "\n";
  client->send(R"({"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz])"
               "\n");
  EXPECT_EQ(client->take(), error);
  client->send(R"([{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},)"
               R"({"jsonrpc": "2.0", "method"])"
               "\n");
  EXPECT_EQ(client->take(), error);
  client->send("\xff\n\n" + call + "\n");
  EXPECT_EQ(client->take(), error + error + result + "\n");
}

TEST_F(JsonRpcConnections, AnswerWhatIsOverALimitAndGoOn) {
  JsonRpcOptions options;
  options.max_message_bytes = 200;
  options.max_depth = 4;
  const auto client = connect(options);
  client->send(std::string(201, 'x') + "\n" + "[[[[[]]]]]\n" + call + "\n");
  const std::string text = client->take();
  EXPECT_THAT(text, ::testing::HasSubstr("exceeds max_line_bytes 200"));
  EXPECT_THAT(text, ::testing::HasSubstr("exceeds max_depth 4"));
  EXPECT_THAT(text, ::testing::EndsWith(result + "\n"));
}

TEST_F(JsonRpcConnections, NameTheMistakeBeforeTheyCloseOnAHeaderThatIsNone) {
  JsonRpcOptions options;
  options.framing = "content-length";
  const auto client = connect(options);
  client->send("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_THAT(client->take(), ::testing::HasSubstr("-32700"));
  EXPECT_TRUE(client->ended());
}

TEST_F(JsonRpcConnections, AnswerWhenTheResultIsTooLong) {
  JsonRpcOptions options;
  options.max_message_bytes = 120;
  methods.on("long", [] { return std::string(200, 'x'); });
  const auto client = connect(options);
  client->send(R"({"jsonrpc":"2.0","method":"echo","params":[")" + std::string(60, '\x1f' + 1) +
               R"("],"id":"i"})"
               "\n");
  EXPECT_THAT(client->take(), ::testing::HasSubstr(std::string(60, ' ')));
  client->send(R"({"jsonrpc":"2.0","method":"long","id":"i"})"
               "\n");
  EXPECT_EQ(
      client->take(),
      R"({"error":{"code":-32603,"data":"the result cannot be sent","message":"Internal error"},)"
      R"("id":"i","jsonrpc":"2.0"})"
      "\n");
}

TEST_F(JsonRpcConnections, AnswerBeforeTheyCloseBehindThePeer) {
  const auto client = connect();
  client->send(R"({"jsonrpc":"2.0","method":"wait","id":1})"
               "\n");
  client->end();
  EXPECT_FALSE(client->ended());
  replies[0](7);
  loop.run_until_idle();
  EXPECT_EQ(client->take(), R"({"id":1,"jsonrpc":"2.0","result":7})"
                            "\n");
  EXPECT_TRUE(client->ended());
}

TEST_F(JsonRpcConnections, EndTheirCallsWhenThePeerHasEnded) {
  const auto client = connect();
  client->send(R"({"jsonrpc":"2.0","method":"wait","id":1})"
               "\n");
  peer->call("m", nullptr, keep(results));
  client->end();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::unavailable);
}

TEST_F(JsonRpcConnections, EndTheirCallsWhenTheyAreLost) {
  const auto client = connect();
  peer->call("m", nullptr, keep(results));
  client->reset();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::unavailable);
  EXPECT_THAT(results[0].status.text, ::testing::HasSubstr("reset"));
}

TEST_F(JsonRpcConnections, EndTheirCallsWithTheirLoop) {
  std::vector<JsonRpcResult> ended;
  {
    IOLoop short_lived(clock);
    MemoryPeer client(short_lived, build_json_rpc(methods, {}, [&](JsonRpcPeer& with) {
                        peer = with.shared_from_this();
                      })(Address()));
    peer->call("m", nullptr, keep(ended));
  }
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].status, RpcCode::unavailable);
  EXPECT_FALSE(peer->is_open());
}

TEST_F(JsonRpcConnections, DrainWhenTheirCallsAreAnswered) {
  JsonRpcServer server(loop, "", methods);
  MemoryPeer client(server);
  client.send(R"({"jsonrpc":"2.0","method":"wait","id":1})"
              "\n");
  bool drained = false;
  server.drain([&] { drained = true; });
  loop.run_until_idle();
  client.send(call + "\n");
  EXPECT_THAT(client.take(), ::testing::HasSubstr("-32014"));
  EXPECT_FALSE(drained);
  replies[0](7);
  loop.run_until_idle();
  EXPECT_EQ(client.take(), R"({"id":1,"jsonrpc":"2.0","result":7})"
                           "\n");
  client.end();
  EXPECT_TRUE(drained);
}

TEST_F(JsonRpcConnections, AreToldTogether) {
  JsonRpcServer server(loop, "", methods);
  MemoryPeer first(server);
  MemoryPeer second(server);
  EXPECT_EQ(server.notify_all("tick", {1}), 2u);
  loop.run_until_idle();
  EXPECT_EQ(first.take(), R"({"jsonrpc":"2.0","method":"tick","params":[1]})"
                          "\n");
  EXPECT_EQ(second.take(), R"({"jsonrpc":"2.0","method":"tick","params":[1]})"
                           "\n");
}

TEST_F(JsonRpcConnections, AreMadeByClientsWhenTheyAreWanted) {
  JsonRpcServer server(loop, "", methods);
  ManualDialer dialer(loop);
  JsonRpcClientOptions given;
  given.reconnect.client.dialer = &dialer;
  given.reconnect.random = [] { return 1.0; };
  JsonRpcClient client(loop, Address::parse("192.0.2.1:80"), given);
  loop.run_until_idle();
  EXPECT_TRUE(dialer.attempts().empty());
  client.call("subtract", {42, 23}, keep(results));
  client.notify("echo", {1});
  client.call("subtract", {23, 42}, keep(results));
  loop.run_until_idle();
  server.add_connection(dialer.succeed(0));
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].value, 19);
  EXPECT_EQ(results[1].value, -19);
  client.call("wait", nullptr, keep(results));
  loop.run_until_idle();
  server.abort_connections();
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[2].status, RpcCode::unavailable);
}

TEST_F(JsonRpcConnections, OfClientsEndWithThem) {
  ManualDialer dialer(loop);
  JsonRpcClientOptions given;
  given.reconnect.client.dialer = &dialer;
  auto client = std::make_unique<JsonRpcClient>(loop, Address::parse("192.0.2.1:80"), given);
  client->call("wait", nullptr, keep(results));
  loop.run_until_idle();
  dialer.fail(0);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::unavailable);
  client->call("wait", nullptr, keep(results));
  client.reset();
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].status, RpcCode::cancelled);
}

TEST_F(JsonRpcConnections, CallEachOther) {
  JsonRpcMethods others;
  others.on("double", {"x"}, [](int x) { return 2 * x; });
  methods.on("ask", [](JsonRpcContext& context, const json& params, JsonRpcReply reply) {
    context.peer()->call("double", params,
                         [reply](const JsonRpcResult& doubled) { reply(doubled.value); });
  });
  auto [ours, theirs] = memory_transport_pair(loop);
  make_connection(loop, std::move(ours), build_json_rpc(methods)(Address()));
  make_connection(loop, std::move(theirs), build_json_rpc(others, {}, [&](JsonRpcPeer& with) {
                    with.call("ask", {21}, keep(results));
                  })(Address()));
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].value, 42);
}

}  // namespace
}  // namespace twister::testing
