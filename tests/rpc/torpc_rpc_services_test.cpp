// A service over protobuf messages, by torpc; and by two wires at once.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/rpc/json_rpc_services.hpp>
#include <twister/rpc/torpc_peer.hpp>
#include <twister/rpc/torpc_rpc_services.hpp>
#include <twister/testing/manual_clock.hpp>

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using Field = google::protobuf::FieldDescriptorProto;
using google::protobuf::Int32Value;
using nlohmann::json;

class ProtobufOverTorpc : public ::testing::Test {
 protected:
  ProtobufOverTorpc() {
    services.on<Field, Field>("test.Fields/Next",
                              [this](RpcContext&, const Field& field, Field& next) -> RpcStatus {
                                if (field.name().empty()) return {RpcCode::not_found, "no name"};
                                next.set_number(field.number() + 1);
                                next.set_type_name("T");
                                seen.push_back(field.name());
                                return {};
                              });
    services.on<Int32Value, Int32Value>(
        "test.Fields/Ask",
        [this](RpcContext& context, Int32Value& n, RpcReply<Int32Value> reply) {
          context.on_cancel([this] { ++cancelled; });
          context.torpc_peer()->call("double", {n.value()}, [reply](const TorpcResult& doubled) {
            if (!doubled.ok()) return reply(doubled.status);
            Int32Value result;
            result.set_value(doubled.value.get<int>());
            reply(result);
          });
        },
        {.timeout = 5s});
    add_services(functions, services, {.defaults = false});
    peer = TorpcPeer::make(loop, functions);
    peer->attach([this](const TorpcMessage& message) {
      sent.push_back(message.body);
      return WriteStatus::queued;
    });
    peer->start_calls();
  }
  json take() { return std::exchange(sent, json::array()); }
  // The body that is sent in turn.
  json call(const std::string& method, json arguments) {
    TorpcMessage message{TorpcType::request, 7, {"test.Fields/" + method, std::move(arguments)}};
    peer->receive(message);
    const json all = take();
    return all.size() == 1 ? all[0] : all;
  }

  ManualClock clock;
  IOLoop loop{clock};
  RpcServices services;
  TorpcServices functions;
  std::shared_ptr<TorpcPeer> peer;
  json sent = json::array();
  std::vector<std::string> seen;
  int cancelled = 0;
};

TEST_F(ProtobufOverTorpc, TakesAMapAndGivesOne) {
  EXPECT_EQ(call("Next", json::parse(R"([{"name":"a","number":41}])")),
            json::parse(R"([null,{"number":42,"typeName":"T"}])"));
  EXPECT_EQ(seen, std::vector<std::string>{"a"});
}

TEST_F(ProtobufOverTorpc, TellsTheTextOfWhatIsWrong) {
  EXPECT_EQ(call("Next", json::array()), json::parse(R"(["no name",null])"));
  EXPECT_EQ(call("Next", json::array({1, 2})),
            json::parse(R"(["there is one parameter: the request",null])"));
  EXPECT_EQ(call("Next", json::array({"\xff"})), json::parse(R"(["a string is not UTF-8",null])"));
  EXPECT_TRUE(call("Next", json::parse(R"([{"nosuch":1}])"))[0].is_string());
  EXPECT_TRUE(seen.empty());
}

TEST_F(ProtobufOverTorpc, CallsItsClientBack) {
  EXPECT_EQ(call("Ask", json::array({21})), json::parse(R"(["double",[21]])"));
  TorpcMessage answer{TorpcType::response, 0, {nullptr, 42}};
  peer->receive(answer);
  EXPECT_EQ(take(), json::parse("[[null,42]]"));
}

TEST_F(ProtobufOverTorpc, EndsWithItsTimeAndWithTheConnection) {
  call("Ask", json::array({21}));
  clock.advance(5s);
  loop.run_until_idle();
  EXPECT_EQ(take(), json::parse(R"([["the deadline passed while it was answered",null]])"));
  call("Ask", json::array({21}));
  peer->detach({RpcCode::unavailable, "lost"});
  EXPECT_EQ(cancelled, 2);
}

TEST_F(ProtobufOverTorpc, IsServedByJsonRpcAsWell) {
  JsonRpcMethods methods;
  add_services(methods, services);
  const auto other = JsonRpcPeer::make(loop, methods);
  json answer;
  other->attach([&](const json& message) {
    answer = message;
    return WriteStatus::queued;
  });
  json request = json::parse(
      R"({"jsonrpc":"2.0","id":1,"method":"test.Fields/Next","params":{"name":"b","number":1}})");
  other->receive(request);
  EXPECT_EQ(answer["result"]["number"], 2);
  call("Next", json::parse(R"([{"name":"a"}])"));
  EXPECT_EQ(seen, (std::vector<std::string>{"b", "a"}));
}

}  // namespace
}  // namespace twister::testing
