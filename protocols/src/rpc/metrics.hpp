// src/rpc/metrics.hpp - what a server knows of its methods, for Prometheus: docs/reference/metrics.md.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <vector>

#include <twister/clock.hpp>
#include <twister/metrics.hpp>
#include <twister/rpc/detail/host.hpp>
#include <twister/rpc/status.hpp>

namespace twister::detail {

// One set of series a method: methods are the program's, so there are as many as it says. Those by cause are
// there from the beginning, so that the first of many is seen as an increase.
//
// Ownership: an RpcHost's; the registry outlives it. Threads: the loop's. Each loop's host has metrics of its own,
//   which the registry adds up.
class RpcMetrics {
 public:
  RpcMetrics(MetricsRegistry& registry, const RpcServices& services);

  void begin(const RpcMethod& method) noexcept { methods_[method.index()].in_flight.add(1); }

  void end(const RpcMethod& method, RpcCode code, Duration time) noexcept {
    Method& its = methods_[method.index()];
    its.in_flight.add(-1);
    its.seconds.observe(std::chrono::duration<double>(time).count());
    const auto number = std::min<std::size_t>(static_cast<std::size_t>(code), codes);
    if (!its.made[number]) [[unlikely]]
      make_counter(method, number);
    its.calls[number].add();
  }

  void refused(RpcRefusal cause) noexcept { refused_[static_cast<std::size_t>(cause) - 1].add(); }
  void fault(RpcFault fault) noexcept { faults_[static_cast<std::size_t>(fault)].add(); }

 private:
  static constexpr std::size_t codes = 17;  // and one for those that are none

  struct Method {
    Histogram seconds;
    Gauge in_flight;
    std::array<Counter, codes + 1> calls;
    std::array<bool, codes + 1> made{};
  };

  void make_counter(const RpcMethod& method, std::size_t code) noexcept;

  MetricsRegistry& registry_;
  std::vector<Method> methods_;
  std::vector<Counter> refused_;  // by RpcRefusal, without `none`
  std::vector<Counter> faults_;   // by RpcFault
};

}  // namespace twister::detail
