// How calls with streams end, and what comes before.
#include "stream_pair.hpp"

namespace twister {
namespace {

using namespace testing;

TEST(RpcStreamEnd, IsToldToWhoeverSendsAlsoWhenItIsGood) {
  Received received;
  StreamPair pair({.stream_credit_bytes = 10}, {});
  const auto stream = open_stream<BytesValue, BytesValue>(*pair.client, "Both");
  received.from(stream.reader);
  pair.loop.run_until_idle();
  EXPECT_EQ(stream.writer.send(bytes(100)), WriteStatus::paused);
  bool told = false;
  stream.writer.when_ready([&] { told = true; });
  EXPECT_FALSE(told);
  pair.writers.at(0).finish();
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, Lines{"OK"});
  EXPECT_TRUE(told);
  EXPECT_TRUE(stream.writer.closed());
  EXPECT_EQ(stream.writer.send(bytes(1)), WriteStatus::closed);
}

}  // namespace
}  // namespace twister
