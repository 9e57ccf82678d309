// What RpcHost checks of calls to handlers that take JSON: by JSON-RPC and by torpc.
#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>

#include <google/protobuf/wrappers.pb.h>

#include <twister/log.hpp>
#include <twister/metrics.hpp>
#include <twister/rpc/json_rpc_services.hpp>
#include <twister/rpc/services.hpp>
#include <twister/rpc/torpc_peer.hpp>

#include "json_rpc_pair.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

// Keeps what it sees, and lets nobody call "secret".
struct Watcher : RpcInterceptor {
  RpcStatus before_call(RpcContext& context) override {
    const std::string& name = context.method().name();
    lines.push_back("before " + name + (context.json_peer() != nullptr ? " json" : "") +
                    (context.torpc_peer() != nullptr ? " torpc" : ""));
    if (name == "throw") throw std::runtime_error("text");
    return name == "secret" ? RpcStatus(RpcCode::permission_denied, "no") : RpcStatus();
  }
  void after_call(RpcContext& context, const RpcStatus& status) override {
    lines.push_back("after " + context.method().name() + " " + to_string(status.code));
  }
  Lines lines;
};

class JsonHandlers : public LonePeer {
 protected:
  JsonHandlers() {
    start();
    set_log_sink([](const LogRecord&) {});
  }
  ~JsonHandlers() override { set_log_sink({}); }

  void add_wait(const RpcMethodOptions& options = {}) {
    methods.on(
        "wait",
        [this](JsonRpcContext&, const json&, JsonRpcReply reply) {
          reply.on_cancel([this] { ++cancelled; });
          replies.push_back(std::move(reply));
        },
        options);
  }
  json call(const std::string& method, const std::string& params = "[]") {
    return answer_to(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + params +
                     "}");
  }

  std::vector<JsonRpcReply> replies;
  int cancelled = 0;
};

TEST_F(JsonHandlers, AreToldThatTheirConnectionIsLost) {
  add_wait();
  call("wait");
  call("wait");
  replies.at(0)(1);
  EXPECT_EQ(take().size(), 1u);
  peer->detach({RpcCode::unavailable, "lost"});
  EXPECT_EQ(cancelled, 1);
  replies[1].on_cancel([this] { ++cancelled; });
  EXPECT_EQ(cancelled, 2);
  replies[1](1);
  EXPECT_EQ(take(), json::array());
}

TEST_F(JsonHandlers, AreAnsweredForWhenTheirTimeIsOver) {
  add_wait({.timeout = 5s});
  call("wait");
  clock.advance(5s);
  loop.run_until_idle();
  const json sent_then = take();
  ASSERT_EQ(sent_then.size(), 1u);
  EXPECT_EQ(error_code(sent_then[0]), -32004);
  EXPECT_EQ(cancelled, 1);
  EXPECT_EQ(peer->calls_served(), 0u);
  replies.at(0)(1);
  EXPECT_EQ(take(), json::array());
}

TEST_F(JsonHandlers, KeepTheirPlaceUntilTheyHaveNoReply) {
  JsonRpcOptions options;
  options.max_calls_in_flight = 1;
  start(options);
  add_wait({.timeout = 5s});
  call("wait");
  clock.advance(5s);
  loop.run_until_idle();
  take();
  EXPECT_EQ(error_code(call("wait")), -32008);
  replies.clear();
  EXPECT_EQ(call("wait"), json());
}

TEST_F(JsonHandlers, HaveLimitsOfTheirOwn) {
  add_wait({.max_request_bytes = 10, .max_in_flight = 1});
  EXPECT_EQ(error_code(call("wait", R"(["12345678"])")), -32008);
  EXPECT_EQ(call("wait", R"( [ "123456" ] )"), json());
  EXPECT_EQ(call("wait")["error"]["message"], "too many calls of this method are in flight");
  replies.at(0)(1);
  take();
  replies.clear();
  EXPECT_EQ(call("wait"), json());
}

TEST_F(JsonHandlers, AreInterceptedAndCounted) {
  MetricsRegistry registry;
  const auto watcher = std::make_shared<Watcher>();
  methods.intercept(watcher);
  methods.count_in(registry);
  for (const char* name : {"secret", "throw", "fine"}) {
    methods.on(name, [] { return 1; });
  }
  methods.on("fail", []() -> json { throw JsonRpcError(17, "no"); });
  methods.otherwise([](JsonRpcContext&, const json&, const JsonRpcReply& reply) { reply(2); });
  EXPECT_EQ(error_code(call("secret")), -32007);
  EXPECT_EQ(error_code(call("throw")), -32603);
  EXPECT_EQ(call("fine")["result"], 1);
  EXPECT_EQ(error_code(call("fail")), 17);
  EXPECT_EQ(call("other")["result"], 2);
  EXPECT_EQ(watcher->lines,
            (Lines{"before secret json", "after secret PERMISSION_DENIED", "before throw json",
                   "after throw INTERNAL", "before fine json", "after fine OK", "before fail json",
                   "after fail UNKNOWN", "before * json", "after * OK"}));
  EXPECT_THAT(registry.text(),
              ::testing::HasSubstr("rpc_calls_total{code=\"OK\",method=\"fine\"} 1"));
  peer->detach({RpcCode::unavailable, "lost"});
}

TEST_F(JsonHandlers, MayOutliveWhatTheyWereIn) {
  {
    JsonRpcMethods short_lived;
    short_lived.on("wait", [this](JsonRpcContext&, const json&, JsonRpcReply reply) {
      replies.push_back(std::move(reply));
    });
    const auto other = JsonRpcPeer::make(loop, short_lived);
    other->attach([](const json&) { return WriteStatus::queued; });
    json request = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", "wait"}};
    other->receive(request);
    EXPECT_EQ(other->calls_served(), 1u);
  }
  ASSERT_EQ(replies.size(), 1u);
  replies[0](1);
  EXPECT_FALSE(replies[0].wanted());
}

TEST_F(JsonHandlers, AreNotAddedOnceTheyAreCalled) {
  methods.on("fine", [] { return 1; });
  EXPECT_THROW(methods.on("fine", [] {}), std::invalid_argument);
  EXPECT_THROW(methods.on(std::string(256, 'x'), [] {}), std::invalid_argument);
  EXPECT_EQ(methods.names(), Lines{"fine"});
  call("fine");
  EXPECT_THROW(methods.on("late", [] {}), std::logic_error);
  EXPECT_EQ(error_code(call("late")), -32601);
}

TEST_F(JsonHandlers, AreCountedNowhereOnceTheirConnectionIsLost) {
  MetricsRegistry registry;
  peer->count_in(&registry);
  peer->detach({RpcCode::unavailable, "lost"});
  EXPECT_EQ(peer->metrics(), nullptr);
}

TEST(JsonRpcMethods, AreServedByALoopThatIsWhereAnotherWas) {
  ManualClock clock;
  JsonRpcMethods methods;
  std::vector<JsonRpcReply> replies;  // kept, with what they need
  methods.on("wait",
             [&](JsonRpcContext&, const json&, JsonRpcReply reply) {
               replies.push_back(std::move(reply));
             },
             {.timeout = 5s});
  std::optional<IOLoop> loop;
  for (const Duration passed : {0s, 5s}) {
    loop.emplace(clock);
    json answer;
    const auto peer = JsonRpcPeer::make(*loop, methods);
    peer->attach([&](const json& message) {
      answer = message;
      return WriteStatus::queued;
    });
    json request = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", "wait"}};
    peer->receive(request);
    clock.advance(passed);
    loop->run_until_idle();
    EXPECT_EQ(error_code(answer), passed == 0s ? 0 : -32004);
  }
}

TEST(JsonRpcMethods, AreSharedByLoopsOfSeveralThreads) {
  RpcServices services;
  std::atomic<int> sum{0};
  services.on<google::protobuf::Int32Value, google::protobuf::Int32Value>(
      "Add", [&sum](RpcContext&, const auto& value, auto& reply) {
        reply.set_value(sum += value.value());
        return RpcStatus();
      });
  MetricsRegistry registry;
  JsonRpcMethods methods;
  methods.count_in(registry);
  methods.on("add", {"value"}, [&sum](int value) { return sum += value; }, {.max_in_flight = 10});
  add_services(methods, services);
  const auto serve = [&methods] {
    IOLoop loop;
    const auto peer = JsonRpcPeer::make(loop, methods);
    peer->attach([](const json&) { return WriteStatus::queued; });
    for (const char* method : {"add", "Add"}) {
      for (int i = 0; i < 500; ++i) {
        json request = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", {1}}};
        peer->receive(request);
      }
    }
  };
  std::thread other(serve);
  serve();
  other.join();
  EXPECT_EQ(sum, 2000);
}

// The same for torpc, as far as it is not the same code.
class TorpcHandlers : public ::testing::Test {
 protected:
  void start() {
    peer = TorpcPeer::make(loop, services);
    peer->attach([this](const TorpcMessage& message) {
      sent.push_back(message.body[0]);
      return WriteStatus::queued;
    });
    peer->start_calls();
  }
  // The errors that were sent since the last call, null for results.
  json call(const std::string& function, json arguments = json::array()) {
    TorpcMessage message{TorpcType::request, 1, {function, std::move(arguments)}};
    peer->receive(message);
    return std::exchange(sent, json::array());
  }

  ManualClock clock;
  IOLoop loop{clock};
  TorpcServices services;
  std::shared_ptr<TorpcPeer> peer;
  json sent = json::array();
  std::vector<TorpcReply> replies;
  int cancelled = 0;
};

TEST_F(TorpcHandlers, HaveTimeoutsAndLimits) {
  services.on("wait",
              [this](const TorpcArguments&, TorpcReply reply) {
                reply.on_cancel([this] { ++cancelled; });
                replies.push_back(std::move(reply));
              },
              {.timeout = 5s, .max_request_bytes = 10, .max_in_flight = 1});
  start();
  EXPECT_EQ(call("wait", json::array({std::string(10, '\xff')})),
            json::array({"the request is larger than this method takes"}));
  EXPECT_EQ(call("wait"), json::array());
  EXPECT_EQ(call("wait"), json::array({"too many calls of this method are in flight"}));
  clock.advance(5s);
  loop.run_until_idle();
  EXPECT_EQ(std::exchange(sent, json::array()),
            json::array({"the deadline passed while it was answered"}));
  EXPECT_EQ(cancelled, 1);
  replies.clear();
  EXPECT_EQ(call("wait"), json::array());
  peer->detach({RpcCode::unavailable, "lost"});
  EXPECT_EQ(cancelled, 2);
}

TEST_F(TorpcHandlers, AreInterceptedAlsoWhereOthersComeFirst) {
  const auto watcher = std::make_shared<Watcher>();
  MetricsRegistry registry;
  TorpcServices given;
  given.intercept(watcher);
  given.count_in(registry);
  given.on("fine", [] { return 1; });
  services.on("secret", [] { return 1; });
  services.look_first_in(given);
  start();
  EXPECT_EQ(call("fine"), json::array({nullptr}));
  EXPECT_EQ(call("secret"), json::array({"no"}));
  EXPECT_EQ(watcher->lines, (Lines{"before fine torpc", "after fine OK", "before secret torpc",
                                   "after secret PERMISSION_DENIED"}));
  EXPECT_THAT(registry.text(),
              ::testing::HasSubstr("rpc_calls_total{code=\"OK\",method=\"fine\"} 1"));
  peer->detach({RpcCode::unavailable, "lost"});
}

TEST_F(TorpcHandlers, FailAsIfTheyHadThrown) {
  services.on("fail", [](const TorpcReply& reply) { reply.fail(JsonRpcError(17, "no")); });
  services.on("throw", [](const TorpcReply&) { throw JsonRpcError(17, "no"); });
  start();
  EXPECT_EQ(call("fail"), json::array({"fail: no"}));
  EXPECT_EQ(call("throw"), json::array({"throw: no"}));
}

TEST_F(TorpcHandlers, HaveNamesOfTheirOwn) {
  services.on("fine", [] { return 1; });
  EXPECT_THROW(services.on("fine", [] { return 2; }), std::invalid_argument);
  EXPECT_THROW(services.on("", [] { return 2; }), std::invalid_argument);
  start();
  EXPECT_EQ(call("fine"), json::array({nullptr}));
  EXPECT_THROW(services.on("late", [] { return 2; }), std::logic_error);
}

}  // namespace
}  // namespace twister::testing
