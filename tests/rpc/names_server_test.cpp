// A server that calls its clients by their names, and is told of them.
#include <twister/memory_budget.hpp>
#include <twister/rpc/names.hpp>
#include <twister/rpc/server.hpp>
#include <twister/rpc/stream.hpp>
#include <twister/rpc/task.hpp>

#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

struct Greeting : RpcServer {
  Greeting(IOLoop& its, const RpcServices& services, Outcomes& told)
      : RpcServer(its, "", services), outcomes(told) {}
  void on_registered(RpcConnection& peer, const std::string& name) override {
    outcomes.lines.push_back("here is " + name);
    if (name == "unwanted") return peer.abort();
    peer.call<StringValue>("Greet", text("welcome"), outcomes.add());
  }
  void on_unregistered(const std::string& name) override {
    outcomes.lines.push_back(name + " is gone");
  }
  Outcomes& outcomes;
};

struct Office {
  Office() {
    add_names(services);
    own.on<StringValue, StringValue>(
        "Greet", [](RpcContext&, const StringValue& request, StringValue& reply) -> RpcStatus {
          reply.set_value("thanks for " + request.value());
          return {};
        });
    own.on<StringValue, StringValue>(
        "Hang", [this](RpcContext&, StringValue&, RpcReply<StringValue> reply) {
          replies.push_back(std::move(reply));
        });
    server.emplace(loop, services, outcomes);
  }
  ~Office() { replies.clear(); }

  RpcConnection& join(std::string_view name) {
    auto [near, far] = memory_transport_pair(loop);
    server->add_connection(std::move(far));
    auto made = std::make_unique<RpcConnection>(loop, &own);
    RpcConnection& connection = *made;
    make_connection(loop, std::move(near), std::move(made));
    register_name(connection, name, [this](const RpcStatus& status) {
      outcomes.lines.push_back("told " + status.message().substr(0, 11));
    });
    loop.run_until_idle();
    return connection;
  }

  RpcServices services;
  RpcServices own;
  std::vector<RpcReply<StringValue>> replies;
  Outcomes outcomes;
  ManualClock clock;
  IOLoop loop{clock};
  std::optional<Greeting> server;
};

TEST(RpcServerNames, AreToldToTheServerWhenTheyComeAndGo) {
  Office office;
  RpcConnection& ann = office.join("ann");
  EXPECT_EQ(office.server->node_names(), Lines{"ann"});
  ann.abort();
  office.loop.run_until_idle();
  EXPECT_EQ(office.server->node_names(), Lines{});
  EXPECT_EQ(office.outcomes.lines,
            (Lines{"here is ann", "told OK", "OK thanks for welcome", "ann is gone"}));
}

TEST(RpcServerNames, AreLeftWhenWhatTheyWereAskedIsAnswered) {
  Office office;
  office.join("ann");
  RpcConnection& bob = office.join("bob");
  bob.call_node<StringValue>("ann", "Hang", text(""), {}, office.outcomes.add());
  office.loop.run_until_idle();
  ASSERT_EQ(office.replies.size(), 1u);
  bool drained = false;
  office.server->drain([&] { drained = true; });
  office.loop.run_until_idle();
  EXPECT_FALSE(drained);
  office.replies[0](text("at last"));
  office.loop.run_until_idle();
  EXPECT_EQ(office.outcomes.lines.back(), "OK at last");
  EXPECT_TRUE(drained);
}

TEST(RpcServerNames, CountWhatTheyAreAskedInTheMemoryBudget) {
  Office office;
  office.join("ann");
  RpcConnection& bob = office.join("bob");
  const std::size_t before = MemoryBudget::of_process().used_bytes();
  bob.call_node<StringValue>("ann", "Hang", text(std::string(100'000, 'x')), {},
                             office.outcomes.add());
  office.loop.run_until_idle();
  // By the server, which passes it on, and by who is asked.
  EXPECT_GE(MemoryBudget::of_process().used_bytes() - before, 200'000u);
  office.replies.at(0)(text(""));
  office.loop.run_until_idle();
  office.replies.clear();
  EXPECT_EQ(MemoryBudget::of_process().used_bytes(), before);
}

TEST(RpcServerNames, MayCostTheirPeerItsConnectionAtOnce) {
  Office office;
  office.join("unwanted");
  EXPECT_EQ(office.server->connection_count(), 0u);
  EXPECT_EQ(office.outcomes.lines,
            (Lines{"here is unwanted", "unwanted is gone", "told UNAVAILABLE"}));
}

TEST(RpcServerNames, LeadTheServersOwnCallsToTheirPeers) {
  Office office;
  office.join("ann");
  office.outcomes.lines.clear();
  RpcNode node = office.server->node("ann");
  node.call<StringValue>("Greet", text("the flowers"), office.outcomes.add());
  office.server->node("bob").call<StringValue>("Greet", text(""), office.outcomes.add());
  open_server_stream<StringValue>(node, "Greet", text(""))
      .receive([](StringValue&) {},
               [&](const RpcStatus& status) { office.outcomes.lines.push_back(status.message()); });
  office.loop.run_until_idle();
  std::sort(office.outcomes.lines.begin(), office.outcomes.lines.end());
  EXPECT_EQ(office.outcomes.lines,
            (Lines{"NOT_FOUND: no peer of that name", "OK thanks for the flowers",
                   "UNIMPLEMENTED: streams are not for peers by name"}));
}

TEST(RpcServerNames, LeadNowhereWhenTheServerIsGone) {
  Office office;
  office.join("ann");
  RpcNode node = office.server->node("ann");
  office.outcomes.lines.clear();
  node.call<StringValue>("Hang", text(""), office.outcomes.add());
  office.loop.run_until_idle();
  office.server.reset();
  office.loop.run_until_idle();
  node.call<StringValue>("Hang", text(""), office.outcomes.add());
  office.loop.run_until_idle();
  ASSERT_EQ(office.outcomes.lines.size(), 2u) << "and nobody is told that ann is gone";
  EXPECT_EQ(office.outcomes.lines[0].find("UNAVAILABLE: the connection was lost"), 0u);
  EXPECT_EQ(office.outcomes.lines[1], "UNAVAILABLE: the server is gone");
}

TEST(RpcServerNames, MayEndTheServerThatIsToldOfThem) {
  IOLoop loop;
  const auto host = std::make_shared<detail::RpcHost>(loop, nullptr, RpcOptions());
  auto token = std::make_shared<int>(1);
  bool was_there = false;
  host->set_name_events(
      {.unregistered = [&was_there, host = host.get(), token](const std::string&) {
        bool& result = was_there;
        const std::weak_ptr<int> of_this = token;
        host->leave();
        result = !of_this.expired();
      }});
  token.reset();
  host->release_name("ada");
  EXPECT_TRUE(was_there) << "the function that runs";
}

}  // namespace
}  // namespace twister
