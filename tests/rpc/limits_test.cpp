// What a peer may not do, or may do so often only; in frames where that is what matters.
#include <gmock/gmock.h>

#include <twister/rpc/stream.hpp>

#include "wire.hpp"

namespace twister {
namespace {

using namespace testing;

TEST(RpcWire, AnswersByNumberAfterTheFirstTime) {
  Wire wire;
  EXPECT_EQ(wire.send(preface + name_add1 + hex("00000000 01 00 0100 07000000")),
            (Lines{"81 0 1", "81 0 7"}));
}

TEST(RpcWire, SaysThatItsPeerSpeaksAnotherProtocol) {
  Wire wire;
  EXPECT_EQ(wire.send("HTTP/1.1 400 Bad Request\r\n"),
            Lines{"12 3 0 the first bytes are of another protocol than twister's RPC"});
  EXPECT_TRUE(wire.peer.ended());
}

TEST(RpcWire, ClosesForANumberWithoutAName) {
  Wire wire;
  EXPECT_EQ(wire.send(preface + hex("00000000 01 00 0100 01000000")),
            Lines{"12 3 0 a number without a name"});
  EXPECT_TRUE(wire.peer.ended());
}

TEST(RpcWire, ClosesForASecondNameOfANumber) {
  Wire wire;
  std::string again = name_later;
  again[6] = 1;
  EXPECT_EQ(wire.send(preface + name_add1 + again),
            (Lines{"81 0 1", "12 3 0 a number that has another name, or is above 1024"}));
}

TEST(RpcWire, ClosesForABodyThatIsShorterThanItsFlagsSay) {
  for (const char* frame :
       {"00000000 01 01 0100 01000000", "01000000 01 01 0100 01000000 05",
        "03000000 01 04 0100 01000000 000000", "02000000 01 08 0100 01000000 0100",
        "01000000 01 01 0100 01000000 00"}) {
    Wire wire;
    EXPECT_EQ(wire.send(preface + hex(frame)),
              Lines{"12 3 0 a request that is shorter than its flags say"});
    EXPECT_TRUE(wire.peer.ended());
  }
}

TEST(RpcWire, SaysWhyItClosesForAFrameOverTheLimit) {
  Wire wire;
  EXPECT_EQ(wire.send(preface + hex("ffffff7f 01 00 0100 01000000")),
            Lines{"12 8 0 frame of 2147483647 bytes exceeds max_frame_bytes 1114629"});
  EXPECT_TRUE(wire.peer.ended());
}

TEST(RpcWire, ClosesForASecondPreface) {
  Wire wire;
  EXPECT_EQ(wire.send(preface + preface), Lines{"12 3 0 a second preface"});
}

TEST(RpcWire, PassesUnknownKindsAndIdsOverAndCountsThem) {
  Wire wire;
  EXPECT_EQ(wire.send(preface + hex("02000000 70 ff 0100 01000000 aabb") +
                      hex("00000000 06 00 0000 09000000") + hex("00000000 81 00 0000 09000000") +
                      name_add1),
            Lines{"81 0 1"});
  EXPECT_EQ(wire.server->counters().unknown_frames, 1u);
  EXPECT_EQ(wire.server->counters().unknown_ids, 2u);
}

TEST(RpcWire, PassesARequestWithAnIdInUseOver) {
  Wire wire;
  EXPECT_EQ(wire.send(preface + name_later + hex("00000000 01 00 0200 02000000")), Lines{});
  EXPECT_EQ(wire.server->counters().duplicate_ids, 1u);
  EXPECT_EQ(wire.replies.size(), 1u);
  wire.replies[0](number(1));
  EXPECT_EQ(wire.send(""), Lines{"81 0 2"});
}

TEST(RpcWire, AnswersAMalformedMessageAndGoesOn) {
  Wire wire;
  EXPECT_EQ(wire.send(preface + hex("07000000 01 01 0100 01000000 04") + "Add1" + hex("08ff") +
                      hex("00000000 01 00 0100 02000000")),
            (Lines{"81 3 1", "81 0 2"}));
}

TEST(RpcWire, AnswersAPingWithItsBody) {
  Wire wire;
  wire.peer.send(preface + hex("03000000 10 00 0000 05000000 010203"));
  EXPECT_EQ(to_hex(as_bytes(wire.peer.take())).substr(56),
            "03000000110000000500000001"
            "0203");
}

TEST(RpcWire, DoesNotStartWhatHasNoTimeLeft) {
  Wire wire;
  EXPECT_EQ(wire.send(preface + hex("09000000 01 05 0100 01000000 04") + "Add1" + hex("00000000")),
            Lines{"81 4 1"});
  EXPECT_EQ(wire.started, 0);
}

TEST(RpcLimits, RefusesCallsBeyondThoseInFlightAtOnce) {
  Wire wire({.max_calls_in_flight = 2});
  EXPECT_EQ(wire.send(preface + name_later + hex("00000000 01 00 0200 03000000") +
                      hex("00000000 01 00 0200 04000000")),
            Lines{"81 8 4"});
  wire.replies.clear();
  EXPECT_EQ(wire.send(hex("00000000 01 00 0200 05000000")), (Lines{"81 13 2", "81 13 3"}));
}

TEST(RpcLimits, CountsCancelledCallsAsLongAsTheirHandlersRun) {
  Wire wire({.max_calls_in_flight = 1});
  EXPECT_EQ(wire.send(preface + name_later + hex("00000000 06 00 0000 02000000") +
                      hex("00000000 01 00 0200 03000000")),
            Lines{"81 8 3"});
  wire.replies.clear();
  EXPECT_EQ(wire.send(hex("00000000 01 00 0200 04000000")), Lines{});
  EXPECT_EQ(wire.replies.size(), 1u);
}

TEST(RpcLimits, RefuseWhatWasReceivedLongAgo) {
  RpcPair pair({.max_wait = 1s});
  pair.connect();
  pair.client->call<Int32Value>("Pause", number(0), pair.outcomes.add());
  pair.client->call<Int32Value>("Add1", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.clock.advance(1001ms);
  pair.server->resume_reading();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines,
            (Lines{"OK 0",
                   "RESOURCE_EXHAUSTED: over a limit: calls in flight, memory, or waiting time"}));
}

TEST(RpcLimits, OfAMethodHoldForItAlone) {
  RpcPair pair;
  std::vector<RpcReply<Int32Value>> replies;
  pair.services.on<Int32Value, Int32Value>(
      "One",
      [&](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
        replies.push_back(std::move(reply));
      },
      {.max_request_bytes = 4, .max_in_flight = 1});
  pair.connect();
  pair.client->call<Int32Value>("One", number(1'000'000'000), pair.outcomes.add());
  pair.client->call<Int32Value>("One", number(1), pair.outcomes.add());
  pair.client->call<Int32Value>("One", number(1), pair.outcomes.add());
  pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines,
            (Lines{"RESOURCE_EXHAUSTED: the request is larger than this method takes",
                   "RESOURCE_EXHAUSTED: too many calls of this method are in flight", "OK 2"}));
  replies.clear();
}

TEST(RpcLimits, KeepALargeRequestFromBeingSent) {
  RpcPair pair({.max_message_bytes = 100});
  pair.connect();
  EXPECT_EQ(pair.client->peer_max_message_bytes(), 100u);
  pair.client->call<Int32Value>("Add1", text(std::string(101, 'x')), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines,
            Lines{"RESOURCE_EXHAUSTED: the request is larger than the peer takes"});
  EXPECT_EQ(pair.server->counters().calls, 0u);
}

TEST(RpcLimits, OfThePeerHoldForWhatIsSentBeforeTheyAreKnown) {
  RpcPair pair({.max_message_bytes = 100, .stream_credit_bytes = 50}, {});
  auto [near, far] = memory_transport_pair(pair.loop);
  auto ours = std::make_unique<RpcConnection>(pair.loop, nullptr);
  RpcConnection& client = *ours;
  make_connection(pair.loop, std::move(near), std::move(ours));
  client.call<Int32Value>("Add1", text(std::string(50'000, 'x')), pair.outcomes.add());
  client.call<Int32Value>("Add1", text(std::string(500, 'x')), pair.outcomes.add());
  const auto stream = open_stream<Int32Value, Int32Value>(client, "Echo");
  for (int i = 0; i < 20; ++i) stream.writer.send(number(i));
  pair.loop.run_until_idle();
  pair.accept(std::move(far));
  client.call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_THAT(pair.outcomes.lines,
              ::testing::UnorderedElementsAre(
                  "RESOURCE_EXHAUSTED: the request is larger than is taken",
                  "RESOURCE_EXHAUSTED: the request is larger than the peer takes", "OK 2"));
  EXPECT_EQ(pair.server->counters().malformed, 0u);
}

TEST(RpcLimits, ThatMakeNoSenseAreRefused) {
  IOLoop loop;
  EXPECT_THROW(RpcConnection(loop, nullptr, {.stream_credit_bytes = 0}), std::invalid_argument);
  EXPECT_THROW(RpcConnection(loop, nullptr, {.max_calls_in_flight = 0}), std::invalid_argument);
  EXPECT_THROW(RpcConnection(loop, nullptr, {.call_timeout = 0ms}), std::invalid_argument);
  EXPECT_THROW(RpcConnection(loop, nullptr, {.max_message_bytes = unlimited}),
               std::invalid_argument);
}

TEST(RpcLimits, AnswerALargeReplyWithAStatus) {
  RpcPair pair({}, {.max_message_bytes = 100});
  pair.services.on<Int32Value, StringValue>(
      "Long", [](RpcContext&, const Int32Value&, StringValue& reply) -> RpcStatus {
        reply.set_value(std::string(101, 'x'));
        return {};
      });
  pair.connect();
  pair.client->call<StringValue>("Long", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines,
            Lines{"RESOURCE_EXHAUSTED: the reply is larger than the caller takes"});
}

}  // namespace
}  // namespace twister
