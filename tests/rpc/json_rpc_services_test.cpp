// A service over protobuf messages, by JSON-RPC. Its messages come with protobuf.
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/source_context.pb.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <twister/log.hpp>
#include <twister/memory_budget.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/json_rpc_services.hpp>
#include <twister/rpc/reflection.hpp>

#include "json_rpc_pair.hpp"

namespace twister::testing {
namespace {

using Field = google::protobuf::FieldDescriptorProto;
using google::protobuf::Int32Value;
using google::protobuf::SourceContext;
using namespace std::chrono_literals;

class ProtobufOverJsonRpc : public LonePeer {
 protected:
  ProtobufOverJsonRpc() {
    services.on<Field, Field>("test.Fields/Next",
                              [](RpcContext&, const Field& field, Field& next) -> RpcStatus {
                                if (field.name().empty()) return {RpcCode::not_found, "no name"};
                                next.set_name(field.name());
                                next.set_number(field.number() + 1);
                                next.set_type_name("T");
                                return {};
                              });
    services.on<Field, SourceContext>(
        "test.Fields/Wait",
        [this](RpcContext& context, Field&, RpcReply<SourceContext> reply) {
          context.on_cancel([this] { ++cancelled; });
          replies.push_back(std::move(reply));
        },
        {.timeout = 5s});
    services.on<Field, Field>(
        "test.Fields/Throw",
        [](RpcContext&, const Field&, Field&) -> RpcStatus { throw std::runtime_error("secret"); });
    services.on<Int32Value, Int32Value>(
        "test.Fields/Ask", [](RpcContext& context, Int32Value& n, RpcReply<Int32Value> reply) {
          context.json_peer()->call("double", {n.value()}, [reply](const JsonRpcResult& doubled) {
            Int32Value result;
            result.set_value(doubled.value.get<int>());
            reply(result);
          });
        });
    services.on<Int32Value, Int32Value>(
        "test.Fields/CallByTheBinaryWire",
        [](RpcContext& context, Int32Value& n, RpcReply<Int32Value> reply) {
          context.caller().call<Int32Value>(
              "double", n, [reply](const RpcStatus&, Int32Value& doubled) { reply(doubled); });
        });
    add_reflection(services);
    add_services(methods, services);
    start();
  }
  json call(const std::string& method, const std::string& params) {
    return answer_to(R"({"jsonrpc":"2.0","id":1,"method":"test.Fields/)" + method +
                     R"(","params":)" + params + "}");
  }

  RpcServices services;
  std::vector<RpcReply<SourceContext>> replies;
  int cancelled = 0;
};

TEST_F(ProtobufOverJsonRpc, TakesAndGivesTheirJson) {
  const json result = call("Next", R"({"name":"a","number":41})")["result"];
  EXPECT_EQ(result["name"], "a");
  EXPECT_EQ(result["number"], 42);
  EXPECT_EQ(result["typeName"], "T");
  EXPECT_EQ(result["oneofIndex"], 0);
  EXPECT_EQ(call("Next", R"({"name":"a","type_name":"x","number":"7"})")["result"]["number"], 8);
}

TEST_F(ProtobufOverJsonRpc, ChecksTheRequest) {
  EXPECT_EQ(error_code(call("Next", "[1]")), -32602);
  EXPECT_EQ(error_code(call("Next", R"({"name":5})")), -32602);
  EXPECT_EQ(error_code(call("Next", R"({"nosuch":5})")), -32602);
  EXPECT_EQ(error_code(call("None", "{}")), -32601);
}

TEST_F(ProtobufOverJsonRpc, TakesRequestsThatAreNoObjectsByPosition) {
  const std::string ask = R"({"jsonrpc":"2.0","id":1,"method":"twister.Reflection/Methods")";
  EXPECT_EQ(answer_to(ask + R"(,"params":["test.Fields/Ask"]})")["result"],
            "test.Fields/Ask unary google.protobuf.Int32Value google.protobuf.Int32Value\n");
  const std::string all = answer_to(ask + "}")["result"];
  EXPECT_THAT(all, ::testing::HasSubstr("test.Fields/Next unary"));
  EXPECT_EQ(answer_to(ask + R"(,"params":[]})")["result"], all);
  EXPECT_EQ(error_code(answer_to(ask + R"(,"params":["a","b"]})")), -32602);
  EXPECT_EQ(error_code(answer_to(ask + R"(,"params":[5]})")), -32602);
  EXPECT_EQ(call("Next", R"([{"name":"a","number":1}])")["result"]["number"], 2);
}

TEST_F(ProtobufOverJsonRpc, CallsItsClientBack) {
  EXPECT_EQ(call("Ask", "[21]"),
            json::parse(R"({"jsonrpc":"2.0","id":1,"method":"double","params":[21]})"));
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","id":1,"result":42})"),
            json::parse(R"({"jsonrpc":"2.0","id":1,"result":42})"));
}

TEST_F(ProtobufOverJsonRpc, CannotBeCalledByTheBinaryWire) {
  const json error = call("CallByTheBinaryWire", "[21]")["error"];
  EXPECT_EQ(error["code"], -32009);
  EXPECT_THAT(error["message"].get<std::string>(),
              ::testing::HasSubstr("the caller cannot be called"));
}

TEST_F(ProtobufOverJsonRpc, CountsWhatCallsKeepAndAsksForMemory) {
  MemoryBudget budget(1000);
  peer->attach(
      [this](const json& message) {
        sent.push_back(message);
        return WriteStatus::queued;
      },
      nullptr, &budget);
  call("Wait", R"({"name":")" + std::string(600, 'x') + R"("})");
  EXPECT_GT(budget.used_bytes(), 600u);
  call("Wait", R"({"name":")" + std::string(600, 'x') + R"("})");
  const json refused = call("Wait", "{}");
  EXPECT_EQ(error_code(refused), -32008);
  EXPECT_EQ(refused["error"]["data"]["retryable"], true);
  replies.at(0)(SourceContext());
  EXPECT_EQ(take().size(), 1u);
  EXPECT_EQ(error_code(call("Wait", "{}")), 0);
  peer->detach({RpcCode::unavailable, "lost"});
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_F(ProtobufOverJsonRpc, CountsWhatUnfinishedBatchesKeep) {
  MemoryBudget budget(5000);
  const auto attach = [&] {
    peer->attach(
        [this](const json& message) {
          sent.push_back(message);
          return WriteStatus::queued;
        },
        nullptr, &budget);
  };
  attach();
  const auto item = [](const std::string& method, const std::string& name) {
    return R"({"jsonrpc":"2.0","id":1,"method":"test.Fields/)" + method +
           R"(","params":{"name":")" + name + R"("}})";
  };
  const std::string unfinished =
      "[" + item("Wait", "") + "," + item("Next", std::string(6000, 'x')) + "]";
  receive(unfinished);
  EXPECT_GT(budget.used_bytes(), 6000u);
  replies.at(0)(SourceContext());
  EXPECT_EQ(take().at(0).size(), 2u);
  EXPECT_EQ(budget.used_bytes(), 0u);
  receive(unfinished);
  EXPECT_EQ(error_code(answer_to(unfinished)), -32008) << "no batch is begun any more";
  peer->detach({RpcCode::unavailable, "lost"});
  EXPECT_EQ(budget.used_bytes(), 0u);
  attach();
  for (auto& reply : replies) reply(SourceContext());
  EXPECT_EQ(take(), json::array()) << "to a connection that is gone";
}

TEST_F(ProtobufOverJsonRpc, GivesStatusesAsErrors) {
  EXPECT_EQ(call("Next", "{}")["error"], json::parse(R"({"code":-32005,"message":"no name"})"));
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","id":1,"method":"test.Fields/Next"})")["error"]["code"],
            -32005);
  set_log_sink([](const LogRecord&) {});
  const json error = call("Throw", "{}")["error"];
  set_log_sink({});
  EXPECT_EQ(error["code"], -32603);
  EXPECT_THAT(error.dump(), ::testing::Not(::testing::HasSubstr("secret")));
}

TEST_F(ProtobufOverJsonRpc, BringsDetailsThatAreNoText) {
  RpcStatus busy(RpcCode::resource_exhausted, "\xff busy");
  busy.details = std::string("\x00\xff", 2);
  busy.retryable = true;
  call("Wait", "{}");
  replies.at(0)(busy);
  const json error = take()[0]["error"];
  EXPECT_EQ(error, json::parse(R"({"code":-32008,"message":"\ufffd busy",
      "data":{"code":"RESOURCE_EXHAUSTED","details":"AP8=","retryable":true}})"));
  const RpcStatus read = to_rpc_status({error["code"], error["message"], error["data"]});
  busy.text = "\xef\xbf\xbd busy";
  EXPECT_EQ(read, busy);
}

TEST_F(ProtobufOverJsonRpc, RefusesTypesInWhichAnAnyMayBe) {
  RpcServices more;
  more.on<SourceContext, google::protobuf::Type>(
      "test.Types/Find",
      [](RpcContext&, const SourceContext&, google::protobuf::Type&) { return RpcStatus(); });
  try {
    add_services(methods, more);
    FAIL() << "was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "add_services: test.Types/Find: google.protobuf.Type may hold a "
                 "google.protobuf.Any, whose JSON has no limit");
  }
}

TEST_F(ProtobufOverJsonRpc, AnswersLater) {
  EXPECT_EQ(call("Wait", "{}"), json());
  EXPECT_EQ(peer->calls_served(), 1u);
  SourceContext context;
  context.set_file_name("f");
  replies.at(0)(context);
  EXPECT_EQ(take()[0]["result"], json::parse(R"({"fileName":"f"})"));
  EXPECT_EQ(peer->calls_served(), 0u);
}

TEST_F(ProtobufOverJsonRpc, KeepsItsTimeouts) {
  call("Wait", "{}");
  clock.advance(5s);
  loop.run_until_idle();
  const json sent_then = take();
  ASSERT_EQ(sent_then.size(), 1u);
  EXPECT_EQ(error_code(sent_then[0]), -32004);
  EXPECT_EQ(cancelled, 1);
}

TEST_F(ProtobufOverJsonRpc, IsCancelledWithTheConnection) {
  call("Wait", "{}");
  call("Wait", "{}");
  peer->detach({RpcCode::unavailable, "lost"});
  EXPECT_EQ(cancelled, 2);
  replies.clear();
  EXPECT_EQ(take(), json::array());
}

}  // namespace
}  // namespace twister::testing
