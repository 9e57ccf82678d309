// What operators see of calls: by method, by cause, on every wire, and by HTTP.
#include <memory>
#include <optional>

#include <gmock/gmock.h>

#include <twister/metrics.hpp>
#include <twister/rpc/client.hpp>
#include <twister/rpc/json_rpc.hpp>
#include <twister/rpc/json_rpc_services.hpp>
#include <twister/rpc/server.hpp>
#include <twister/rpc/stream.hpp>
#include <twister/rpc/torpc.hpp>
#include <twister/rpc/torpc_rpc_services.hpp>
#include <twister/testing/memory_transport.hpp>

#include "memory/admin_client.hpp"
#include "wire.hpp"

namespace twister {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

auto refused(const std::string& cause, int calls) {
  return HasSubstr("rpc_calls_refused_total{cause=\"" + cause + "\"} " + std::to_string(calls) +
                   "\n");
}
auto fault(const std::string& cause, int times) {
  return HasSubstr("rpc_peer_faults_total{cause=\"" + cause + "\"} " + std::to_string(times) +
                   "\n");
}
auto answered(const std::string& method, const std::string& code, int calls) {
  return HasSubstr("rpc_calls_total{code=\"" + code + "\",method=\"" + method + "\"} " +
                   std::to_string(calls) + "\n");
}

TEST(RpcMetrics, HaveEveryCauseFromTheBeginning) {
  MetricsRegistry registry;
  RpcPair pair({.metrics = &registry});
  pair.connect();
  EXPECT_THAT(registry.text(),
              AllOf(refused("deadline", 0), refused("draining", 0), refused("malformed", 0),
                    refused("max_calls_in_flight", 0), refused("max_forwarded_calls", 0),
                    refused("max_in_flight", 0), refused("max_message_bytes", 0)));
  EXPECT_THAT(registry.text(),
              AllOf(refused("max_metadata_bytes", 0), refused("max_request_bytes", 0),
                    refused("max_wait", 0), refused("memory_budget", 0),
                    refused("unknown_method", 0), fault("duplicate_id", 0), fault("malformed", 0),
                    fault("unknown_frame", 0), fault("unknown_id", 0)));
}

TEST(RpcMetrics, SayWhyAConnectionRefusesCalls) {
  MetricsRegistry registry;
  RpcPair pair({.max_calls_in_flight = 1, .max_metadata_bytes = 10, .metrics = &registry});
  pair.connect();
  RpcMetadata metadata;
  metadata.add("key", std::string(100, 'x'));
  pair.client->call<Int32Value>("None", number(1), pair.outcomes.add());
  pair.client->call<Int32Value>("Add1", number(1), {.metadata = &metadata}, pair.outcomes.add());
  pair.client->call<Int32Value>("Later", number(1), pair.outcomes.add());
  pair.client->call<Int32Value>("Later", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.server->go_away();
  pair.client->call<Int32Value>("Add1", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_THAT(registry.text(), AllOf(refused("unknown_method", 1), refused("max_metadata_bytes", 1),
                                     refused("max_calls_in_flight", 1), refused("draining", 1)));
  EXPECT_EQ(pair.server->counters().refused, 4u);
  EXPECT_EQ(pair.server->counters().calls, 1u);
}

TEST(RpcMetrics, SayWhichLimitOfAMethodWasReached) {
  MetricsRegistry registry;
  RpcPair pair({.metrics = &registry});
  pair.services.options_of("Later") = {.max_request_bytes = 4, .max_in_flight = 1};
  pair.connect();
  pair.client->call<Int32Value>("Later", number(1'000'000'000), pair.outcomes.add());
  pair.client->call<Int32Value>("Later", number(1), pair.outcomes.add());
  pair.client->call<Int32Value>("Later", number(1), pair.outcomes.add());
  const auto stream = open_stream<Int32Value, Int32Value>(*pair.client, "Add1");
  pair.loop.run_until_idle();
  EXPECT_THAT(registry.text(), AllOf(refused("max_request_bytes", 1), refused("max_in_flight", 1),
                                     refused("malformed", 1), Not(HasSubstr("rpc_calls_total"))));
}

TEST(RpcMetrics, SayThatRequestsWereReadTooLate) {
  MetricsRegistry registry;
  RpcPair pair({.metrics = &registry});
  pair.connect();
  pair.client->call<Int32Value>("Pause", number(0), pair.outcomes.add());
  pair.client->call<Int32Value>("Add1", number(0), pair.outcomes.add());
  pair.loop.run_until_idle();
  pair.clock.advance(1001ms);
  pair.server->resume_reading();
  pair.loop.run_until_idle();
  EXPECT_THAT(registry.text(), AllOf(answered("Pause", "OK", 1), refused("max_wait", 1)));
}

TEST(RpcMetrics, SayThatADeadlineHadPassed) {
  MetricsRegistry registry;
  Wire wire({.metrics = &registry});
  const std::string no_time = hex("04000000 01 04 0100 05000000 00000000");
  wire.send(preface + name_add1 + no_time);
  EXPECT_THAT(registry.text(), AllOf(answered("Add1", "OK", 1), refused("deadline", 1)));
}

TEST(RpcMetrics, CountWhatPeersDoWrong) {
  MetricsRegistry registry;
  Wire wire({.metrics = &registry});
  wire.send(preface + hex("02000000 70 ff 0100 01000000 aabb") +  // a kind that there is not
            hex("00000000 06 00 0000 09000000") +                 // a cancel of no call
            name_later + hex("00000000 01 00 0200 02000000") +    // an id in use
            preface);                                             // a second time
  EXPECT_THAT(registry.text(), AllOf(fault("unknown_frame", 1), fault("unknown_id", 1),
                                     fault("duplicate_id", 1), fault("malformed", 1)));
}

// ---- servers, on all wires ----

const std::string call_free = R"({"jsonrpc":"2.0","id":1,"method":"free"})"
                              "\n";

// Where each server of a program has the same services, and the registry of the admin listener.
struct Measured {
  Measured() {
    services.on<Int32Value, Int32Value>(
        "Add1", [](RpcContext&, const Int32Value& request, Int32Value& reply) -> RpcStatus {
          reply.set_value(request.value() + 1);
          return {};
        });
    methods.on("free", [] { return 1; });
    add_services(methods, services);
    functions.on("free", [] { return 1; });
    add_services(functions, services);
    options.stream.metrics = &registry;
  }
  // What is answered to these bytes.
  std::string say(TcpServer& server, std::string_view bytes) {
    auto [near, far] = memory_transport_pair(loop);
    server.add_connection(std::move(near));
    Script script;
    make_connection(loop, std::move(far), std::make_unique<Scripted>(script));
    loop.run_until_idle();
    script.conn->write(bytes);
    loop.run_until_idle();
    return script.received;
  }

  MetricsRegistry registry;
  RpcServices services;
  JsonRpcMethods methods;
  TorpcServices functions;
  ServerOptions options;
  ManualClock clock;
  IOLoop loop{clock};
};

TEST(RpcMetrics, AreOnTheAdminListener) {
  Measured program;
  RpcServer server(program.loop, "", program.services, {.server = program.options});
  EXPECT_NE(program.say(server, preface + name_add1), "");
  AdminServer admin(program.loop, "127.0.0.1:0", program.registry);
  AdminClient client(program.loop, admin);
  EXPECT_THAT(client.body("/metrics"),
              AllOf(answered("Add1", "OK", 1), refused("max_wait", 0),
                    HasSubstr("rpc_call_seconds_count{method=\"Add1\"} 1\n"),
                    HasSubstr("rpc_calls_in_flight{method=\"Add1\"} 0\n")));
}

TEST(RpcMetrics, AddUpTheWiresOfAService) {
  Measured program;
  RpcServer binary(program.loop, "", program.services, {.server = program.options});
  JsonRpcServer json(program.loop, "", program.methods, {}, program.options);
  TorpcServer torpc(program.loop, "", program.functions, {}, program.options);
  program.say(binary, preface + name_add1);
  EXPECT_THAT(program.say(json, R"({"jsonrpc":"2.0","id":1,"method":"Add1","params":[4]})"
                                "\n"),
              HasSubstr("\"result\":5"));
  // ["Add1", [4]]
  program.say(torpc, hex("00000008 00 00000001 92 a4 41646431 91 04"));
  EXPECT_THAT(
      program.registry.text(),
      AllOf(answered("Add1", "OK", 3), HasSubstr("rpc_call_seconds_count{method=\"Add1\"} 3\n")));
}

TEST(RpcMetrics, HaveHandlersThatTakeJsonToo) {
  Measured program;
  JsonRpcServer json(program.loop, "", program.methods, {}, program.options);
  TorpcServer torpc(program.loop, "", program.functions, {}, program.options);
  program.say(json,
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"free\"}\n"
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"none\"}\n");
  program.say(torpc, hex("00000007 00 00000001 92 a4 66726565 90"     // ["free", []]
                         "00000007 00 00000002 92 a4 6e6f6e65 90"));  // ["none", []]
  EXPECT_THAT(program.registry.text(),
              AllOf(answered("free", "OK", 2), refused("unknown_method", 2)));
}

TEST(RpcMetrics, AreLeftOutWhereTheRegistryIsFullAndCallsAreAnswered) {
  const CapturedLog log;
  Measured program;
  MetricsRegistry small({.max_series = 3});
  program.options.stream.metrics = &small;
  JsonRpcServer json(program.loop, "", program.methods, {}, program.options);
  EXPECT_THAT(program.say(json, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"free\"}\n"),
              HasSubstr("\"result\":1"));
  ASSERT_EQ(log.lines().size(), 1u);
  EXPECT_THAT(log.lines()[0], HasSubstr("max_series 3"));
}

TEST(RpcMetrics, AreLeftOutByAServerThatHasNotAskedForThem) {
  const CapturedLog log;
  Measured program;
  const Counter own = program.registry.counter("rpc_calls_refused_total", "My own.");
  RpcServer server(program.loop, "", program.services, {.server = program.options});
  EXPECT_NE(program.say(server, preface + name_add1), "");
  ASSERT_EQ(log.lines().size(), 1u);
  EXPECT_THAT(log.lines()[0], HasSubstr("rpc_metrics_refused"));
  MetricsRegistry small({.max_series = 3});
  RpcServerOptions asked{.rpc = {.metrics = &small}, .server = program.options};
  EXPECT_THROW(RpcServer(program.loop, "", program.services, asked), std::length_error);
}

TEST(RpcMetrics, StayRegisteredWhenTheirConnectionsAreGone) {
  Measured program;
  JsonRpcServer json(program.loop, "", program.methods, {}, program.options);
  {
    MemoryPeer client(json);
    client.send(call_free);
    EXPECT_THAT(client.take(), HasSubstr("\"result\":1"));
  }
  program.loop.run_until_idle();
  EXPECT_EQ(json.connection_count(), 0u);
  EXPECT_THAT(program.registry.text(), HasSubstr("rpc_calls_in_flight{method=\"free\"} 0\n"));
}

TEST(RpcMetrics, AreInTheRegistryOfTheirServer) {
  Measured program;
  auto other = std::make_unique<MetricsRegistry>();
  ServerOptions options;
  options.stream.metrics = other.get();
  auto first =
      std::make_unique<JsonRpcServer>(program.loop, "", program.methods, JsonRpcOptions(), options);
  JsonRpcServer second(program.loop, "", program.methods, {}, program.options);
  program.say(*first, call_free);
  program.say(second, call_free);
  EXPECT_THAT(other->text(), answered("free", "OK", 1));
  first.reset();
  program.loop.run_until_idle();
  other.reset();
  program.say(second, R"({"jsonrpc":"2.0","id":1,"method":"free","params":[1]})"
                      "\n");
  EXPECT_THAT(program.registry.text(),
              AllOf(answered("free", "OK", 1), answered("free", "INVALID_ARGUMENT", 1)));
}

TEST(RpcMetrics, AreInARegistryThatIsWhereAnotherWas) {
  Measured program;
  std::optional<MetricsRegistry> registry;
  for (int run = 0; run < 2; ++run) {
    registry.emplace();
    program.options.stream.metrics = &*registry;
    JsonRpcServer json(program.loop, "", program.methods, {}, program.options);
    program.say(json, call_free);
    EXPECT_THAT(registry->text(), answered("free", "OK", 1)) << run;
  }
}

TEST(RpcMetrics, AreThoseOfClientsThatAreCalledAsWell) {
  Measured program;
  RpcClient client(program.loop, "host:1",
                   {.connect = {.stream = program.options.stream}, .services = &program.services});
  EXPECT_THAT(program.registry.text(), refused("max_wait", 0));
}

TEST(RpcMetrics, HaveParametersThatAreNoRequest) {
  Measured program;
  JsonRpcServer json(program.loop, "", program.methods, {}, program.options);
  EXPECT_THAT(program.say(json, R"({"jsonrpc":"2.0","id":1,"method":"Add1","params":[4,5]})"
                                "\n"),
              HasSubstr("-32602"));
  EXPECT_THAT(program.registry.text(), refused("malformed", 1));
}

TEST(RpcMetrics, SayWhyAJsonRpcServerRefusesCallsOfAService) {
  Measured program;
  program.services.on<Int32Value, Int32Value>(
      "Hold", [](RpcContext& context, Int32Value&, RpcReply<Int32Value> reply) {
        context.loop().call_later(1s, [reply] { reply(number(1)); });
      });
  JsonRpcMethods methods;
  add_services(methods, program.services);
  JsonRpcOptions options;
  options.max_calls_in_flight = 1;
  JsonRpcServer json(program.loop, "", methods, options, program.options);
  const std::string call = R"({"jsonrpc":"2.0","id":1,"method":"Hold","params":[4]})"
                           "\n";
  EXPECT_THAT(program.say(json, call + call), HasSubstr("-32008"));
  EXPECT_THAT(program.registry.text(), refused("max_calls_in_flight", 1));
}

}  // namespace
}  // namespace twister
