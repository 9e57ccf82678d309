// What piles up before a peer that is called by its name, on its loop or on the way there.
#include <algorithm>

#include <twister/memory_budget.hpp>
#include <twister/rpc/names.hpp>
#include <twister/rpc/server.hpp>

#include "support/allocation_counter.hpp"
#include "wire.hpp"

namespace twister {
namespace {

using namespace testing;

// Two servers with names in common, each with a loop that runs when the test says so. "a", a peer that answers
// nothing, is on the first.
struct Shared {
  Shared() {
    add_names(services);
    const RpcServerOptions options{.names = std::make_shared<RpcNames>()};
    there.emplace(far, "", services, options);
    here.emplace(near, "", services, options);
    peer.emplace(*there);
    peer->send(preface + register_a);
  }
  void call(RpcServer& by, const std::string& message = "") {
    by.node("a").call<StringValue>("Hang", text(message), outcomes.add());
    near.run_until_idle();
  }
  std::size_t count(std::string_view outcome) const {
    return static_cast<std::size_t>(
        std::count(outcomes.lines.begin(), outcomes.lines.end(), outcome));
  }

  RpcServices services;
  Outcomes outcomes;
  ManualClock clock;
  IOLoop far{clock};
  IOLoop near{clock};
  std::optional<RpcServer> there;
  std::optional<RpcServer> here;
  std::optional<MemoryPeer> peer;
};

constexpr auto under_way = "RESOURCE_EXHAUSTED: too much is on its way to the peer's loop";

TEST(RpcNamesUnderWay, AreSoManyCallsAtMostOfALoop) {
  Shared shared;
  for (int i = 0; i < 1500; ++i) {
    const auto call =
        shared.here->node("a").call<StringValue>("Hang", text(""), shared.outcomes.add());
    shared.near.run_until_idle();
    call.cancel();
    shared.near.run_until_idle();
  }
  EXPECT_EQ(shared.count(under_way), 1500u - 1024) << "what is cancelled is on its way, too";
  shared.far.run_until_idle();
  shared.call(*shared.here);
  EXPECT_EQ(shared.outcomes.lines.size(), 1500u) << "there is room again";
}

TEST(RpcNamesUnderWay, AreSoManyBytesAtMostWhichCountForTheBudget) {
  Shared shared;
  const MemoryBudget& budget = MemoryBudget::of_process();
  const std::size_t before = budget.used_bytes();
  for (int i = 0; i < 300; ++i) {
    shared.here->node("a").notify("Hang", text(std::string(100'000, 'x')));
    shared.near.run_until_idle();
  }
  EXPECT_GE(budget.used_bytes() - before, 16u << 20);
  EXPECT_LE(budget.used_bytes() - before, 17u << 20);
  shared.call(*shared.here);
  EXPECT_EQ(shared.outcomes.lines, Lines{under_way});
  shared.peer.reset();
  shared.far.run_until_idle();
  EXPECT_EQ(budget.used_bytes(), before);
}

TEST(RpcNamesUnderWay, EndWithTheirDeadlineWhenThereIsNoMemoryToSayMore) {
  Shared shared;
  shared.there->abort_connections();
  shared.far.add_callback([] { fail_allocation_behind(0); });
  shared.call(*shared.here);  // finds the name, and behind this nobody
  shared.far.run_until_idle();
  fail_no_allocation();
  EXPECT_EQ(shared.there->node_names(), Lines{});
  shared.near.run_until_idle();
  EXPECT_EQ(shared.outcomes.lines, Lines{});
  shared.clock.advance(30s);
  EXPECT_EQ(shared.outcomes.lines, Lines{"DEADLINE_EXCEEDED: no reply before the deadline"});
}

TEST(RpcNames, DoNotCostAPeerItsConnectionThatTakesNothing) {
  Shared shared;
  shared.peer->stop_receiving();
  for (int i = 0; i < 300; ++i) {
    shared.call(i % 2 == 0 ? *shared.here : *shared.there, std::string(100'000, 'x'));
    shared.far.run_until_idle();
    shared.near.run_until_idle();
  }
  EXPECT_FALSE(shared.peer->was_reset());
  EXPECT_GE(shared.count("RESOURCE_EXHAUSTED: the peer does not take what it is sent"), 200u);
  shared.peer->go_on_receiving();
  const std::size_t before = shared.outcomes.lines.size();
  shared.call(*shared.there);
  shared.far.run_until_idle();
  EXPECT_EQ(shared.outcomes.lines.size(), before) << "it is called again";
}

}  // namespace
}  // namespace twister
