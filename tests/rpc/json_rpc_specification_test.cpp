// The examples of jsonrpc.org/specification, section 7, as they are written there, and its rules.
#include "json_rpc_pair.hpp"

namespace twister::testing {
namespace {

class JsonRpcSpecification : public LonePeer {
 protected:
  JsonRpcSpecification() {
    methods.on("subtract", {"minuend", "subtrahend"}, [](int a, int b) { return a - b; });
    methods.on("sum", [](const json& numbers) {
      int sum = 0;
      for (const json& number : numbers) sum += number.get<int>();
      return sum;
    });
    methods.on("update", [this](const json& params) { updates.push_back(params); });
    methods.on("notify_hello", [this](const json& params) { updates.push_back(params); });
    methods.on("notify_sum", [this](const json& params) { updates.push_back(params); });
    methods.on("get_data", [] { return json{"hello", 5}; });
    start();
  }
  void expect(const std::string& request, const std::string& response) {
    EXPECT_EQ(answer_to(request), response.empty() ? json() : json::parse(response)) << request;
  }
  json updates = json::array();
};

TEST_F(JsonRpcSpecification, CallsWithPositionalParameters) {
  expect(R"({"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1})",
         R"({"jsonrpc": "2.0", "result": 19, "id": 1})");
  expect(R"({"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2})",
         R"({"jsonrpc": "2.0", "result": -19, "id": 2})");
}

TEST_F(JsonRpcSpecification, CallsWithNamedParameters) {
  expect(
      R"({"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3})",
      R"({"jsonrpc": "2.0", "result": 19, "id": 3})");
  expect(
      R"({"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4})",
      R"({"jsonrpc": "2.0", "result": 19, "id": 4})");
}

TEST_F(JsonRpcSpecification, DoesNotAnswerNotifications) {
  expect(R"({"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]})", "");
  expect(R"({"jsonrpc": "2.0", "method": "foobar"})", "");
  EXPECT_EQ(updates, json::parse("[[1,2,3,4,5]]"));
}

TEST_F(JsonRpcSpecification, SaysThatThereIsNoSuchMethod) {
  expect(
      R"({"jsonrpc": "2.0", "method": "foobar", "id": "1"})",
      R"({"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"})");
}

// Of the text only a codec knows: what it says is handed on.
TEST_F(JsonRpcSpecification, SaysThatItIsNoJson) {
  peer->receive_malformed({CodecErrc::malformed_json, 7});
  EXPECT_EQ(
      take(),
      json::parse(
          R"([{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}])"));
}

TEST_F(JsonRpcSpecification, SaysThatItIsNoRequest) {
  expect(
      R"({"jsonrpc": "2.0", "method": 1, "params": "bar"})",
      R"({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null})");
}

TEST_F(JsonRpcSpecification, SaysSoOnceOfAnEmptyBatch) {
  expect(
      "[]",
      R"({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null})");
}

TEST_F(JsonRpcSpecification, SaysSoOfEachItemOfAnInvalidBatch) {
  const std::string one =
      R"({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null})";
  expect("[1]", "[" + one + "]");
  expect("[1,2,3]", "[" + one + "," + one + "," + one + "]");
}

TEST_F(JsonRpcSpecification, AnswersTheCallsOfABatch) {
  expect(R"([
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ])",
         R"([
        {"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ])");
}

TEST_F(JsonRpcSpecification, DoesNotAnswerABatchOfNotifications) {
  expect(R"([
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ])",
         "");
  EXPECT_EQ(updates, json::parse("[[1,2,4],[7]]"));
}

TEST_F(JsonRpcSpecification, GivesAnIdBackAsItCame) {
  for (const std::string id : {"1", "\"1\"", "null", "1.5", "-7", "\"\"", "18446744073709551615"}) {
    const json answer = answer_to(R"({"jsonrpc":"2.0","method":"get_data","id":)" + id + "}");
    EXPECT_EQ(answer["id"].dump(), id);
    EXPECT_TRUE(answer.contains("result"));
  }
}

TEST_F(JsonRpcSpecification, GivesNoIdBackThatIsNone) {
  for (const std::string id : {"true", "[1]", R"({"a":1})"}) {
    const json answer = answer_to(R"({"jsonrpc":"2.0","method":"get_data","id":)" + id + "}");
    EXPECT_EQ(error_code(answer), -32600) << id;
    EXPECT_TRUE(answer["id"].is_null()) << id;
  }
}

TEST_F(JsonRpcSpecification, RefusesWhatIsNoRequestWithItsIdWhereItHasOne) {
  for (const std::string rest :
       {R"("method":"get_data")", R"("jsonrpc":"1.0","method":"get_data")",
        R"("jsonrpc":2.0,"method":"get_data")", R"("jsonrpc":"2.0")",
        R"("jsonrpc":"2.0","method":null)", R"("jsonrpc":"2.0","method":"get_data","params":5)",
        R"("jsonrpc":"2.0","method":"get_data","params":null)"}) {
    const json answer = answer_to("{" + rest + R"(,"id":7})");
    EXPECT_EQ(error_code(answer), -32600) << rest;
    EXPECT_EQ(answer["id"], 7) << rest;
  }
  for (const std::string text : {"1", "\"text\"", "null", "true", "{}"}) {
    EXPECT_EQ(error_code(answer_to(text)), -32600) << text;
  }
}

TEST_F(JsonRpcSpecification, ChecksParameters) {
  const auto why = [&](const std::string& params) {
    const json answer =
        answer_to(R"({"jsonrpc":"2.0","method":"subtract","params":)" + params + R"(,"id":1})");
    EXPECT_EQ(error_code(answer), -32602) << params;
    return answer["error"]["data"].get<std::string>();
  };
  EXPECT_EQ(why("[1]"), "subtrahend is missing");
  EXPECT_EQ(why("[1,2,3]"), "at most 2 parameters are expected, not 3");
  EXPECT_EQ(why(R"({"minuend":1,"Subtrahend":2})"), "there is no parameter Subtrahend");
  EXPECT_EQ(why(R"({"minuend":1})"), "subtrahend is missing");
  EXPECT_EQ(why(R"([1,"2"])"), "subtrahend is not an integer");
  EXPECT_EQ(why("[1,2.5]"), "subtrahend is not an integer");
  EXPECT_EQ(why("[3000000000,2]"), "minuend is not an integer in range");
  EXPECT_EQ(why("[true,2]"), "minuend is not an integer");
}

}  // namespace
}  // namespace twister::testing
