// Interceptors on both sides, metrics, reflection, and calls inside one program.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include <twister/metrics.hpp>
#include <twister/rpc/client.hpp>
#include <twister/rpc/local.hpp>
#include <twister/rpc/names.hpp>
#include <twister/rpc/reflection.hpp>
#include <twister/rpc/server.hpp>

#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

// Lets calls with a token in, and keeps what it sees.
struct Guard : RpcInterceptor {
  RpcStatus before_call(RpcContext& context) override {
    lines.push_back("before " + context.method().name());
    if (context.metadata().find("token") != "secret") return RpcCode::unauthenticated;
    return {};
  }
  void after_call(RpcContext& context, const RpcStatus& status) override {
    lines.push_back("after " + context.method().name() + " " + status.message());
  }
  Lines lines;
};

struct Credentials : RpcCallerInterceptor {
  RpcStatus before_call(std::string_view method, RpcMetadata& metadata) override {
    if (method == "Secret") return {RpcCode::permission_denied, "not from here"};
    metadata.add("token", "secret");
    return {};
  }
  void after_call(std::string_view method, const RpcStatus& status, Duration time) override {
    lines.push_back(std::string(method) + " " + status.message() + " " +
                    std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()));
  }
  Lines lines;
};

TEST(RpcInterceptor, LetsNobodyInWithoutAToken) {
  RpcPair pair;
  const auto guard = std::make_shared<Guard>();
  pair.services.intercept(guard);
  pair.connect();
  pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  RpcMetadata metadata;
  metadata.add("token", "secret");
  pair.client->call<Int32Value>("Add1", number(1), {.metadata = &metadata}, pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"UNAUTHENTICATED", "OK 2"}));
  EXPECT_EQ(pair.started, 1);
  EXPECT_EQ(guard->lines,
            (Lines{"before Add1", "after Add1 UNAUTHENTICATED", "before Add1", "after Add1 OK"}));
}

TEST(RpcInterceptor, IsToldWhatTheCallerWasTold) {
  RpcPair pair({}, {.max_message_bytes = 100});
  const auto guard = std::make_shared<Guard>();
  pair.services.intercept(guard);
  pair.services.on<Int32Value, StringValue>(
      "Long", [](RpcContext&, const Int32Value&, StringValue& reply) -> RpcStatus {
        reply.set_value(std::string(101, 'x'));
        return {};
      });
  pair.connect();
  RpcMetadata metadata;
  metadata.add("token", "secret");
  pair.client->call<StringValue>("Long", number(1), {.metadata = &metadata}, pair.outcomes.add());
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.outcomes.lines.size(), 1u);
  EXPECT_EQ(guard->lines.back(), "after Long " + pair.outcomes.lines[0]);
  EXPECT_EQ(pair.outcomes.lines[0],
            "RESOURCE_EXHAUSTED: the reply is larger than the caller takes");
}

TEST(RpcInterceptor, OfTheCallerAddsCredentialsAndSeesTheEnd) {
  const auto credentials = std::make_shared<Credentials>();
  RpcOptions options;
  options.interceptors = {credentials};
  RpcPair pair({}, options);
  pair.services.intercept(std::make_shared<Guard>());
  pair.connect();
  pair.client->call<Int32Value>("Later", number(1), pair.outcomes.add());
  pair.clock.advance(3s);
  pair.replies.at(0)(number(5));
  pair.client->call<Int32Value>("Secret", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines.size(), 2u);
  EXPECT_THAT(credentials->lines, ::testing::UnorderedElementsAre(
                                      "Later OK 3", "Secret PERMISSION_DENIED: not from here 0"));
}

TEST(RpcMetrics, CountAndTimeCallsByMethod) {
  MetricsRegistry registry;
  {
    RpcPair pair({.metrics = &registry});
    pair.connect();
    pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
    pair.client->call<Int32Value>("Later", number(1), pair.outcomes.add());
    pair.clock.advance(2s);
    EXPECT_NE(registry.text().find("rpc_calls_in_flight{method=\"Later\"} 1"), std::string::npos);
    pair.replies.at(0)(RpcCode::aborted);
    pair.loop.run_until_idle();
    const std::string page = registry.text();
    EXPECT_NE(page.find("rpc_calls_total{code=\"OK\",method=\"Add1\"} 1"), std::string::npos)
        << page;
    EXPECT_NE(page.find("rpc_calls_total{code=\"ABORTED\",method=\"Later\"} 1"), std::string::npos);
    EXPECT_NE(page.find("rpc_call_seconds_sum{method=\"Later\"} 2"), std::string::npos) << page;
    EXPECT_NE(page.find("rpc_calls_in_flight{method=\"Later\"} 0"), std::string::npos);
  }
}

TEST(RpcReflection, ListsMethodsAndTheirMessages) {
  RpcPair pair;
  add_reflection(pair.services);
  pair.connect();
  std::string lines;
  google::protobuf::FileDescriptorSet files;
  pair.client->call<StringValue>(
      "twister.Reflection/Methods", text("Add"),
      [&](const RpcStatus&, StringValue& reply) { lines = reply.value(); });
  pair.client->call<google::protobuf::FileDescriptorSet>(
      "twister.Reflection/Descriptors", text("Add"),
      [&](const RpcStatus&, google::protobuf::FileDescriptorSet& reply) { files = reply; });
  pair.loop.run_until_idle();
  EXPECT_EQ(lines, "Add1 unary google.protobuf.Int32Value google.protobuf.Int32Value\n");
  ASSERT_EQ(files.file_size(), 1);
  EXPECT_EQ(files.file(0).name(), "google/protobuf/wrappers.proto");
}

TEST(RpcLocalDialer, CallsAServerOfTheSameProgram) {
  RpcServices services;
  Outcomes outcomes;
  ManualClock clock;
  IOLoop loop(clock);
  services.on<Int32Value, Int32Value>(
      "Add1", [](RpcContext&, const Int32Value& request, Int32Value& reply) -> RpcStatus {
        reply.set_value(request.value() + 1);
        return {};
      });
  RpcServer server(loop, "", services);
  RpcLocalDialer here(server);
  RpcClientOptions options;
  options.connect.dialer = &here;
  RpcClient client(loop, RpcLocalDialer::address(), options);
  client.call<Int32Value>("Add1", number(1), outcomes.add());
  loop.run_until_idle();
  EXPECT_EQ(outcomes.lines, Lines{"OK 2"});
}

// W3C's headers of a request, as a handler sees them.
RpcStatus trace(RpcContext& context, const StringValue&, StringValue& reply) {
  std::string seen;
  for (const auto& [key, value] : context.metadata()) seen += key + "=" + value + ";";
  reply.set_value(seen);
  return {};
}

// A server whose "Relay" asks a peer of the server, by name, for what it sees; and the two clients.
struct Traced : RpcPair {
  explicit Traced(const RpcMetadata* added = nullptr) {
    add_names(services);
    client_services.on<StringValue, StringValue>("Trace", trace);
    services.on<StringValue, StringValue>(
        "Relay", [this, added](RpcContext& context, StringValue&, RpcReply<StringValue> reply) {
          relay->call_node<StringValue>("end", "Trace", text(""),
                                        {.metadata = added, .parent = &context},
                                        [reply](const RpcStatus& status, StringValue& seen) {
                                          status.ok() ? reply(seen) : reply(status);
                                        });
        });
    connect();
    register_name(*client, "end", [](const RpcStatus& status) { EXPECT_TRUE(status.ok()); });
    loop.run_until_idle();
  }
  // What is seen at the end of: client, "Relay", the server once more, client.
  std::string seen_with(const RpcMetadata& metadata) {
    relay = client;
    client->call<StringValue>("Relay", text(""), {.metadata = &metadata}, outcomes.add());
    loop.run_until_idle();
    return outcomes.lines.at(0);
  }
  RpcConnection* relay = nullptr;
};

TEST(RpcTrace, IsPassedOnToWhatIsAskedOnBehalfOfACall) {
  RpcMetadata metadata;
  metadata.add("traceparent", "00-1-2-01");
  metadata.add("user", "ann");
  metadata.add("tracestate", "a=1");
  metadata.add("tracestate", "b=2");
  EXPECT_EQ(Traced().seen_with(metadata),
            "OK traceparent=00-1-2-01;tracestate=a=1;tracestate=b=2;");
}

TEST(RpcTrace, StateMeansNothingWithoutItsParent) {
  RpcMetadata metadata;
  metadata.add("tracestate", "a=1");
  EXPECT_EQ(Traced().seen_with(metadata), "OK ");
}

TEST(RpcTrace, OfTheCallItselfTakesThePlaceOfBoth) {
  RpcMetadata own;
  own.add("traceparent", "00-1-9-01");
  RpcMetadata metadata;
  metadata.add("traceparent", "00-1-2-01");
  metadata.add("tracestate", "a=1");
  EXPECT_EQ(Traced(&own).seen_with(metadata), "OK traceparent=00-1-9-01;");
}

}  // namespace
}  // namespace twister
