#include <stdexcept>

#include "json_rpc_pair.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;

class JsonRpcCalls : public LonePeer {
 protected:
  JsonRpcCalls() { start(); }
  std::function<void()> call(const JsonRpcCallOptions& options = {}) {
    return peer->call("m", nullptr, keep(results), options);
  }
  void answer(const std::string& id, const std::string& rest = R"("result":1)") {
    receive(R"({"jsonrpc":"2.0","id":)" + id + "," + rest + "}");
  }
};

TEST_F(JsonRpcCalls, AreSentWithNumbersForIds) {
  peer->call("subtract", {42, 23}, keep(results));
  peer->call("get", {{"name", "x"}}, keep(results));
  peer->notify("update");
  EXPECT_EQ(take(), json::parse(R"([
      {"jsonrpc":"2.0","id":1,"method":"subtract","params":[42,23]},
      {"jsonrpc":"2.0","id":2,"method":"get","params":{"name":"x"}},
      {"jsonrpc":"2.0","method":"update"}])"));
}

// A callback that counts its copies.
struct Copied {
  explicit Copied(int& count) : copies(count) {}
  Copied(const Copied& other) : copies(other.copies) { ++copies; }
  Copied(Copied&&) = default;
  void operator()(const JsonRpcResult&) const {}
  int& copies;
};

TEST_F(JsonRpcCalls, DoNotCopyTheirCallbacks) {
  int copies = 0;
  peer->call("m", nullptr, Copied(copies));
  peer->call("m", 5, Copied(copies));  // which cannot be sent
  answer("1");
  loop.run_until_idle();
  EXPECT_EQ(copies, 0);
}

TEST_F(JsonRpcCalls, EndWithTheResultOfTheirOwnId) {
  call();
  call();
  answer("2", R"("result":"b")");
  answer("1", R"("result":"a")");
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].value, "b");
  EXPECT_EQ(results[1].value, "a");
  EXPECT_TRUE(results[0].ok());
}

TEST_F(JsonRpcCalls, EndWithTheErrorOfThePeer) {
  call();
  answer("1", R"("error":{"code":-32601,"message":"Method not found","data":[1]})");
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status.message(), "UNIMPLEMENTED: Method not found");
  EXPECT_EQ(results[0].status.details, "[1]");
  EXPECT_EQ(results[0].error->code(), -32601);
  EXPECT_EQ(results[0].error->data(), json::parse("[1]"));
  EXPECT_THROW(std::move(results[0]).value_or_throw(), JsonRpcError);
}

TEST_F(JsonRpcCalls, IgnoreIdsThatAreNotTheirs) {
  call();
  for (const std::string id : {"2", "0", "\"1\"", "1.0", "null", "true", "-1", "[1]"}) answer(id);
  receive(R"({"jsonrpc":"2.0","result":1})");
  EXPECT_TRUE(results.empty());
  EXPECT_EQ(peer->counters().unmatched_responses, 9u);
  EXPECT_EQ(take().size(), 1u);  // the call: nothing of that is answered
  answer("1");
  answer("1");
  EXPECT_EQ(results.size(), 1u);
  EXPECT_EQ(peer->counters().unmatched_responses, 10u);
}

TEST_F(JsonRpcCalls, EndWithAnErrorWhenTheirResponseIsMalformed) {
  for (const std::string rest :
       {R"("result":1,"error":{"code":1,"message":""})", R"("error":null)",
        R"("error":{"code":"1","message":""})", R"("error":{"code":1})", R"("error":"no")"}) {
    call();
    answer(std::to_string(results.size() + 1), rest);
    EXPECT_EQ(results.back().status, RpcCode::data_loss) << rest;
  }
  EXPECT_EQ(results.size(), 5u);
}

TEST_F(JsonRpcCalls, EndAtTheirDeadline) {
  call({.timeout = 2s});
  call();
  clock.advance(1999ms);
  loop.run_until_idle();
  EXPECT_TRUE(results.empty());
  clock.advance(1ms);
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcStatus(RpcCode::deadline_exceeded, "no answer within 2000 ms"));
  answer("1");
  clock.advance(28s);
  loop.run_until_idle();
  EXPECT_EQ(results.size(), 2u);
  EXPECT_EQ(loop.next_timer(), std::nullopt);
}

TEST_F(JsonRpcCalls, LeaveNoTimerBehind) {
  call();
  answer("1");
  EXPECT_EQ(loop.next_timer(), std::nullopt);
}

TEST_F(JsonRpcCalls, MayBeCancelledFromTheLoopOnce) {
  const auto cancel = call();
  cancel();
  EXPECT_TRUE(results.empty());
  cancel();
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::cancelled);
  answer("1");
  EXPECT_EQ(results.size(), 1u);
}

TEST_F(JsonRpcCalls, EndTogetherWhenTheConnectionIsLost) {
  for (int i = 0; i < 3; ++i) call();
  peer->detach({RpcCode::unavailable, "lost"});
  ASSERT_EQ(results.size(), 3u);
  for (const JsonRpcResult& result : results) EXPECT_EQ(result.status, RpcCode::unavailable);
  call();
  EXPECT_EQ(results.size(), 3u);  // never inside call()
  loop.run_until_idle();
  EXPECT_EQ(results.size(), 4u);
}

TEST_F(JsonRpcCalls, EndEvenIfOneOfThemThrows) {
  call();
  peer->call("m", nullptr, [](const JsonRpcResult&) { throw std::runtime_error("no"); });
  call();
  peer->detach({RpcCode::unavailable, "lost"});
  EXPECT_EQ(results.size(), 2u);
}

TEST_F(JsonRpcCalls, MayBeMadeWhileOthersEnd) {
  peer->call("m", nullptr, [&](const JsonRpcResult&) { call(); });
  peer->detach({RpcCode::unavailable, "lost"});
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::unavailable);
}

TEST_F(JsonRpcCalls, AreLimitedInNumber) {
  JsonRpcOptions options;
  options.max_calls_in_flight = 2;
  start(options);
  for (int i = 0; i < 3; ++i) call();
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::resource_exhausted);
  EXPECT_EQ(take().size(), 2u);
}

TEST_F(JsonRpcCalls, EndWhenTheyCannotBeSent) {
  when_sent = WriteStatus::refused;
  call();
  when_sent = WriteStatus::closed;
  call();
  when_sent = WriteStatus::dropped;
  call();
  when_sent = WriteStatus::paused;
  call();
  peer->call("m", 5, keep(results));
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[0].status, RpcCode::invalid_argument);
  EXPECT_EQ(results[1].status, RpcCode::unavailable);
  EXPECT_EQ(results[2].status, RpcCode::resource_exhausted);
  EXPECT_EQ(results[3].status, RpcCode::invalid_argument);
  EXPECT_EQ(peer->calls_in_flight(), 1u);
}

TEST_F(JsonRpcCalls, MayTravelTogether) {
  JsonRpcBatch batch;
  batch.call("sum", {1, 2, 4}, keep(results));
  batch.notify("hello", {7});
  batch.call("get", nullptr, keep(results), {.timeout = 1s});
  peer->send(std::move(batch));
  EXPECT_EQ(take(), json::parse(R"([[{"jsonrpc":"2.0","id":1,"method":"sum","params":[1,2,4]},
      {"jsonrpc":"2.0","method":"hello","params":[7]},{"jsonrpc":"2.0","id":2,"method":"get"}]])"));
  receive(R"([{"jsonrpc":"2.0","id":1,"result":7}])");
  clock.advance(1s);
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].value, 7);
  EXPECT_EQ(results[1].status, RpcCode::deadline_exceeded);
  peer->send(JsonRpcBatch());
  EXPECT_EQ(take(), json::array());
}

TEST_F(JsonRpcCalls, WaitForAConnectionWhenTold) {
  int wanted = 0;
  peer->detach({RpcCode::unavailable, "lost"});
  peer->queue_calls([&] { ++wanted; });
  call();
  const auto cancel = call();
  peer->notify("n");
  cancel();
  loop.run_until_idle();
  EXPECT_EQ(results.size(), 1u);
  EXPECT_EQ(wanted, 3);
  peer->attach([this](const json& message) {
    sent.push_back(message);
    return WriteStatus::queued;
  });
  EXPECT_EQ(take(), json::parse(R"([{"jsonrpc":"2.0","id":1,"method":"m"},
                                    {"jsonrpc":"2.0","method":"n"}])"));
}

TEST_F(JsonRpcCalls, ToEachOtherCrossWithoutHarm) {
  methods.on("ask", [](JsonRpcContext& context, const json&, JsonRpcReply reply) {
    context.peer()->call("back", nullptr,
                         [reply](const JsonRpcResult& result) { reply(result.value); });
  });
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","id":1,"method":"ask"})")["method"], "back");
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","id":1,"result":"yes"})"),
            json::parse(R"({"jsonrpc":"2.0","id":1,"result":"yes"})"));
}

TEST(JsonRpcCallIds, SkipThoseInFlightWhenTheyComeRound) {
  ManualClock clock;
  IOLoop loop(clock);
  detail::CallTable<JsonRpcResult> calls(loop, 4, 3);
  EXPECT_EQ(calls.add([](const JsonRpcResult&) {}, 1s), 3u);
  EXPECT_EQ(calls.add([](const JsonRpcResult&) {}, never), 0u);
  EXPECT_EQ(calls.take_id(), 1u);
  EXPECT_EQ(calls.take_id(), 2u);
  EXPECT_EQ(calls.add([](const JsonRpcResult&) {}, 1s), 1u);
}

}  // namespace
}  // namespace twister::testing
