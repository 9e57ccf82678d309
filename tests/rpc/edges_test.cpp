// Where a limit ends: what is just within it passes, and what exceeds it costs the call alone.
#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

TEST(RpcLimits, TakeNoRequestForOldThatCameAfterTheOldOnesWereRead) {
  RpcPair pair({.max_wait = 1s});
  pair.connect();
  pair.client->call<Int32Value>("Pause", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.server->resume_reading();
  pair.loop.run_until_idle();
  pair.clock.advance(2s);
  pair.client->call<Int32Value>("Add1", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 0", "OK 1"}));
}

TEST(RpcLimits, HoldForCallsThatWaitForTheirConnectionToo) {
  RpcPair pair;
  auto [near, far] = memory_transport_pair(pair.loop);
  auto made =
      std::make_unique<RpcConnection>(pair.loop, nullptr, RpcOptions{.max_calls_in_flight = 2});
  RpcConnection& client = *made;
  make_connection(pair.loop, std::move(near), std::move(made));
  std::vector<RpcCallHandle> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(client.call<Int32Value>("Add1", number(i), pair.outcomes.add()));
  }
  EXPECT_EQ(client.calls_made(), 2u);
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"RESOURCE_EXHAUSTED: too many calls are in flight"});
  calls[0].cancel();
  EXPECT_EQ(client.calls_made(), 1u);
  pair.accept(std::move(far));
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines.back(), "OK 2");
}

TEST(RpcLimits, AnswerTooMuchReplyMetadataWithAStatus) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>(
      "Boast", [](RpcContext& context, const Int32Value&, Int32Value&) -> RpcStatus {
        for (int i = 0; i < 2; ++i) context.reply_metadata().add("k", std::string(40'000, 'v'));
        return {};
      });
  pair.connect();
  pair.client->call<Int32Value>("Boast", number(1), pair.outcomes.add());
  pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines,
            (Lines{"INTERNAL: more reply metadata than max_metadata_bytes", "OK 2"}));
}

TEST(RpcLimits, LeaveRoomForMetadataBesideTheLargestMessage) {
  RpcPair pair({.max_message_bytes = 1000, .max_metadata_bytes = 40'000},
               {.max_metadata_bytes = 40'000});
  pair.connect();
  RpcMetadata metadata;
  metadata.add("key", std::string(39'000, 'v'));
  pair.client->call<Int32Value>("Add1", text(std::string(997, 'x')), {.metadata = &metadata},
                                pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 1"});
}

TEST(RpcLimits, HoldForTheTextOfAStatusAndItsDetailsTogether) {
  RpcPair pair({}, {.max_message_bytes = 100'000});
  pair.services.on<Int32Value, Int32Value>(
      "Explain", [](RpcContext&, const Int32Value& request, Int32Value&) -> RpcStatus {
        RpcStatus status(RpcCode::not_found, std::string(20'000, 't'));
        status.details = std::string(static_cast<std::size_t>(request.value()), 'd');
        return status;
      });
  pair.connect();
  std::vector<std::size_t> sizes;
  for (const int details : {100'000 - 16 * 1024, 100'000}) {
    pair.client->call<Int32Value>(
        "Explain", number(details), [&](const RpcStatus& status, Int32Value&) {
          sizes.insert(sizes.end(), {status.text.size(), status.details.size()});
        });
  }
  pair.loop.run_until_idle();
  EXPECT_EQ(sizes, (std::vector<std::size_t>{16 * 1024, 100'000 - 16 * 1024, 16 * 1024, 0}));
}

TEST(RpcPing, IsSentAgainWhereNoAnswerIsTooLate) {
  RpcPair pair;
  const RpcOptions options{.ping_interval = 1s, .ping_timeout = never, .ping_when_idle = true};
  MemoryPeer peer(pair.loop, std::make_unique<RpcConnection>(pair.loop, nullptr, options));
  peer.send("twister\x01" + std::string(4, '\0'));
  pair.clock.advance(1s);
  for (int i = 0; i < 3; ++i) {
    peer.take();
    pair.clock.advance(1s);
    EXPECT_NE(peer.take().find("12345678"), std::string::npos) << i;
  }
}

}  // namespace
}  // namespace twister
