#include <optional>
#include <stdexcept>

#include <twister/log.hpp>

#include "json_rpc_pair.hpp"

namespace twister::testing {
namespace {

class JsonRpcHandlers : public LonePeer {
 protected:
  JsonRpcHandlers() {
    start();
    set_log_sink([this](const LogRecord& record) { logged.push_back(record.line()); });
  }
  ~JsonRpcHandlers() override { set_log_sink({}); }

  json call(const std::string& method, const std::string& params = "[]") {
    return answer_to(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + params +
                     "}");
  }
  std::vector<std::string> logged;
};

TEST_F(JsonRpcHandlers, MayTakeManyTypes) {
  methods.on(
      "all", {"yes", "real", "text", "any", "list"},
      [](bool yes, double real, const std::string& text, const json& any, std::vector<int> list) {
        return json{yes, real, text, any, list.size()};
      });
  EXPECT_EQ(call("all", R"([true, 1, "t", {"a":null}, [1,2]])")["result"],
            json::parse(R"([true, 1.0, "t", {"a":null}, 2])"));
  EXPECT_EQ(call("all", R"([1, 1, "t", 0, []])")["error"]["data"], "yes is not true or false");
  EXPECT_EQ(call("all", R"([true, "1", "t", 0, []])")["error"]["data"], "real is not a number");
  EXPECT_EQ(call("all", R"([true, 1, 1, 0, []])")["error"]["data"], "text is not a string");
  EXPECT_EQ(call("all", R"([true, 1, "t", 0, ["x"]])")["error"]["data"],
            "list is not what is expected");
}

TEST_F(JsonRpcHandlers, MayHaveOptionalParameters) {
  methods.on("greet", {"name", "title"},
             [](const std::string& name, std::optional<std::string> title) {
               return title ? *title + " " + name : name;
             });
  EXPECT_EQ(call("greet", R"(["Ada"])")["result"], "Ada");
  EXPECT_EQ(call("greet", R"(["Ada", null])")["result"], "Ada");
  EXPECT_EQ(call("greet", R"({"title":"Lady","name":"Ada"})")["result"], "Lady Ada");
}

TEST_F(JsonRpcHandlers, MayReturnNothing) {
  methods.on("nothing", [] {});
  EXPECT_EQ(call("nothing"), json::parse(R"({"jsonrpc":"2.0","id":1,"result":null})"));
  EXPECT_EQ(error_code(call("nothing", "[1]")), -32602);
}

TEST_F(JsonRpcHandlers, KnowTheirCallAndTheirCaller) {
  methods.on("who", [](JsonRpcContext& context, const json& params) {
    context.peer()->notify("seen", params);
    return context.method() + (context.is_notification() ? " notified" : " called");
  });
  methods.on("add", {"a", "b"}, [](JsonRpcContext& context, int a, int b) {
    return json{context.method(), a + b};
  });
  receive(R"({"jsonrpc":"2.0","id":1,"method":"who","params":[1]})");
  EXPECT_EQ(take(), json::parse(R"([{"jsonrpc":"2.0","method":"seen","params":[1]},
                                    {"jsonrpc":"2.0","id":1,"result":"who called"}])"));
  EXPECT_EQ(call("add", "[1,2]")["result"], json::parse(R"(["add",3])"));
}

TEST_F(JsonRpcHandlers, MayAnswerLater) {
  std::vector<JsonRpcReply> replies;
  methods.on("wait", {"n"}, [&](int, JsonRpcReply reply) { replies.push_back(std::move(reply)); });
  receive(R"({"jsonrpc":"2.0","id":1,"method":"wait","params":[1]})");
  receive(R"({"jsonrpc":"2.0","id":2,"method":"wait","params":[2]})");
  EXPECT_EQ(take(), json::array());
  EXPECT_EQ(peer->calls_served(), 2u);
  EXPECT_TRUE(replies[1].wanted());
  replies[1]("two");
  replies[0]("one");
  replies[0]("again");
  replies[1].fail(JsonRpcError(JsonRpcCode::internal_error));
  EXPECT_EQ(take(), json::parse(R"([{"jsonrpc":"2.0","id":2,"result":"two"},
                                    {"jsonrpc":"2.0","id":1,"result":"one"}])"));
  EXPECT_FALSE(replies[0].wanted());
  EXPECT_EQ(peer->calls_served(), 0u);
}

TEST_F(JsonRpcHandlers, ThatForgetTheirReplyAreAnInternalError) {
  methods.on("forget", [](JsonRpcContext&, const json&, JsonRpcReply) {});
  EXPECT_EQ(error_code(call("forget")), -32603);
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","method":"forget"})"), json());
}

TEST_F(JsonRpcHandlers, DoNotTellWhatTheyThrew) {
  methods.on("throw", []() -> json { throw std::runtime_error("secret /path"); });
  const json answer = call("throw");
  const std::string reference = answer["error"]["data"]["reference"];
  EXPECT_EQ(error_code(answer), -32603);
  EXPECT_THAT(answer.dump(), ::testing::Not(::testing::HasSubstr("secret")));
  ASSERT_EQ(logged.size(), 1u);
  EXPECT_THAT(logged[0], ::testing::HasSubstr("secret /path"));
  EXPECT_THAT(logged[0], ::testing::HasSubstr(reference));
}

TEST_F(JsonRpcHandlers, MayThrowWhatTheCallerShallKnow) {
  methods.on("json", []() -> json { throw JsonRpcError(17, "no such room", {{"room", 5}}); });
  methods.on("rpc", []() -> json { throw RpcError(RpcCode::not_found, "no such room"); });
  methods.on("late",
             [](JsonRpcContext&, const json&, JsonRpcReply) { throw JsonRpcError(18, "late"); });
  EXPECT_EQ(call("json")["error"],
            json::parse(R"({"code":17,"message":"no such room","data":{"room":5}})"));
  EXPECT_EQ(call("rpc")["error"], json::parse(R"({"code":-32005,"message":"no such room"})"));
  EXPECT_EQ(call("late")["error"], json::parse(R"({"code":18,"message":"late"})"));
}

TEST_F(JsonRpcHandlers, HaveNamesOfTheirOwn) {
  methods.on("a", [] {});
  EXPECT_THROW(methods.on("a", [] {}), std::invalid_argument);
  EXPECT_THROW(methods.on("rpc.a", [] {}), std::invalid_argument);
  EXPECT_THROW(methods.on("", [] {}), std::invalid_argument);
  EXPECT_THROW(methods.on("b", {"x"}, [](int, int) {}), std::invalid_argument);
  EXPECT_EQ(methods.names(), std::vector<std::string>{"a"});
}

TEST_F(JsonRpcHandlers, MayTakeWhateverThereIsNoOtherFor) {
  methods.otherwise([](JsonRpcContext& context, json& params, JsonRpcReply reply) {
    reply({{"method", context.method()}, {"params", params}});
  });
  EXPECT_EQ(call("unknown", "[5]")["result"], json::parse(R"({"method":"unknown","params":[5]})"));
}

TEST_F(JsonRpcHandlers, AnswerABatchWhenAllOfItIsAnswered) {
  std::vector<JsonRpcReply> replies;
  methods.on("wait", [&](JsonRpcContext&, const json&, JsonRpcReply reply) {
    replies.push_back(std::move(reply));
  });
  methods.on("now", [] { return 1; });
  receive(R"([{"jsonrpc":"2.0","id":1,"method":"wait"},{"jsonrpc":"2.0","id":2,"method":"now"},
              {"jsonrpc":"2.0","method":"wait"},{"jsonrpc":"2.0","id":3,"method":"wait"}])");
  replies[2](3);
  replies[0](1);
  EXPECT_EQ(take(), json::array());
  replies[1]("unheard");
  EXPECT_EQ(take(), json::parse(R"([[{"jsonrpc":"2.0","id":2,"result":1},
      {"jsonrpc":"2.0","id":3,"result":3},{"jsonrpc":"2.0","id":1,"result":1}]])"));
}

TEST_F(JsonRpcHandlers, AreLimitedInNumber) {
  JsonRpcOptions options;
  options.max_calls_in_flight = 2;
  options.max_batch_items = 3;
  start(options);
  std::vector<JsonRpcReply> replies;
  methods.on("wait", [&](JsonRpcContext&, const json&, JsonRpcReply reply) {
    replies.push_back(std::move(reply));
  });
  EXPECT_EQ(call("wait"), json());
  EXPECT_EQ(call("wait"), json());
  EXPECT_EQ(error_code(call("wait")), -32008);
  EXPECT_EQ(error_code(answer_to("[1,2,3,4]")), -32600);
  EXPECT_EQ(peer->counters().refused, 2u);
  replies.clear();
  take();
  EXPECT_EQ(call("wait"), json());
}

TEST_F(JsonRpcHandlers, AreToldOfNothingWhenNobodyWaits) {
  std::vector<JsonRpcReply> replies;
  methods.on("wait", [&](JsonRpcContext&, const json&, JsonRpcReply reply) {
    replies.push_back(std::move(reply));
  });
  call("wait");
  peer->detach({RpcCode::unavailable, "gone"});
  EXPECT_FALSE(replies[0].wanted());
  start();
  replies[0](1);
  EXPECT_EQ(take(), json::array());
}

TEST_F(JsonRpcHandlers, AreAnsweredForWhenTheirResultsCannotBeSent) {
  methods.on("now", [] { return 1; });
  when_sent = WriteStatus::refused;
  int attempts = 0;
  peer->attach([&](const json& message) {
    ++attempts;
    if (message.dump().find("result") != std::string::npos &&
        message.dump().find("error") == std::string::npos) {
      return WriteStatus::refused;
    }
    sent.push_back(message);
    return WriteStatus::queued;
  });
  const json answer = call("now");
  EXPECT_EQ(error_code(answer), -32603);
  EXPECT_EQ(answer["id"], 1);
  const json batch = answer_to(R"([{"jsonrpc":"2.0","id":"x","method":"now"}])");
  EXPECT_EQ(error_code(batch[0]), -32603);
  EXPECT_EQ(batch[0]["id"], "x");
}

}  // namespace
}  // namespace twister::testing
