#include <memory>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/log.hpp>
#include <twister/rpc/torpc_peer.hpp>
#include <twister/testing/manual_clock.hpp>

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class TorpcPeers : public ::testing::Test {
 protected:
  TorpcPeers() { start(); }
  ~TorpcPeers() override { set_log_sink({}); }

  void start(const TorpcOptions& options = {}) {
    peer = TorpcPeer::make(loop, services, options);
    attach();
    peer->start_calls();
  }
  void attach() {
    peer->attach([this](const TorpcMessage& message) {
      if (when_sent == WriteStatus::queued) {
        sent.push_back({static_cast<int>(message.type), message.id, message.body});
      }
      return when_sent;
    });
  }
  void receive(TorpcType type, std::int32_t id, json body) {
    TorpcMessage message{type, id, std::move(body)};
    peer->receive(message);
  }
  json take() { return std::exchange(sent, json::array()); }
  // The body of the one response to a request.
  json answer_to(const std::string& method, json arguments = json::array()) {
    receive(TorpcType::request, 7, {method, std::move(arguments)});
    const json all = take();
    if (all.size() != 1) return all;
    EXPECT_EQ(all[0][0], 1);
    EXPECT_EQ(all[0][1], 7);
    return all[0][2];
  }
  static TorpcCallback keep(std::vector<TorpcResult>& kept) {
    return [&kept](TorpcResult result) { kept.push_back(std::move(result)); };
  }
  std::function<void()> call(const TorpcCallOptions& options = {}) {
    return peer->call("m", nullptr, keep(results), options);
  }

  ManualClock clock;
  IOLoop loop{clock};
  TorpcServices services;
  std::shared_ptr<TorpcPeer> peer;
  json sent = json::array();
  WriteStatus when_sent = WriteStatus::queued;
  std::vector<TorpcResult> results;
};

TEST_F(TorpcPeers, AnswerRequests) {
  services.on("add", [](double a, double b) { return a + b; });
  services.on("count", [](const TorpcArguments& all) { return all.values.size(); });
  services.on("who", [](TorpcContext& context, std::optional<int> n) {
    return context.method() + std::to_string(n.value_or(0));
  });
  EXPECT_EQ(answer_to("add", {1, 2}), (json{nullptr, 3.0}));
  EXPECT_EQ(answer_to("count", {1, 2, 3}), (json{nullptr, 3}));
  EXPECT_EQ(answer_to("who"), (json{nullptr, "who0"}));
  EXPECT_EQ(answer_to("who", json::array({5})), (json{nullptr, "who5"}));
}

TEST_F(TorpcPeers, NameWhatTheyDoNotHave) {
  EXPECT_EQ(answer_to("nosuch"), (json{"there is no function nosuch", nullptr}));
}

TEST_F(TorpcPeers, SayWhichArgumentsDoNotFit) {
  services.on("add", [](int a, int b) { return a + b; });
  EXPECT_EQ(answer_to("add", json::array({1})), (json{"add: argument 2 is missing", nullptr}));
  EXPECT_EQ(answer_to("add", {1, "2"}), (json{"add: argument 2 is not an integer", nullptr}));
  EXPECT_EQ(answer_to("add", {1, 2, 3}),
            (json{"add: at most 2 parameters are expected, not 3", nullptr}));
}

TEST_F(TorpcPeers, DoNotTellWhatTheirHandlersThrew) {
  std::vector<std::string> logged;
  set_log_sink([&](const LogRecord& record) { logged.push_back(record.line()); });
  services.on("fail", []() -> json { throw std::runtime_error("secret /path"); });
  services.on("say", []() -> json { throw RpcError(RpcCode::not_found, "no such room"); });
  const json answer = answer_to("fail");
  EXPECT_THAT(answer[0].get<std::string>(),
              ::testing::StartsWith("fail: internal error, reference "));
  EXPECT_TRUE(answer[1].is_null());
  ASSERT_EQ(logged.size(), 1u);
  EXPECT_THAT(logged[0], ::testing::HasSubstr("secret /path"));
  EXPECT_EQ(answer_to("say"), (json{"no such room", nullptr}));
}

TEST_F(TorpcPeers, AnswerLaterAndOnce) {
  std::vector<TorpcReply> replies;
  services.on("wait", [&](TorpcReply reply) { replies.push_back(std::move(reply)); });
  EXPECT_EQ(answer_to("wait"), json::array());
  EXPECT_EQ(answer_to("wait"), json::array());
  EXPECT_TRUE(replies[0].wanted());
  replies[0].fail(RpcStatus(RpcCode::aborted, "late failure"));
  replies[0]("again");
  EXPECT_EQ(take(), json::parse(R"([[1,7,["late failure",null]]])"));
  replies.clear();
  EXPECT_THAT(take().dump(), ::testing::HasSubstr("internal error"));
  EXPECT_EQ(peer->calls_served(), 0u);
}

TEST_F(TorpcPeers, NeverAnswerNotices) {
  int logs = 0;
  services.on("log", [&](const std::string&) { ++logs; });
  services.on("fail", []() -> json { throw RpcError(RpcCode::aborted, "no"); });
  services.on("wait", [](TorpcReply reply) { reply(1); });
  receive(TorpcType::notice, 1, {"log", {"x"}});
  for (const char* method : {"log", "fail", "wait", "nosuch"}) {
    receive(TorpcType::notice, 2, {method, json::array()});
  }
  EXPECT_EQ(logs, 1);
  EXPECT_EQ(take(), json::array());
}

TEST_F(TorpcPeers, AnswerWhatIsNoRequestIfItCameAsOne) {
  peer->receive_malformed({0, 5}, {CodecErrc::malformed_msgpack, 3});
  peer->receive_malformed({2, 6}, {CodecErrc::malformed_msgpack, 3});
  peer->receive_malformed({9, 7}, {CodecErrc::unknown_type, 9});
  EXPECT_EQ(take(),
            json::parse(R"([[1,5,["malformed request: malformed MessagePack at byte 3",null]]])"));
  EXPECT_EQ(peer->counters().malformed, 2u);
  EXPECT_EQ(peer->counters().unknown_types, 1u);
}

TEST_F(TorpcPeers, RegisterNoNamesUnlessTold) {
  receive(TorpcType::register_name, 1, {"register", "a"});
  peer->take_names([](const std::string& name) { return name == "a"; });
  receive(TorpcType::register_name, 2, {"register", "a"});
  receive(TorpcType::register_name, 3, {"register", "b"});
  receive(TorpcType::register_name, 4, {"delete_all", "a"});
  EXPECT_EQ(take(), json::parse(R"([[1,1,["no names are registered here",null]],[1,2,[null,true]],
      [1,3,[null,false]],[1,4,["names are registered by \"register\"",null]]])"));
}

TEST_F(TorpcPeers, NumberCallsAndNoticesTogether) {
  call();
  peer->notice("n", {1});
  peer->register_name("x", keep(results));
  call();
  EXPECT_EQ(take(), json::parse(R"([[0,0,["m",[]]],[2,1,["n",[1]]],[3,2,["register","x"]],
                                    [0,3,["m",[]]]])"));
}

TEST(TorpcCallIds, GoFromTheLargestBackToZero) {
  ManualClock clock;
  IOLoop loop(clock);
  detail::CallTable<TorpcResult> calls(loop, (std::uint64_t{1} << 30) + 1, std::uint64_t{1} << 30);
  EXPECT_EQ(calls.add([](const TorpcResult&) {}, never), std::uint64_t{1} << 30);
  EXPECT_EQ(calls.take_id(), 0u);
}

TEST_F(TorpcPeers, EndTheirCallsByTheAnswer) {
  call();
  call();
  receive(TorpcType::response, 1, {nullptr, "b"});
  receive(TorpcType::response, 0, {"it failed", nullptr});
  receive(TorpcType::response, 0, {nullptr, "again"});
  receive(TorpcType::response, 999, {nullptr, 1});
  receive(TorpcType::response, -1, {nullptr, 1});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].value, "b");
  EXPECT_EQ(results[1].status, RpcStatus(RpcCode::unknown, "it failed"));
  EXPECT_EQ(peer->calls_in_flight(), 0u);
  EXPECT_EQ(peer->counters().unmatched_responses, 3u);
}

TEST_F(TorpcPeers, TakeAnyErrorForOne) {
  call();
  call();
  receive(TorpcType::response, 0, {{1, "\xff"}, nullptr});
  peer->receive_malformed({1, 1}, {CodecErrc::malformed_msgpack});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].status.text, "[1,\"\xef\xbf\xbd\"]");
  EXPECT_EQ(results[1].status, RpcCode::data_loss);
}

TEST_F(TorpcPeers, EndTheirCallsAtTheDeadline) {
  call({.timeout = 1s});
  clock.advance(1s);
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::deadline_exceeded);
  receive(TorpcType::response, 0, {nullptr, 1});
  EXPECT_EQ(results.size(), 1u);
}

TEST_F(TorpcPeers, EndAllCallsWithTheConnection) {
  for (int i = 0; i < 3; ++i) call();
  const auto cancel = call();
  cancel();
  peer->detach({RpcCode::unavailable, "lost"});
  call();
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[2].status, RpcStatus(RpcCode::unavailable, "lost"));
  EXPECT_EQ(results[3].status, RpcCode::cancelled);
  EXPECT_EQ(results[4].status, RpcCode::unavailable);
  EXPECT_EQ(loop.next_timer(), std::nullopt);
}

TEST_F(TorpcPeers, DropAnswersThatComeAfterTheConnection) {
  std::vector<TorpcReply> replies;
  services.on("wait", [&](TorpcReply reply) { replies.push_back(std::move(reply)); });
  answer_to("wait");
  peer->detach({RpcCode::unavailable, "lost"});
  attach();
  EXPECT_FALSE(replies[0].wanted());
  replies[0](1);
  EXPECT_EQ(take(), json::array());
}

TEST_F(TorpcPeers, LimitCallsBothWays) {
  TorpcOptions options;
  options.max_calls_in_flight = 1;
  start(options);
  std::vector<TorpcReply> replies;
  services.on("wait", [&](TorpcReply reply) { replies.push_back(std::move(reply)); });
  answer_to("wait");
  EXPECT_EQ(answer_to("wait"), (json{"1 calls are in flight", nullptr}));
  call();
  call();
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].status, RpcCode::resource_exhausted);
}

TEST_F(TorpcPeers, SayWhatCannotBeSent) {
  when_sent = WriteStatus::refused;
  call();
  peer->call("m", {{"a", 1}}, keep(results));
  loop.run_until_idle();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].status, RpcCode::invalid_argument);
  EXPECT_EQ(results[1].status, RpcCode::invalid_argument);
  EXPECT_EQ(peer->notice("m", 5), WriteStatus::refused);
}

TEST_F(TorpcPeers, SendWhatWaitedBehindTheName) {
  peer->detach({RpcCode::unavailable, "not yet"});
  int wanted = 0;
  peer->queue_calls([&] { ++wanted; });
  call();
  peer->notice("n");
  const auto cancel = call();
  cancel();
  attach();
  peer->register_name("x", keep(results));
  call();
  peer->start_calls();
  EXPECT_EQ(take(), json::parse(R"([[3,3,["register","x"]],[0,0,["m",[]]],[2,1,["n",[]]],
                                    [0,4,["m",[]]]])"));
  EXPECT_EQ(wanted, 4);
}

}  // namespace
}  // namespace twister::testing
