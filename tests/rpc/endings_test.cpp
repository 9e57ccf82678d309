// How calls of JSON-RPC and torpc end when what carries them does: many at once, and servers that go.
#include <twister/log.hpp>
#include <twister/rpc/json_rpc.hpp>
#include <twister/rpc/torpc.hpp>
#include <twister/testing/memory_transport.hpp>

#include "json_rpc_pair.hpp"

namespace twister::testing {
namespace {

constexpr std::size_t many = 10'000;

// The two wires, as what a test wants of them.
struct OverJsonRpc {
  using Server = JsonRpcServer;
  using Peer = JsonRpcPeer;
  using Options = JsonRpcOptions;
  using Reply = JsonRpcReply;
  using Functions = JsonRpcMethods;

  template <class F>
  static void on(Functions& functions, const std::string& name, F answer) {
    functions.on(name,
                 [answer](JsonRpcContext&, const json&, const Reply& reply) { answer(reply); });
  }
  static ProtocolFactory build(const Functions& functions, const Options& options,
                               std::function<void(Peer&)> connected) {
    return build_json_rpc(functions, options, std::move(connected));
  }
  static std::string request(const std::string& name) {
    return R"({"jsonrpc":"2.0","id":1,"method":")" + name + "\"}\n";
  }
};

struct OverTorpc {
  using Server = TorpcServer;
  using Peer = TorpcPeer;
  using Options = TorpcOptions;
  using Reply = TorpcReply;
  using Functions = TorpcServices;

  template <class F>
  static void on(Functions& functions, const std::string& name, F answer) {
    functions.on(name, [answer](const Reply& reply) { answer(reply); });
  }
  static ProtocolFactory build(const Functions& functions, const Options& options,
                               std::function<void(Peer&)> connected) {
    return [&functions, options, connected] {
      return std::make_unique<TorpcConnection>(functions, options, connected);
    };
  }
  static std::string request(const std::string& name) {
    ByteBuffer out;
    EXPECT_FALSE(torpc_codec().encode({TorpcType::request, 0, {name, json::array()}}, out));
    return std::string(as_text(out.view()));
  }
};

template <class Wire>
class Endings : public ::testing::Test {
 protected:
  Endings() {
    Wire::on(functions, "wait", [this](const typename Wire::Reply& reply) {
      reply.on_cancel([this] { ++cancelled; });
      replies.push_back(reply);
    });
    set_log_sink([](const LogRecord&) {});
  }
  ~Endings() override { set_log_sink({}); }

  std::unique_ptr<MemoryPeer> connect() {
    typename Wire::Options options;
    options.max_calls_in_flight = many;
    return std::make_unique<MemoryPeer>(
        loop, Wire::build(functions, options, [this](typename Wire::Peer& with) {
          peer = with.shared_from_this();
        })(Address()));
  }

  ManualClock clock;
  IOLoop loop{clock};
  typename Wire::Functions functions;
  std::vector<typename Wire::Reply> replies;
  std::shared_ptr<typename Wire::Peer> peer;
  std::unique_ptr<typename Wire::Server> server;
  std::size_t cancelled = 0;
};

using Wires = ::testing::Types<OverJsonRpc, OverTorpc>;
TYPED_TEST_SUITE(Endings, Wires);

TYPED_TEST(Endings, OfAllCallsInFlightComeOnceWhenTheConnectionIsLost) {
  const auto other = this->connect();
  std::vector<int> ends(many);
  for (std::size_t i = 0; i < many; ++i) {
    this->peer->call("m", nullptr, [&ends, i](const auto& result) {
      ends[i] += result.status == RpcCode::unavailable ? 1 : 1000;
    });
  }
  int refused = 0;
  this->peer->call("m", nullptr, [&](const auto& result) {
    if (result.status == RpcCode::resource_exhausted) ++refused;
  });
  this->loop.run_until_idle();
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(this->peer->calls_in_flight(), many);
  other->reset();
  this->loop.run_until_idle();
  EXPECT_EQ(ends, std::vector<int>(many, 1));
  EXPECT_EQ(this->peer->calls_in_flight(), 0u);
  EXPECT_EQ(this->loop.next_timer(), std::nullopt);
}

TYPED_TEST(Endings, OfAllCallsServedComeOnceWhenTheConnectionIsLost) {
  const auto other = this->connect();
  const std::string request = TypeParam::request("wait");
  for (std::size_t i = 0; i < many; ++i) other->send(request);
  EXPECT_EQ(this->peer->calls_served(), many);
  other->reset();
  this->loop.run_until_idle();
  EXPECT_EQ(this->cancelled, many);
  for (const auto& reply : this->replies) EXPECT_FALSE(reply.wanted());
  this->replies.clear();
  EXPECT_EQ(this->cancelled, many);
  EXPECT_EQ(this->peer->calls_served(), 0u);
}

TYPED_TEST(Endings, OfConnectionsThatAreDrainedComeBehindTheAnswers) {
  this->server = std::make_unique<typename TypeParam::Server>(this->loop, "", this->functions);
  MemoryPeer client(*this->server);
  client.send(TypeParam::request("wait"));
  bool drained = false;
  this->server->drain([&] { drained = true; });
  this->loop.run_until_idle();
  client.send(TypeParam::request("wait"));
  EXPECT_THAT(client.take(), ::testing::HasSubstr("the server is shutting down"));
  EXPECT_FALSE(drained);
  this->replies.at(0)("late answer");
  this->loop.run_until_idle();
  EXPECT_THAT(client.take(), ::testing::HasSubstr("late answer"));
  client.end();
  this->loop.run_until_idle();
  EXPECT_TRUE(drained);
}

TYPED_TEST(Endings, OfServersMayComeInTheirHandlers) {
  TypeParam::on(this->functions, "quit", [this](const typename TypeParam::Reply& reply) {
    this->server->stop();
    this->server.reset();
    reply("gone");
  });
  this->server = std::make_unique<typename TypeParam::Server>(this->loop, "", this->functions);
  MemoryPeer client(*this->server);
  MemoryPeer other(*this->server);
  other.send(TypeParam::request("wait"));
  client.send(TypeParam::request("wait") + TypeParam::request("quit") + TypeParam::request("wait"));
  this->loop.run_until_idle();
  EXPECT_EQ(this->server, nullptr);
  EXPECT_TRUE(client.was_reset());
  EXPECT_TRUE(other.was_reset());
  EXPECT_EQ(this->cancelled, 2u);
}

TYPED_TEST(Endings, OfServersMayComeWhileAnAnswerIsOwed) {
  TypeParam::on(this->functions, "quit", [this](const typename TypeParam::Reply& reply) {
    this->server->stop();
    this->loop.add_callback([this, reply] {
      this->server.reset();
      reply("gone");
    });
  });
  this->server = std::make_unique<typename TypeParam::Server>(this->loop, "", this->functions);
  MemoryPeer client(*this->server);
  client.send(TypeParam::request("wait") + TypeParam::request("quit"));
  this->loop.run_until_idle();
  EXPECT_EQ(this->server, nullptr);
  EXPECT_TRUE(client.was_reset());
  EXPECT_EQ(this->cancelled, 1u);
  this->replies.at(0)("too late");
  this->replies.clear();
}

}  // namespace
}  // namespace twister::testing
