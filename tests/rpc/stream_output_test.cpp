// What streams send: how it stops, and what is not taken.
#include "stream_pair.hpp"

namespace twister {
namespace {

using namespace testing;

constexpr std::size_t much_credit = 256 * 1024 * 1024;

// How many messages were taken until it was not said `queued`.
int send_until_paused(const RpcWriter<BytesValue>& writer) {
  int sent = 1;
  while (writer.send(bytes(10'000)) == WriteStatus::queued && sent < 5000) ++sent;
  return sent;
}

TEST(RpcStreamOutput, StopsWhenThereIsTooMuchOfItWhateverTheCredit) {
  Received received;
  StreamPair pair({}, {.stream_credit_bytes = much_credit});
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  pair.loop.run_until_idle();
  const int sent = send_until_paused(pair.writers.at(0));
  EXPECT_LT(sent, 100);
  bool ready = false;
  pair.writers[0].when_ready([&] { ready = true; });
  EXPECT_FALSE(ready);
  received.from(reader);
  pair.loop.run_until_idle();
  EXPECT_TRUE(ready);
  EXPECT_EQ(received.lines.size(), static_cast<std::size_t>(sent));
}

TEST(RpcStreamOutput, StopsInTheSameWayWhileOtherCallsAreInFlight) {
  StreamPair pair({}, {.stream_credit_bytes = much_credit});
  pair.client->call<Int32Value>("Later", number(1), pair.outcomes.add());
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  pair.loop.run_until_idle();
  EXPECT_LT(send_until_paused(pair.writers.at(0)), 100);
  pair.loop.run_until_idle();
  EXPECT_NE(pair.server, nullptr);
}

TEST(RpcStreamOutput, IsNotTakenAnyMoreOnceTheConnectionCloses) {
  StreamPair pair;
  pair.client->call<Int32Value>("Later", number(1), pair.outcomes.add());
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  pair.loop.run_until_idle();
  pair.server->abort();
  const RpcWriter<BytesValue>& writer = pair.writers.at(0);
  EXPECT_EQ(writer.send(bytes(1)), WriteStatus::closed);
  EXPECT_TRUE(writer.closed());
  bool told = false;
  writer.when_ready([&] { told = true; });
  EXPECT_TRUE(told);
}

TEST(RpcStreamOutput, IsMadeByAFunctionThatAsksForItselfAgainAsByALoop) {
  StreamPair pair;
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  pair.loop.run_until_idle();
  const RpcWriter<BytesValue> writer = pair.writers.at(0);
  int depth = 0;
  int deepest = 0;
  int sent = 0;
  std::function<void()> next = [&] {
    deepest = std::max(deepest, ++depth);
    if (++sent < 100) {
      writer.send(bytes(1));
      writer.when_ready(next);
    }
    --depth;
  };
  writer.when_ready(next);
  EXPECT_EQ(sent, 100);
  EXPECT_EQ(deepest, 1);
}

TEST(RpcStreamOutput, IsRefusedWhereAMessageIsLargerThanThePeerTakes) {
  Received received;
  StreamPair pair({}, {.max_message_bytes = 1000});
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  received.from(reader);
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.writers.at(0).send(bytes(1000)), WriteStatus::refused);
  EXPECT_EQ(pair.writers[0].send(bytes(997)), WriteStatus::queued);
  pair.writers[0].finish();
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, (Lines{"997 bytes", "OK"}));
}

TEST(RpcStreamOutput, EndsTheCallWhereItTurnsOutLargerThanThePeerTakes) {
  Received received;
  StreamPair pair({.max_message_bytes = 1000}, {});
  auto [near, far] = memory_transport_pair(pair.loop);
  auto ours = std::make_unique<RpcConnection>(pair.loop, nullptr);
  RpcConnection& client = *ours;
  const auto stream = open_client_stream<BytesValue, Int32Value>(client, "Take");
  received.from(stream.reader);
  EXPECT_EQ(stream.writer.send(bytes(2000)), WriteStatus::paused);
  make_connection(pair.loop, std::move(near), std::move(ours));
  pair.accept(std::move(far));
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines,
            Lines{"RESOURCE_EXHAUSTED: a message of the stream is larger than the peer takes"});
  EXPECT_TRUE(client.is_open());
}

TEST(RpcStreamOutput, IsSharedByTheStreamsOfAConnection) {
  StreamPair pair({}, {.stream_credit_bytes = much_credit});
  const auto receive_all = [&] {
    const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
    reader.receive([](BytesValue&) {}, [](const RpcStatus&) {});
  };
  receive_all();
  receive_all();
  pair.loop.run_until_idle();
  const std::vector<RpcWriter<BytesValue>> writers = pair.writers;
  int sent[2] = {0, 0};
  std::function<void()> next[2];
  for (std::size_t i : {0u, 1u}) {
    next[i] = [&, i] {
      if (sent[0] + sent[1] == 500) return;
      ++sent[i];
      writers[i].send(bytes(10'000));
      writers[i].when_ready(next[i]);
    };
    writers[i].when_ready(next[i]);
  }
  pair.loop.run_until_idle();
  EXPECT_EQ(sent[0] + sent[1], 500);
  EXPECT_GT(sent[0], 100);
  EXPECT_GT(sent[1], 100);
}

}  // namespace
}  // namespace twister
