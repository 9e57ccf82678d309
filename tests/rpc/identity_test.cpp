// Who a caller is: over unix-domain sockets, on every wire. What certificates prove: identity_tls_test.cpp.
#include <unistd.h>

#include <gtest/gtest.h>

#include <twister/rpc/client.hpp>
#include <twister/rpc/json_rpc.hpp>
#include <twister/rpc/json_rpc_services.hpp>
#include <twister/rpc/server.hpp>
#include <twister/rpc/torpc.hpp>
#include <twister/rpc/torpc_rpc_services.hpp>

#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

std::string describe(const PeerIdentity& peer) {
  if (peer.kind == PeerIdentityKind::none) return "nobody";
  return std::to_string(peer.uid) + " " + std::to_string(peer.gid) + " " + std::to_string(peer.pid);
}

std::string ourselves() {
  return std::to_string(::geteuid()) + " " + std::to_string(::getegid()) + " " +
         std::to_string(::getpid());
}

RpcStatus who(RpcContext& context, const Int32Value&, StringValue& reply) {
  reply.set_value(describe(context.identity()));
  return {};
}

// Lets nobody in but processes of this user.
struct OwnUser : RpcInterceptor {
  RpcStatus before_call(RpcContext& context) override {
    return context.identity().uid == ::geteuid() ? RpcStatus() : RpcCode::permission_denied;
  }
};

// Servers on a path of their own. Real time: what is waited for is the kernel.
class UnixCaller : public ::testing::Test {
 protected:
  UnixCaller() { services.on<Int32Value, StringValue>("Who", who); }

  // Keeps what was answered, and ends run().
  void answered(std::string text) {
    answer = std::move(text);
    loop.stop();
  }

  const std::string path =
      "unix:" + ::testing::TempDir() + "twister-identity-" + std::to_string(::getpid());
  RpcServices services;
  IOLoop loop;
  std::string answer;
};

TEST_F(UnixCaller, IsAProcess) {
  services.intercept(std::make_shared<OwnUser>());
  RpcServer server(loop, path, services);
  server.start();
  RpcClient client(loop, path);
  client.call<StringValue>("Who", number(1), [&](const RpcStatus& status, StringValue& reply) {
    answered(status.ok() ? reply.value() : status.message());
  });
  loop.run();
  EXPECT_EQ(answer, ourselves());
}

TEST_F(UnixCaller, IsAProcessByJsonRpcToo) {
  JsonRpcMethods methods;
  add_services(methods, services);
  JsonRpcServer server(loop, path, methods);
  server.start();
  JsonRpcClient client(loop, path);
  client.call("Who", {1}, [&](JsonRpcResult result) {
    answered(result.ok() ? result.value.get<std::string>() : result.status.message());
  });
  loop.run();
  EXPECT_EQ(answer, ourselves());
}

TEST_F(UnixCaller, IsAProcessByTorpcToo) {
  TorpcServices functions;
  add_services(functions, services);
  TorpcServer server(loop, path, functions);
  server.start();
  TorpcClient client(loop, path);
  client.call("Who", {1}, [&](TorpcResult result) {
    answered(result.ok() ? result.value.get<std::string>() : result.status.message());
  });
  loop.run();
  EXPECT_EQ(answer, ourselves());
}

TEST_F(UnixCaller, IsKnownToInterceptorsOfHandlersThatTakeJson) {
  JsonRpcMethods methods;
  methods.intercept(std::make_shared<OwnUser>());
  methods.on("free", [] { return "let in"; });
  JsonRpcServer server(loop, path, methods);
  server.start();
  JsonRpcClient client(loop, path);
  client.call("free", nullptr, [&](JsonRpcResult result) {
    answered(result.ok() ? result.value.get<std::string>() : result.status.message());
  });
  loop.run();
  EXPECT_EQ(answer, "let in");
}

// Ends run() when a connection has ended.
struct Stopping : RpcServer {
  using RpcServer::RpcServer;
  void on_close(Protocol&, const CloseReason&) override { loop().stop(); }
};

TEST_F(UnixCaller, IsRememberedWhenTheConnectionIsLost) {
  std::vector<RpcReply<Int32Value>> replies;
  services.on<Int32Value, Int32Value>(
      "Hold", [&](RpcContext& context, Int32Value&, RpcReply<Int32Value> reply) {
        describe(context.identity());
        replies.push_back(std::move(reply));
        loop.stop();
      });
  Stopping server(loop, path, services);
  server.start();
  {
    RpcClient client(loop, path);
    client.call<Int32Value>("Hold", number(1), [](const RpcStatus&, Int32Value&) {});
    loop.run();
  }
  loop.run();
  ASSERT_TRUE(replies.at(0).context().cancelled());
  EXPECT_EQ(replies[0].context().connection(), nullptr);
  EXPECT_EQ(describe(replies[0].context().identity()), ourselves());
  replies.clear();
}

TEST(RpcIdentity, OfACallInsideTheProgramIsNobodys) {
  RpcPair pair;
  pair.services.on<Int32Value, StringValue>("Who", who);
  pair.connect();
  pair.client->call<StringValue>("Who", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK nobody"});
}

TEST(RpcIdentity, OfNobodyIsNoUsers) {
  RpcPair pair;
  pair.services.intercept(std::make_shared<OwnUser>());
  pair.connect();
  pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"PERMISSION_DENIED"});
  EXPECT_EQ(pair.started, 0);
}

}  // namespace
}  // namespace twister
