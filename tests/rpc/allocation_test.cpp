// Once a connection has warmed up, a call costs no allocation on either side, over real sockets. Counted by the
// test program's operator new.
#include <sys/socket.h>

#include <array>

#include <twister/rpc/task.hpp>

#include "pair.hpp"
#include "support/allocation_counter.hpp"

namespace twister {
namespace {

using namespace testing;

RpcTask<Int32Value> same(RpcContext&, const Int32Value& request) {
  co_return request;
}

// Both ends of a socket pair on one loop.
struct SocketPair {
  SocketPair() {
    services.on<Int32Value, Int32Value>(
        "AtOnce", [](RpcContext&, const Int32Value& request, Int32Value& reply) -> RpcStatus {
          reply.set_value(request.value());
          return {};
        });
    services.on<StringValue, StringValue>(
        "Text", [](RpcContext&, const StringValue& request, StringValue& reply) -> RpcStatus {
          reply.set_value(request.value());
          return {};
        });
    services.on<Int32Value, Int32Value>(
        "Later", [this](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
          waiting.push_back(std::move(reply));
        });
    services.on<Int32Value, Int32Value>("Coroutine", same);
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    make_connection(loop, make_socket_transport(loop, ends[0]),
                    std::make_unique<RpcConnection>(loop, &services));
    auto made = std::make_unique<RpcConnection>(loop, nullptr);
    client = made.get();
    make_connection(loop, make_socket_transport(loop, ends[1]), std::move(made));
    waiting.reserve(64);
  }

  // Allocations of 100 rounds of 16 calls, after as many to warm up.
  template <class Message>
  std::size_t count(const RpcMethodName& method, const Message& request) {
    std::size_t before = 0;
    for (int round = 0; round < 200; ++round) {
      if (round == 100) before = allocations();
      for (int i = 0; i < 16; ++i) {
        client->call<Message>(method, request, [this](const RpcStatus& status, Message&) {
          answered += status.ok() ? 1 : 0;
        });
      }
      loop.run_until_idle();
      for (const auto& reply : waiting) reply(number(1));
      waiting.clear();
      loop.run_until_idle();
    }
    return allocations() - before;
  }

  RpcServices services;
  std::vector<RpcReply<Int32Value>> waiting;
  int answered = 0;
  IOLoop loop;
  RpcConnection* client = nullptr;
};

// What is written outside of a turn waits for a callback of the loop, which is an allocation or two for all of a
// round, on either side.
constexpr std::size_t for_a_round = 4;

TEST(RpcAllocations, AreNoneForACallThatIsAnsweredAtOnce) {
  static const RpcMethodName method("AtOnce");
  SocketPair pair;
  EXPECT_LE(pair.count(method, number(7)), 100 * for_a_round);
  EXPECT_EQ(pair.answered, 3200);
}

TEST(RpcAllocations, AreNoneForACallThatIsAnsweredLater) {
  static const RpcMethodName method("Later");
  SocketPair pair;
  EXPECT_LE(pair.count(method, number(7)), 100 * for_a_round);
  EXPECT_EQ(pair.answered, 3200);
}

TEST(RpcAllocations, AreNoneForACoroutine) {
  static const RpcMethodName method("Coroutine");
  SocketPair pair;
  EXPECT_LE(pair.count(method, number(7)), 100 * for_a_round);
  EXPECT_EQ(pair.answered, 3200);
}

// A reply that is received is a new message; its text is the message's own, and the only one.
TEST(RpcAllocations, AreOneForATextThatIsReceived) {
  static const RpcMethodName method("Text");
  SocketPair pair;
  EXPECT_LE(pair.count(method, text(std::string(100, 'x'))), 100 * (2 * 16 + for_a_round));
  EXPECT_EQ(pair.answered, 3200);
}

// Of losing a connection with so many calls whose handlers go on.
std::size_t allocations_when_lost(bool identified) {
  RpcPair pair;
  pair.connect();
  for (int i = 0; i < 8; ++i)
    pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  const PeerIdentity nobody;
  for (const auto& reply : pair.replies) {
    if (identified) {
      EXPECT_EQ(reply.context().identity().uid, nobody.uid);
    }
  }
  const std::size_t before = allocations();
  pair.server->abort();
  pair.loop.run_until_idle();
  return allocations() - before;
}

TEST(RpcAllocations, AreNoneForCallsThatLoseTheirConnection) {
  allocations_when_lost(true);
  EXPECT_EQ(allocations_when_lost(true), allocations_when_lost(false)) << "nor for who they are";
}

}  // namespace
}  // namespace twister
