// Calls with one request and one reply: each ends exactly once, whatever happens.
#include <stdexcept>

#include <twister/rpc/stream.hpp>

#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using ::testing::Test;
using Lines = std::vector<std::string>;

// A reply that is kept after it was used still refers to its call.
TEST(RpcUnary, RepliesThatAreKeptAfterAnAnswerInTheHandlerLearnThatTheConnectionIsLost) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>(
      "Keep", [&pair](RpcContext&, Int32Value& request, RpcReply<Int32Value> reply) {
        pair.replies.push_back(reply);
        if (request.value() == 0) throw RpcError(RpcCode::aborted, "thrown");
        reply(request);
      });
  pair.connect();
  pair.client->call<Int32Value>("Keep", number(7), pair.outcomes.add());
  pair.client->call<Int32Value>("Keep", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (std::vector<std::string>{"OK 7", "ABORTED: thrown"}));
  EXPECT_EQ(pair.server->calls_answered(), 2u);
  pair.client->abort();
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.replies.size(), 2u);
  for (const auto& reply : pair.replies) {
    EXPECT_EQ(reply.context().connection(), nullptr);
    EXPECT_EQ(reply.context().peer(), Address());
  }
}

TEST(RpcCall, IsAnsweredAtOnce) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Add1", number(4), pair.outcomes.add());
  EXPECT_EQ(pair.outcomes.lines, Lines{}) << "never inside the call";
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 5"});
}

TEST(RpcCall, IsAnsweredLaterAndInAnyOrder) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.replies.size(), 2u);
  EXPECT_EQ(pair.server->calls_answered(), 2u);
  pair.replies[1](number(2));
  pair.replies[0](number(1));
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 2", "OK 1"}));
  pair.replies.clear();
  EXPECT_EQ(pair.server->calls_answered(), 0u);
}

TEST(RpcCall, IsAnsweredByTheFirstOfSeveralAnswers) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.replies[0](number(1));
  EXPECT_TRUE(pair.replies[0].ended());
  pair.replies[0](number(2));
  pair.replies[0](RpcStatus(RpcCode::aborted));
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 1"});
}

TEST(RpcCall, IsAnsweredInternalWhenItsReplyIsDestroyed) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.replies.clear();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines,
            Lines{"INTERNAL: the handler let go of the call without an answer"});
}

TEST(RpcCall, IsNotAnsweredByAReplyThatWasMovedFrom) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  RpcReply<Int32Value> from = std::move(pair.replies.at(0));
  const RpcReply<Int32Value> to = std::move(from);
  EXPECT_TRUE(from.ended());  // NOLINT(bugprone-use-after-move): that is the test
  from(number(1));
  from(RpcCode::aborted);
  from(std::make_exception_ptr(std::runtime_error("x")));
  to(number(2));
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 2"});
}

TEST(RpcCall, IsAnsweredInternalWhenItsReplyIsDestroyedAtOnce) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Forget",
                                           [](RpcContext&, Int32Value&, RpcReply<Int32Value>) {});
  pair.connect();
  pair.client->call<Int32Value>("Forget", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines,
            Lines{"INTERNAL: the handler let go of the call without an answer"});
}

TEST(RpcCall, LetsGoOfWhatIsToBeToldOfItsCancellationWithTheAnswer) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>(
      "Answer", [](RpcContext& context, Int32Value&, RpcReply<Int32Value> reply) {
        reply(number(1));
        context.on_cancel([reply] { reply(RpcCode::cancelled); });
      });
  pair.connect();
  pair.client->call<Int32Value>("Answer", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 1"});
  EXPECT_EQ(pair.server->calls_answered(), 0u);
}

TEST(RpcCall, BringsTheStatusOfItsHandler) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>(
      "Fail", [](RpcContext&, const Int32Value&, Int32Value&) -> RpcStatus {
        RpcStatus status(RpcCode::not_found, "no such room");
        status.details = "room 7";
        status.retryable = true;
        return status;
      });
  pair.connect();
  RpcStatus got;
  pair.client->call<Int32Value>("Fail", number(0),
                                [&](const RpcStatus& status, Int32Value&) { got = status; });
  pair.loop.run_until_idle();
  EXPECT_EQ(got.message(), "NOT_FOUND: no such room");
  EXPECT_EQ(got.details, "room 7");
  EXPECT_TRUE(got.retryable);
}

TEST(RpcCall, NeverTellsThePeerWhatAHandlerHasThrown) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>(
      "Throw", [](RpcContext&, const Int32Value&, Int32Value&) -> RpcStatus {
        throw std::runtime_error("password is 1234");
      });
  pair.connect();
  pair.client->call<Int32Value>("Throw", number(0), pair.outcomes.add());
  pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.outcomes.lines.size(), 2u) << "the connection goes on";
  EXPECT_EQ(pair.outcomes.lines[0].find("INTERNAL: internal error, reference "), 0u);
  EXPECT_EQ(pair.outcomes.lines[0].find("1234"), std::string::npos);
  EXPECT_EQ(pair.outcomes.lines[1], "OK 2");
}

TEST(RpcCall, BringsTheStatusOfAnRpcErrorThatItsHandlerHasThrown) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>(
      "Throw", [](RpcContext&, Int32Value&, RpcReply<Int32Value>) {
        throw RpcError(RpcCode::permission_denied, "not yours");
      });
  pair.connect();
  pair.client->call<Int32Value>("Throw", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"PERMISSION_DENIED: not yours"});
}

TEST(RpcCall, OfAMethodThatThereIsNotIsUnimplemented) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Nothing", number(0), pair.outcomes.add());
  pair.client->call<Int32Value>("Nothing", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"UNIMPLEMENTED: there is no such method",
                                        "UNIMPLEMENTED: there is no such method"}));
}

TEST(RpcCall, EndsUnavailableWhenTheConnectionIsLost) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Later", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.server->abort();
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.outcomes.lines.size(), 1u);
  EXPECT_EQ(pair.outcomes.lines[0].find("UNAVAILABLE: the connection was lost"), 0u);
  pair.replies[0](number(1));  // has no effect
}

TEST(RpcCall, EndsUnavailableWhenItsLoopIsDestroyed) {
  Outcomes outcomes;
  {
    RpcPair pair;
    pair.connect();
    pair.client->call<Int32Value>("Later", number(0), outcomes.add());
    pair.loop.run_until_idle();
  }
  EXPECT_EQ(outcomes.lines.size(), 1u);
}

TEST(RpcCall, MadeOnAClosedConnectionIsUnavailable) {
  RpcPair pair;
  pair.connect();
  pair.client->close();
  pair.client->call<Int32Value>("Add1", number(0), pair.outcomes.add());
  EXPECT_EQ(pair.outcomes.lines, Lines{});
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"UNAVAILABLE: the connection is closed"});
}

TEST(RpcCall, MadeBeforeTheConnectionIsThereIsSentWhenItIs) {
  RpcPair pair;
  auto [near, far] = memory_transport_pair(pair.loop);
  auto ours = std::make_unique<RpcConnection>(pair.loop, nullptr);
  ours->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  const auto handle = ours->call<Int32Value>("Add1", number(2), pair.outcomes.add());
  handle.cancel();
  make_connection(pair.loop, std::move(far),
                  std::make_unique<RpcConnection>(pair.loop, &pair.services));
  make_connection(pair.loop, std::move(near), std::move(ours));
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"CANCELLED: cancelled by the caller", "OK 2"}));
  EXPECT_EQ(pair.started, 1);
}

TEST(RpcCall, MayBeMadeInsideACallback) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Add1", number(1), [&](const RpcStatus&, Int32Value& reply) {
    pair.client->call<Int32Value>("Add1", reply, pair.outcomes.add());
  });
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 3"});
}

TEST(RpcCall, EndsWhenItsCallbackEndsTheConnection) {
  RpcPair pair;
  pair.connect();
  pair.client->call<Int32Value>("Add1", number(1), [&](const RpcStatus& status, Int32Value&) {
    pair.outcomes.lines.push_back(status.message());
    pair.client->abort();
  });
  pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.outcomes.lines.size(), 2u);
  EXPECT_EQ(pair.outcomes.lines[0], "OK");
  EXPECT_EQ(pair.outcomes.lines[1].find("UNAVAILABLE"), 0u);
}

TEST(RpcCall, GoesBothWays) {
  RpcPair pair;
  pair.client_services.on<StringValue, StringValue>(
      "Name", [](RpcContext&, const StringValue& request, StringValue& reply) -> RpcStatus {
        reply.set_value(request.value() + " client");
        return {};
      });
  pair.services.on<StringValue, StringValue>(
      "Ask", [](RpcContext& context, StringValue& request, RpcReply<StringValue> reply) {
        context.connection()->call<StringValue>(
            "Name", request, [reply](const RpcStatus&, StringValue& name) { reply(name); });
      });
  pair.connect();
  pair.client->call<StringValue>("Ask", text("hello"), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK hello client"});
}

TEST(RpcCall, MayUseANameThatWasMadeOnce) {
  static const RpcMethodName add1("Add1");
  RpcPair pair;
  pair.connect();
  for (int i = 0; i < 3; ++i) pair.client->call<Int32Value>(add1, number(i), pair.outcomes.add());
  pair.client->call<Int32Value>("Add1", number(3), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 1", "OK 2", "OK 3", "OK 4"}));
}

TEST(RpcCall, OfMoreMethodsThanHaveNumbersWorksAllTheSame) {
  RpcPair pair;
  for (int i = 0; i < 1100; ++i) {
    pair.services.on<Int32Value, Int32Value>(
        "M" + std::to_string(i),
        [i](RpcContext&, const Int32Value&, Int32Value& reply) -> RpcStatus {
          reply.set_value(i);
          return {};
        });
  }
  pair.connect();
  int right = 0;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 1100; ++i) {
      pair.client->call<Int32Value>(
          "M" + std::to_string(i), number(0),
          [&, i](const RpcStatus&, Int32Value& reply) { right += reply.value() == i ? 1 : 0; });
      pair.loop.run_until_idle();
    }
  }
  EXPECT_EQ(right, 2200);
}

TEST(RpcNotice, ReachesItsHandlerAndIsNotAnswered) {
  RpcPair pair;
  std::vector<int> seen;
  pair.services.on_notice<Int32Value>(
      "Tick", [&](RpcContext&, const Int32Value& request) { seen.push_back(request.value()); });
  pair.connect();
  pair.client->notify("Tick", number(7));
  pair.client->notify("Nothing", number(7));
  pair.client->notify("Add1", number(7));
  pair.loop.run_until_idle();
  EXPECT_EQ(seen, std::vector<int>{7});
  EXPECT_EQ(pair.started, 1);
  EXPECT_EQ(pair.client->counters().unknown_ids, 0u);
}

TEST(RpcNotice, OfAMethodWithStreamsIsNotStarted) {
  RpcPair pair;
  int started = 0;
  pair.services.on_server_stream<Int32Value, Int32Value>(
      "Watch", [&](RpcContext&, const Int32Value&, RpcWriter<Int32Value> out) {
        ++started;
        out.send(number(1));
      });
  pair.connect();
  pair.client->notify("Watch", number(7));
  pair.loop.run_until_idle();
  EXPECT_EQ(started, 0);
  EXPECT_EQ(pair.server->counters().refused, 1u);
  EXPECT_EQ(pair.client->counters().unknown_ids, 0u);
}

TEST(RpcNotice, AnswersWithAnEmptyMessageWhenItIsCalled) {
  RpcPair pair;
  pair.services.on_notice<Int32Value>("Tick", [](RpcContext&, const Int32Value&) {});
  pair.connect();
  pair.client->call<Int32Value>("Tick", number(7), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, Lines{"OK 0"});
}

}  // namespace
}  // namespace twister
