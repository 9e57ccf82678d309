// What goes beside messages, both ways.
#include <twister/rpc/stream.hpp>

#include "wire.hpp"

namespace twister {
namespace {

using namespace testing;

TEST(RpcLimits, KeepMetadataFromGrowing) {
  RpcPair pair({.max_metadata_bytes = 10}, {});
  RpcMetadata metadata;
  metadata.add("key", "a long value");
  pair.connect();
  pair.client->call<Int32Value>("Add1", number(1), {.metadata = &metadata}, pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"RESOURCE_EXHAUSTED: more metadata than is taken"});
}

TEST(RpcMetadata, GoesBothWays) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>(
      "Echo", [](RpcContext& context, const Int32Value&, Int32Value&) -> RpcStatus {
        for (const auto& [key, value] : context.metadata()) {
          context.reply_metadata().add(key, value + "!");
        }
        return {};
      });
  pair.connect();
  RpcMetadata metadata;
  metadata.add("user", "ann");
  metadata.add("user", std::string("\0b", 2));
  RpcMetadata got;
  pair.client->call<Int32Value>(
      "Echo", number(1), {.metadata = &metadata},
      [&](const RpcStatus&, Int32Value&, const RpcMetadata& reply) { got = reply; });
  pair.loop.run_until_idle();
  EXPECT_EQ(got.size(), 2u);
  EXPECT_EQ(got.find("user"), "ann!");
}

TEST(RpcMetadata, IsNotTakenWhenItIsMalformed) {
  RpcMetadata metadata;
  EXPECT_TRUE(metadata.decode(as_bytes(hex("01 61 0100 62"))));
  EXPECT_EQ(metadata.find("a"), "b");
  for (const char* bytes : {"00", "01", "0161", "01610200ff", "00 0000"}) {
    EXPECT_FALSE(metadata.decode(as_bytes(hex(bytes)))) << bytes;
    EXPECT_TRUE(metadata.empty());
  }
  EXPECT_THROW(metadata.add("", "x"), std::length_error);
  EXPECT_THROW(metadata.add("k", std::string(65'536, 'x')), std::length_error);
}

// Answers with metadata, and with a status of every kind.
void add_tagged(RpcServices& services) {
  services.on<Int32Value, Int32Value>(
      "Tagged", [](RpcContext& context, const Int32Value& request, Int32Value&) -> RpcStatus {
        context.reply_metadata().add("tag", "t" + std::to_string(request.value()));
        RpcStatus status(request.value() == 0 ? RpcCode::ok : RpcCode::unavailable, "busy");
        status.retryable = true;
        return status;
      });
  services.on_server_stream<Int32Value, Int32Value>(
      "TaggedStream", [](RpcContext& context, const Int32Value&, RpcWriter<Int32Value> out) {
        context.reply_metadata().add("tag", "stream");
        out.finish();
      });
}

TEST(RpcMetadata, ComesWithStatusesThatMayBeTriedAgain) {
  RpcPair pair;
  add_tagged(pair.services);
  pair.connect();
  RpcMetadata got;
  pair.client->call<Int32Value>(
      "Tagged", number(1), [&](const RpcStatus& status, Int32Value&, const RpcMetadata& reply) {
        EXPECT_TRUE(status.retryable);
        got = reply;
      });
  pair.loop.run_until_idle();
  EXPECT_EQ(got.find("tag"), "t1");
}

TEST(RpcMetadata, IsPutWhereCallsThatAreAwaitedAndStreamsFindIt) {
  RpcPair pair;
  add_tagged(pair.services);
  pair.connect();
  RpcMetadata of_call;
  RpcMetadata of_stream;
  pair.client->call<Int32Value>("Tagged", number(0), {.reply_metadata = &of_call},
                                [&](const RpcStatus&, Int32Value&) {
                                  EXPECT_EQ(of_call.find("tag"), "t0") << "before the callback";
                                });
  const auto reader = open_server_stream<Int32Value>(*pair.client, "TaggedStream", number(0),
                                                     {.reply_metadata = &of_stream});
  reader.receive([](Int32Value&) {},
                 [&](const RpcStatus&) { EXPECT_EQ(of_stream.find("tag"), "stream"); });
  pair.loop.run_until_idle();
  EXPECT_EQ(of_call.size(), 1u);
  EXPECT_EQ(of_stream.size(), 1u);
}

}  // namespace
}  // namespace twister
