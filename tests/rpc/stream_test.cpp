// Streams of requests and replies, and their credit.
#include "stream_pair.hpp"

namespace twister {
namespace {

using namespace testing;

TEST(RpcStream, OfRepliesArrivesInOrderAndEndsWithAStatus) {
  Received received;
  StreamPair pair;
  received.from(open_server_stream<Int32Value>(*pair.client, "Count", number(3)));
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, (Lines{"1", "2", "3", "OK"}));
  EXPECT_EQ(pair.server->calls_answered(), 0u);
  EXPECT_EQ(pair.client->calls_made(), 0u);
}

TEST(RpcStream, OfManyRepliesArrivesWhole) {
  Received received;
  StreamPair pair({}, {.stream_credit_bytes = 100});
  received.from(open_server_stream<Int32Value>(*pair.client, "Count", number(2000)));
  pair.loop.run_until_idle();
  ASSERT_EQ(received.lines.size(), 2001u);
  EXPECT_EQ(received.lines[1999], "2000");
}

TEST(RpcStream, OfRequestsIsAnsweredOnce) {
  Received received;
  StreamPair pair({.stream_credit_bytes = 50}, {});
  auto stream = open_client_stream<Int32Value, Int32Value>(*pair.client, "Sum");
  received.from(stream.reader);
  for (int i = 1; i <= 100; ++i) stream.writer.send(number(i));
  stream.writer.end();
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, (Lines{"5050", "OK"}));
}

TEST(RpcStream, GoesBothWays) {
  Received received;
  StreamPair pair;
  auto stream = open_stream<Int32Value, Int32Value>(*pair.client, "Echo");
  received.from(stream.reader);
  stream.writer.send(number(1));
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, Lines{"1"});
  stream.writer.send(number(2));
  stream.writer.end();
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, (Lines{"1", "2", "OK"}));
  EXPECT_EQ(stream.writer.send(number(3)), WriteStatus::closed);
}

TEST(RpcStream, ThatEndsBeforeThereIsAConnectionEndsWhenThereIs) {
  Received received;
  StreamPair pair;
  auto [near, far] = memory_transport_pair(pair.loop);
  auto ours = std::make_unique<RpcConnection>(pair.loop, nullptr);
  auto stream = open_client_stream<Int32Value, Int32Value>(*ours, "Sum");
  received.from(stream.reader);
  stream.writer.end();
  make_connection(pair.loop, std::move(near), std::move(ours));
  pair.loop.run_until_idle();
  pair.accept(std::move(far));
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, (Lines{"0", "OK"}));
}

TEST(RpcStream, StopsWhenItsReceiverDoesNotTake) {
  Received received;
  StreamPair pair({}, {.stream_credit_bytes = 1000});
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  pair.loop.run_until_idle();
  int sent = 0;
  while (pair.writers.at(0).send(bytes(100)) == WriteStatus::queued) ++sent;
  EXPECT_EQ(sent, 8);  // 114 bytes each, and one that overdraws
  pair.loop.run_until_idle();
  bool ready = false;
  pair.writers[0].when_ready([&] { ready = true; });
  pair.loop.run_until_idle();
  EXPECT_FALSE(ready);
  received.from(reader);
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines.size(), 9u);
  EXPECT_TRUE(ready);
}

TEST(RpcStream, ThatIsSlowHoldsNothingElseUp) {
  StreamPair pair;
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  pair.loop.run_until_idle();
  while (pair.writers.at(0).send(bytes(1000)) == WriteStatus::queued) {
  }
  pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 2"});
}

TEST(RpcStream, PausesAndGoesOn) {
  Received received;
  StreamPair pair;
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  received.from(reader);
  pair.loop.run_until_idle();
  reader.pause();
  pair.writers.at(0).send(bytes(5));
  pair.writers[0].finish();
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, Lines{});
  reader.resume();
  EXPECT_EQ(received.lines, (Lines{"5 bytes", "OK"}));
}

TEST(RpcStream, DropsWhatItsSenderDoesNotStopToSend) {
  StreamPair pair({}, {.stream_credit_bytes = 10});
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  pair.loop.run_until_idle();
  pair.writers.at(0).send(bytes(1));
  EXPECT_EQ(pair.writers[0].send(bytes(600'000)), WriteStatus::paused);
  EXPECT_EQ(pair.writers[0].send(bytes(600'000)), WriteStatus::dropped);
}

TEST(RpcStream, SendsItsStatusBehindWhatHadToWait) {
  Received received;
  StreamPair pair({}, {.stream_credit_bytes = 10});
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  pair.loop.run_until_idle();
  for (int i = 1; i <= 3; ++i) pair.writers.at(0).send(bytes(100));
  pair.writers[0].finish();
  pair.writers.clear();
  pair.loop.run_until_idle();
  received.from(reader);
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, (Lines{"100 bytes", "100 bytes", "100 bytes", "OK"}));
}

TEST(RpcStream, IsCancelledByItsReceiver) {
  Received received;
  StreamPair pair;
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  received.from(reader);
  pair.loop.run_until_idle();
  reader.cancel();
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, Lines{"CANCELLED: cancelled by its receiver"});
  EXPECT_EQ(pair.cancelled, 1);
  EXPECT_TRUE(pair.writers.at(0).closed());
  EXPECT_EQ(pair.writers[0].send(bytes(1)), WriteStatus::closed);
}

TEST(RpcStream, IsCancelledWhenNobodyCanReceiveItAnyMore) {
  StreamPair pair;
  open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.client->calls_made(), 0u);
  EXPECT_EQ(pair.server->calls_answered(), pair.writers.size());
}

TEST(RpcStream, EndsOnBothSidesWhenTheConnectionIsLost) {
  Received received;
  StreamPair pair;
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  received.from(reader);
  pair.loop.run_until_idle();
  pair.server->abort();
  pair.loop.run_until_idle();
  ASSERT_EQ(received.lines.size(), 1u);
  EXPECT_EQ(received.lines[0].find("UNAVAILABLE"), 0u);
  EXPECT_TRUE(pair.writers.at(0).closed());
}

TEST(RpcStream, WhoseCallerGivesUpEndsTheCoroutineThatReadsIt) {
  Received received;
  StreamPair pair;
  auto stream = open_client_stream<Int32Value, Int32Value>(*pair.client, "Sum");
  received.from(stream.reader);
  stream.writer.send(number(1));
  pair.loop.run_until_idle();
  stream.reader.cancel();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.server->calls_answered(), 0u);
  EXPECT_EQ(received.lines, Lines{"CANCELLED: cancelled by its receiver"});
}

TEST(RpcStream, HasNoDeadlineUnlessItIsSaid) {
  Received received;
  Received limited;
  StreamPair pair;
  const auto reader = open_server_stream<BytesValue>(*pair.client, "Watch", number(0));
  received.from(reader);
  pair.clock.advance(1h);
  EXPECT_EQ(received.lines, Lines{});
  const auto other =
      open_server_stream<BytesValue>(*pair.client, "Watch", number(0), {.timeout = 1s});
  limited.from(other);
  pair.clock.advance(1s);
  EXPECT_EQ(limited.lines.size(), 1u);
}

TEST(RpcStream, OfRequestsToAMethodWithOneIsRefused) {
  Received received;
  StreamPair pair;
  auto stream = open_stream<Int32Value, Int32Value>(*pair.client, "Add1");
  received.from(stream.reader);
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, Lines{"INVALID_ARGUMENT: this method takes one request"});
}

TEST(RpcStream, ThatOverdrawsItsCreditEnds) {
  StreamPair pair({.stream_credit_bytes = 100}, {});
  MemoryPeer peer(pair.loop,
                  std::make_unique<RpcConnection>(pair.loop, &pair.services,
                                                  RpcOptions{.stream_credit_bytes = 100}));
  const auto frame = [](std::string_view kind_and_id, std::size_t size) {
    std::string text(12, '\0');
    text[0] = static_cast<char>(size);
    text[4] = kind_and_id[0];
    text[8] = 1;
    return text + std::string(size, '\0');
  };
  std::string open = frame("\x01", 5);
  open[5] = 0x11;
  open.replace(12, 5, "\x04Take");
  peer.send("twister\x01" + std::string(4, '\0') + open + frame("\x03", 100));
  peer.take();
  peer.send(frame("\x03", 0));
  const std::string answer = peer.take();
  ASSERT_GT(answer.size(), 12u);
  EXPECT_EQ(answer[4], '\x81');
  EXPECT_EQ(answer[6], '\x08');
}

// What the second of two coroutines that wait for the same thing is told; the call ends with it.
template <class Handler>
std::string told_second(Handler handler) {
  Received received;
  RpcPair pair({}, {.stream_credit_bytes = 10});
  pair.services.on_stream<Int32Value, Int32Value>("Twice", handler);
  pair.connect();
  const auto stream = open_stream<Int32Value, Int32Value>(*pair.client, "Twice");
  received.from(stream.reader);
  pair.loop.run_until_idle();
  stream.writer.end();
  pair.loop.run_until_idle();
  return received.lines.empty() ? "" : received.lines.back();
}

template <class Wait>
RpcTask<> wait_beside(RpcContext& context, RpcReader<Int32Value> in, RpcWriter<Int32Value> out,
                      Wait wait) {
  auto& call = static_cast<RpcCall&>(context);
  wait(in, out).answer(call);
  try {
    co_await wait(in, out);
  } catch (const std::logic_error& error) {
    out.finish(RpcStatus(RpcCode::internal, error.what()));
  }
}

TEST(RpcStream, IsReadByOneAtATime) {
  const auto read = [](RpcReader<Int32Value> in, RpcWriter<Int32Value>) -> RpcTask<> {
    co_await in.read();
  };
  EXPECT_EQ(
      told_second([read](RpcContext& context, RpcReader<Int32Value> in, RpcWriter<Int32Value> out) {
        return wait_beside(context, std::move(in), std::move(out), read);
      }),
      "INTERNAL: RpcReader::read: another reads this stream already");
}

TEST(RpcStream, IsNotReadWhereAFunctionReceivesIt) {
  Received received;
  StreamPair pair;
  const auto reader = open_server_stream<Int32Value>(*pair.client, "Count", number(2));
  int refused = 0;
  reader.receive(
      [&](Int32Value& message) {
        received.lines.push_back(std::to_string(message.value()));
        try {
          reader.read().await_ready();
        } catch (const std::logic_error&) {
          ++refused;
        }
      },
      [&](const RpcStatus& status) { received.lines.push_back(status.message()); });
  pair.loop.run_until_idle();
  EXPECT_EQ(received.lines, (Lines{"1", "2", "OK"}));
  EXPECT_EQ(refused, 2);
}

TEST(RpcStream, IsWaitedForByOneSenderAtATime) {
  const auto send = [](RpcReader<Int32Value>, RpcWriter<Int32Value> out) -> RpcTask<> {
    out.send(number(1));
    out.send(number(2));
    co_await out.ready();
  };
  EXPECT_EQ(
      told_second([send](RpcContext& context, RpcReader<Int32Value> in, RpcWriter<Int32Value> out) {
        return wait_beside(context, std::move(in), std::move(out), send);
      }),
      "INTERNAL: RpcWriter::ready: another waits for this stream already");
}

}  // namespace
}  // namespace twister
