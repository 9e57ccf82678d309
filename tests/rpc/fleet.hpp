// tests/rpc/fleet.hpp - a client over a dialer in the test's hands, and two servers.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <twister/rpc/client.hpp>
#include <twister/rpc/names.hpp>
#include <twister/rpc/server.hpp>
#include <twister/testing/manual_dialer.hpp>

#include "pair.hpp"

namespace twister::testing {

inline const Address first = Address::parse("192.0.2.1:80");
inline const Address second = Address::parse("192.0.2.2:80");

// A client, and servers that take its connections when a test says so.
struct Fleet {
  explicit Fleet(std::vector<Destination> to = {first}, RpcClientOptions options = {}) {
    for (auto* each : {&services, &other_services}) {
      add_names(*each);
      const int answer = each == &services ? 1 : 2;
      each->on<Int32Value, Int32Value>(
          "Who", [answer](RpcContext&, const Int32Value&, Int32Value& reply) -> RpcStatus {
            reply.set_value(answer);
            return {};
          });
      each->on<Int32Value, Int32Value>(
          "Later", [this](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
            replies.push_back(std::move(reply));
          });
    }
    server.emplace(loop, "", services);
    other.emplace(loop, "", other_services);
    options.connect.dialer = &dialer;
    options.random = [] { return 0.99; };
    client = std::make_unique<RpcClient>(loop, std::move(to), std::move(options));
  }
  ~Fleet() { replies.clear(); }

  void who(const RpcCallOptions& options = {}) {
    client->call<Int32Value>("Who", number(0), options, outcomes.add());
    loop.run_until_idle();
  }
  void accept(std::size_t attempt, RpcServer& by) {
    by.add_connection(dialer.succeed(attempt));
    loop.run_until_idle();
  }

  // Before the loop, whose end is told to callbacks and handlers.
  RpcServices services;
  RpcServices other_services;
  std::vector<RpcReply<Int32Value>> replies;
  Outcomes outcomes;
  ManualClock clock;
  IOLoop loop{clock};
  ManualDialer dialer{loop};
  std::optional<RpcServer> server;  // made when its services are complete
  std::optional<RpcServer> other;
  std::unique_ptr<RpcClient> client;
};

}  // namespace twister::testing
