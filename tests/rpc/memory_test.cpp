// How much memory a peer may cost.
#include <cstring>

#include <twister/memory_budget.hpp>
#include <twister/rpc/stream.hpp>

#include "wire.hpp"

namespace twister {
namespace {

using namespace testing;

TEST(RpcLimits, RefuseRequestsWhenTheMemoryBudgetIsUsedUp) {
  MemoryBudget budget(1000);
  RpcPair pair;
  auto [near, far] = memory_transport_pair(pair.loop);
  make_connection(pair.loop, std::move(far),
                  std::make_unique<RpcConnection>(pair.loop, &pair.services),
                  {.memory_budget = &budget});
  auto made = std::make_unique<RpcConnection>(pair.loop, nullptr);
  RpcConnection& client = *made;
  make_connection(pair.loop, std::move(near), std::move(made));
  pair.loop.run_until_idle();
  budget.change(0, 1000);
  client.call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  budget.change(1000, 0);
  ASSERT_EQ(pair.outcomes.lines.size(), 1u);
  EXPECT_EQ(pair.outcomes.lines[0].find("RESOURCE_EXHAUSTED"), 0u);
}

// A peer that opens streams and fills them, whatever it was told.
struct Flood : RpcPair {
  Flood() {
    services.on_stream<BytesValue, BytesValue>(
        "Both", [this](RpcContext&, RpcReader<BytesValue> in, RpcWriter<BytesValue>) {
          readers.push_back(in);
        });
    services.on_server_stream<Int32Value, BytesValue>(
        "Watch", [this](RpcContext&, const Int32Value&, RpcWriter<BytesValue> out) {
          writers.push_back(out);
        });
    auto made = std::make_unique<RpcConnection>(loop, &services);
    server = made.get();
    peer = std::make_unique<MemoryPeer>(loop, std::move(made),
                                        StreamOptions{.memory_budget = &budget});
    peer->send(preface);
  }
  ~Flood() {
    peer.reset();
    readers.clear();
    writers.clear();
  }
  static std::string frame(std::uint8_t kind, std::uint8_t flags, std::uint32_t id,
                           std::string_view body) {
    std::string bytes(RpcFrames::header_bytes, '\0');
    RpcFrames::put_header(reinterpret_cast<std::byte*>(bytes.data()),
                          {.kind = static_cast<RpcFrameKind>(kind), .flags = flags, .id = id},
                          body.size());
    return bytes + std::string(body);
  }
  void open(std::uint32_t id, std::string_view method, std::uint8_t flags) {
    peer->send(frame(0x01, flags, id,
                     std::string(1, static_cast<char>(method.size())) + std::string(method)));
  }
  MemoryBudget budget{64 * 1024 * 1024};
  std::vector<RpcReader<BytesValue>> readers;
  std::vector<RpcWriter<BytesValue>> writers;
  std::unique_ptr<MemoryPeer> peer;
};

TEST(RpcLimits, HoldForAllStreamsOfAConnectionTogether) {
  Flood flood;
  const std::string message = Flood::frame(0x03, 0, 0, std::string(1024 * 1024, 'x'));
  for (std::uint32_t id = 1; id <= 1024; ++id) {
    flood.open(id, "Both", 0x11);
    std::string data = message;
    std::memcpy(data.data() + 8, &id, sizeof id);
    flood.peer->send(data);
  }
  EXPECT_EQ(flood.readers.size(), 1024u);
  EXPECT_GE(flood.budget.used_bytes(), 14u * 1024 * 1024) << "they are counted";
  EXPECT_LE(flood.budget.used_bytes(), 17u * 1024 * 1024);
  flood.peer.reset();
  flood.loop.run_until_idle();
  EXPECT_EQ(flood.budget.used_bytes(), 0u);
}

TEST(RpcLimits, GiveNoCreditToMethodsThatTakeNoStream) {
  Flood flood;
  flood.open(1, "Watch", 0x01);
  flood.peer->take();
  flood.peer->send(Flood::frame(0x03, 0, 1, "x"));
  EXPECT_EQ(flood.peer->take().substr(4, 8), hex("81 00 0800 01000000"));
  EXPECT_EQ(flood.budget.used_bytes(), 0u);
}

TEST(RpcLimits, CountWhatStreamsCouldNotSend) {
  Flood flood;
  flood.open(1, "Watch", 0x01);
  BytesValue large;
  large.set_value(std::string(100'000, 'x'));
  ASSERT_EQ(flood.writers.size(), 1u);
  while (flood.writers[0].send(large) == WriteStatus::queued) continue;
  flood.writers[0].send(large);
  EXPECT_GE(flood.budget.used_bytes(), 100'000u);
  flood.peer->send(Flood::frame(0x06, 0, 1, ""));
  flood.peer->take();
  EXPECT_EQ(flood.budget.used_bytes(), 0u);
}

// Two connections of which one, the server's, has little memory.
struct Scarce : RpcPair {
  Scarce() {
    services.on<StringValue, Int32Value>(
        "Size", [](RpcContext&, const StringValue& request, Int32Value& reply) -> RpcStatus {
          reply.set_value(static_cast<int>(request.value().size()));
          return {};
        });
    auto [near, far] = memory_transport_pair(loop);
    auto ours = std::make_unique<RpcConnection>(loop, &services);
    server = ours.get();
    make_connection(loop, std::move(far), std::move(ours), {.memory_budget = &budget});
    auto theirs = std::make_unique<RpcConnection>(loop, nullptr);
    client = theirs.get();
    make_connection(loop, std::move(near), std::move(theirs));
    loop.run_until_idle();
  }
  void size_of(std::size_t bytes) {
    client->call<Int32Value>("Size", text(std::string(bytes, 'x')), outcomes.add());
    loop.run_until_idle();
  }
  MemoryBudget budget{400'000};
};

TEST(RpcLimits, OfMemoryAreAskedBeforeABodyIsRead) {
  Scarce pair;
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.budget.change(0, 200'000);
  pair.size_of(300'000);  // names the method, and is skipped all the same
  pair.size_of(300'000);
  pair.size_of(10);
  pair.budget.change(200'000, 0);
  pair.size_of(300'000);
  pair.replies.at(0)(number(7));
  pair.loop.run_until_idle();
  const std::string refused =
      "RESOURCE_EXHAUSTED: over a limit: calls in flight, memory, or waiting time";
  EXPECT_EQ(pair.outcomes.lines, (Lines{refused, refused, "OK 10", "OK 300000", "OK 7"}));
  EXPECT_EQ(pair.server->counters().refused, 2u);
}

}  // namespace
}  // namespace twister
