// Peers that call one another by way of their server.
#include <twister/rpc/names.hpp>
#include <twister/rpc/server.hpp>

#include "wire.hpp"

namespace twister {
namespace {

using namespace testing;

// A server with names, and clients of it that answer "Who" with a text of their own.
struct Hub {
  Hub() {
    add_names(services);
    services.on<StringValue, StringValue>(
        "Wait", [this](RpcContext&, StringValue&, RpcReply<StringValue> reply) {
          replies.push_back(std::move(reply));
        });
  }
  ~Hub() { replies.clear(); }

  RpcConnection& join(const std::string& answer, const RpcOptions& options = {}) {
    if (!server) server.emplace(loop, "", services);
    own.push_back(std::make_unique<RpcServices>());
    own.back()->on<StringValue, StringValue>(
        "Who",
        [answer](RpcContext& context, const StringValue& request, StringValue& reply) -> RpcStatus {
          context.reply_metadata().add("by", answer);
          const auto left = std::chrono::duration_cast<std::chrono::seconds>(context.time_left());
          reply.set_value(answer + " " + request.value() + " " + std::to_string(left.count()) +
                          " " + std::string(context.metadata().find("from").value_or("nobody")));
          return {};
        });
    own.back()->on<StringValue, StringValue>(
        "Sign", [answer](RpcContext& context, const StringValue&, StringValue&) -> RpcStatus {
          context.reply_metadata().add("by", answer);
          return {};
        });
    own.back()->on<StringValue, StringValue>(
        "Fill", [](RpcContext&, const StringValue&, StringValue& reply) -> RpcStatus {
          reply.set_value(std::string(100'000, 'x'));
          return {};
        });
    own.back()->on<StringValue, StringValue>(
        "Hang", [this](RpcContext&, StringValue&, RpcReply<StringValue> reply) {
          replies.push_back(std::move(reply));
        });
    auto [near, far] = memory_transport_pair(loop);
    server->add_connection(std::move(far));
    auto made = std::make_unique<RpcConnection>(loop, own.back().get(), options);
    RpcConnection& connection = *made;
    make_connection(loop, std::move(near), std::move(made));
    loop.run_until_idle();
    return connection;
  }
  void name(RpcConnection& client, std::string_view its) {
    register_name(client, its,
                  [this](const RpcStatus& status) { outcomes.lines.push_back(status.message()); });
    loop.run_until_idle();
  }

  // Before the loop, whose end is told to callbacks and handlers.
  RpcServices services;
  std::vector<std::unique_ptr<RpcServices>> own;
  std::vector<RpcReply<StringValue>> replies;
  Outcomes outcomes;
  ManualClock clock;
  IOLoop loop{clock};
  std::optional<RpcServer> server;
};

TEST(RpcNames, LeadToThePeerThatHasThem) {
  Hub hub;
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob");
  hub.name(ann, "a");
  RpcMetadata metadata;
  metadata.add("from", "bob");
  RpcMetadata reply_metadata;
  bob.call_node<StringValue>(
      "a", "Who", text("is it?"),
      {.timeout = 9s, .metadata = &metadata, .reply_metadata = &reply_metadata},
      hub.outcomes.add());
  hub.loop.run_until_idle();
  EXPECT_EQ(hub.outcomes.lines, (Lines{"OK", "OK ann is it? 9 bob"}));
  EXPECT_EQ(reply_metadata.find("by"), "ann");
}

TEST(RpcNames, ThatNobodyHasAreNotFound) {
  Hub hub;
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob");
  bob.call_node<StringValue>("a", "Who", text(""), {}, hub.outcomes.add());
  hub.loop.run_until_idle();
  hub.name(ann, "a");
  ann.abort();
  hub.loop.run_until_idle();
  bob.call_node<StringValue>("a", "Who", text(""), {}, hub.outcomes.add());
  hub.loop.run_until_idle();
  EXPECT_EQ(hub.outcomes.lines,
            (Lines{"NOT_FOUND: no peer of that name", "OK", "NOT_FOUND: no peer of that name"}));
}

TEST(RpcNames, BelongToOnePeerEach) {
  Hub hub;
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob");
  hub.name(ann, "a");
  hub.name(bob, "a");
  hub.name(bob, "");
  for (int i = 0; i < 16; ++i) hub.name(ann, "a" + std::to_string(i));
  EXPECT_EQ(hub.outcomes.lines[1], "ALREADY_EXISTS: the name is taken");
  EXPECT_EQ(hub.outcomes.lines[2], "INVALID_ARGUMENT: a name has 1 to 255 bytes");
  EXPECT_EQ(hub.outcomes.lines.back(), "RESOURCE_EXHAUSTED: a connection has 16 names at most");
}

TEST(RpcNames, PassStatusesAndCancellationOn) {
  Hub hub;
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob");
  hub.name(ann, "a");
  bob.call_node<StringValue>("a", "Nothing", text(""), {}, hub.outcomes.add());
  hub.loop.run_until_idle();
  EXPECT_EQ(hub.outcomes.lines.back(), "UNIMPLEMENTED: there is no such method");
  const auto call = bob.call_node<StringValue>("a", "Hang", text(""), {}, hub.outcomes.add());
  hub.loop.run_until_idle();
  ASSERT_EQ(hub.replies.size(), 1u);
  call.cancel();
  hub.loop.run_until_idle();
  EXPECT_TRUE(hub.replies[0].context().cancelled());
}

TEST(RpcNames, EndTheCallWhenTheirPeerIsLost) {
  Hub hub;
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob");
  hub.name(ann, "a");
  bob.call_node<StringValue>("a", "Hang", text(""), {}, hub.outcomes.add());
  hub.loop.run_until_idle();
  ann.abort();
  hub.loop.run_until_idle();
  ASSERT_EQ(hub.outcomes.lines.size(), 2u);
  EXPECT_EQ(hub.outcomes.lines[1], "UNAVAILABLE: the peer was lost") << "why is not its business";
}

TEST(RpcNames, BringMetadataBack) {
  Hub hub;
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob");
  hub.name(ann, "a");
  RpcMetadata got;
  bob.call_node<StringValue>(
      "a", "Sign", text(""), {},
      [&](const RpcStatus&, StringValue&, const RpcMetadata& metadata) { got = metadata; });
  hub.loop.run_until_idle();
  EXPECT_EQ(got.find("by"), "ann");
}

TEST(RpcNames, KeepALargeReplyFromACallerThatDoesNotTakeIt) {
  Hub hub;
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob", {.max_message_bytes = 100});
  hub.name(ann, "a");
  bob.call_node<StringValue>("a", "Fill", text(""), {}, hub.outcomes.add());
  hub.loop.run_until_idle();
  EXPECT_EQ(hub.outcomes.lines.back(),
            "RESOURCE_EXHAUSTED: the reply is larger than the caller takes");
  EXPECT_TRUE(bob.is_open());
}

TEST(RpcNames, EndCallsOfCallersThatSetNoDeadline) {
  Hub hub;
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob");
  hub.name(ann, "a");
  bob.call_node<StringValue>("a", "Hang", text(""), {.timeout = never}, hub.outcomes.add());
  hub.clock.advance(29s);
  EXPECT_EQ(hub.outcomes.lines, Lines{"OK"});
  hub.clock.advance(1s);
  ASSERT_EQ(hub.outcomes.lines.size(), 2u);
  EXPECT_EQ(hub.outcomes.lines[1].find("DEADLINE_EXCEEDED"), 0u);
  EXPECT_TRUE(hub.replies.at(0).context().cancelled());
}

TEST(RpcNames, LeaveRoomForOtherCallers) {
  Hub hub;
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob");
  RpcConnection& eve = hub.join("eve");
  hub.name(ann, "a");
  for (int i = 0; i < 200; ++i) {
    eve.call_node<StringValue>("a", "Hang", text(""), {}, hub.outcomes.add());
  }
  hub.loop.run_until_idle();
  EXPECT_EQ(hub.replies.size(), 128u);
  EXPECT_EQ(hub.outcomes.lines.size(), 1u + 72) << "refused at once";
  bob.call_node<StringValue>("a", "Hang", text(""), {}, hub.outcomes.add());
  hub.loop.run_until_idle();
  EXPECT_EQ(hub.replies.size(), 129u);
  hub.replies.clear();
  hub.loop.run_until_idle();
  eve.call_node<StringValue>("a", "Hang", text(""), {}, hub.outcomes.add());
  hub.loop.run_until_idle();
  EXPECT_EQ(hub.replies.size(), 1u) << "there is room again";
}

TEST(RpcNames, AreNotTakenByALostConnection) {
  RpcStatus taken;
  Hub hub;
  hub.services.on<StringValue, StringValue>(
      "Retake", [&](RpcContext&, StringValue&, RpcReply<StringValue> reply) {
        RpcContext& context = reply.context();
        context.on_cancel([&] {
          if (context.connection() != nullptr) taken = context.connection()->take_name("late");
        });
        hub.replies.push_back(std::move(reply));
      });
  RpcConnection& ann = hub.join("ann");
  ann.call<StringValue>("Retake", text(""), hub.outcomes.add());
  hub.loop.run_until_idle();
  ann.abort();
  hub.loop.run_until_idle();
  EXPECT_EQ(taken.message(), "UNAVAILABLE: the connection is lost");
  EXPECT_EQ(hub.server->node_names(), Lines{});
}

TEST(RpcNames, AreFreeAgainWhenEitherSideGoesAway) {
  for (const bool server_leaves : {true, false}) {
    Outcomes unended;
    Hub hub;
    RpcConnection& ann = hub.join("ann");
    hub.name(ann, "a");
    ann.call<StringValue>("Wait", text(""), unended.add());
    hub.server->node("a").call<StringValue>("Hang", text(""), unended.add());
    hub.loop.run_until_idle();
    if (server_leaves) {
      hub.server->for_each_connection(
          [](Protocol& each) { static_cast<RpcConnection&>(each).go_away(); });
    } else {
      ann.go_away();
    }
    hub.loop.run_until_idle();
    ASSERT_EQ(hub.replies.size(), 2u);
    ASSERT_EQ(hub.server->connection_count(), 1u) << "there are calls in flight";
    hub.name(hub.join("ann again"), "a");
    EXPECT_EQ(hub.outcomes.lines, (Lines{"OK", "OK"}));
  }
}

TEST(RpcNames, DoNotStayWithAPeerThatIsSilent) {
  Hub hub;
  hub.join("bob");
  MemoryPeer silent(*hub.server);
  silent.send(preface + register_a);
  EXPECT_EQ(hub.server->node_names(), Lines{"a"});
  hub.clock.advance(30s);
  EXPECT_EQ(hub.server->connection_count(), 2u) << "it is asked for a sign of life";
  hub.clock.advance(10s);
  EXPECT_EQ(hub.server->node_names(), Lines{});
  EXPECT_EQ(hub.server->connection_count(), 1u) << "others may sleep";
}

struct Watch : RpcInterceptor {
  RpcStatus before_call(RpcContext& context) override {
    if (const RpcForwardedTo* const to = context.forwarded_to()) {
      lines.push_back(to->node + " " + to->method + " " +
                      std::string(context.metadata().find("from").value_or("nobody")));
    }
    return {};
  }
  Lines lines;
};

TEST(RpcNames, ShowInterceptorsWhereACallGoes) {
  Hub hub;
  const auto watch = std::make_shared<Watch>();
  hub.services.intercept(watch);
  RpcConnection& ann = hub.join("ann");
  RpcConnection& bob = hub.join("bob");
  hub.name(ann, "a");
  RpcMetadata metadata;
  metadata.add("from", "bob");
  bob.call_node<StringValue>("a", "Who", text(""), {.metadata = &metadata}, hub.outcomes.add());
  hub.loop.run_until_idle();
  EXPECT_EQ(watch->lines, Lines{"a Who bob"});
}

}  // namespace
}  // namespace twister
