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

TEST(RpcStreamEnd, KeepsAReceivingFunctionWhileItRunsAlsoWhenAnotherTakesItsPlace) {
  Received second;
  StreamPair pair;
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  std::weak_ptr<int> watched;
  bool lost = false;
  const auto replace = [&, reader] {
    second.from(reader);
    lost = watched.expired();
  };
  auto held = std::make_shared<int>();
  watched = held;
  reader.receive(
      [&replace, held = std::move(held)](BytesValue&) {
        const auto run = replace;  // nothing of this function is touched behind
        run();
      },
      [](const RpcStatus&) {});
  pair.loop.run_until_idle();
  pair.writers.at(0).send(bytes(1));
  pair.writers[0].send(bytes(2));
  pair.writers[0].finish();
  pair.loop.run_until_idle();
  EXPECT_FALSE(lost);
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(second.lines, (Lines{"2 bytes", "OK"}));
}

TEST(RpcStreamEnd, IsToldInAStatusThatStaysWhileTheCallIsAnswered) {
  std::string told;
  StreamPair pair;
  const auto stream = open_client_stream<BytesValue, Int32Value>(*pair.client, "Take");
  stream.writer.end();
  pair.loop.run_until_idle();
  pair.readers.at(0).receive([](BytesValue&) {},
                             [&](const RpcStatus& status) {
                               pair.replies.at(0)(number(1));
                               told = status.message();
                             });
  EXPECT_EQ(told, "OK");
}

// Sends three messages, of which two have to wait for credit, and then an error.
void send_and_fail(StreamPair& pair) {
  pair.loop.run_until_idle();
  for (int i = 1; i <= 3; ++i) pair.writers.at(0).send(bytes(100));
  pair.writers[0].finish(RpcStatus(RpcCode::out_of_range, "no more"));
  pair.writers.clear();
  pair.loop.run_until_idle();
}

TEST(RpcStreamEnd, ComesBehindWhatWasSentAlsoWhenItIsAnError) {
  Received received;
  StreamPair pair({}, {.stream_credit_bytes = 10});
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  received.from(reader);
  send_and_fail(pair);
  EXPECT_EQ(received.lines,
            (Lines{"100 bytes", "100 bytes", "100 bytes", "OUT_OF_RANGE: no more"}));
}

TEST(RpcStreamEnd, WaitsForAReceiverThatPausesAlsoWhenItIsAnError) {
  Received received;
  StreamPair pair;
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  received.from(reader);
  reader.pause();
  send_and_fail(pair);
  EXPECT_EQ(received.lines, Lines{});
  reader.resume();
  EXPECT_EQ(received.lines,
            (Lines{"100 bytes", "100 bytes", "100 bytes", "OUT_OF_RANGE: no more"}));
}

TEST(RpcStreamEnd, ComesAtOnceWhenTheConnectionIsLost) {
  Received received;
  StreamPair pair;
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  received.from(reader);
  reader.pause();
  pair.loop.run_until_idle();
  pair.writers.at(0).send(bytes(100));
  pair.loop.run_until_idle();
  pair.server->abort();
  pair.loop.run_until_idle();
  ASSERT_EQ(received.lines.size(), 1u);
  EXPECT_EQ(received.lines[0].find("UNAVAILABLE"), 0u);
}

TEST(RpcStreamEnd, LeavesNoGapWhereAnErrorWaitsBehindWhatWasSent) {
  Received received;
  StreamPair pair;
  MemoryPeer peer(pair.loop,
                  std::make_unique<RpcConnection>(pair.loop, &pair.services,
                                                  RpcOptions{.stream_credit_bytes = 100}));
  const auto data = [](char size) {
    return std::string{size, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0} +
           std::string(static_cast<std::size_t>(size), '\0');
  };
  // Takes ten bytes of a stream, and opens one each way.
  peer.send(
      std::string_view("twister\x01\x08\0\0\0\x02\0\x04\0\x0a\0\0\0"
                       "\x05\0\0\0\x01\x11\0\0\x01\0\0\0\x04"
                       "Both",
                       20 + 17));
  pair.writers.at(0).send(bytes(100));
  EXPECT_EQ(pair.writers[0].send(bytes(100)), WriteStatus::paused);
  peer.send(data(100) + data(1));  // the second is more than there was credit for
  received.from(pair.readers.at(0));
  peer.send(data(0));
  ASSERT_EQ(received.lines.size(), 1u);
  EXPECT_EQ(received.lines[0].find("RESOURCE_EXHAUSTED"), 0u);
}

}  // namespace
}  // namespace twister
