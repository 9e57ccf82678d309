// src/rpc/metrics.hpp - what a server knows of its methods, for Prometheus.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <twister/clock.hpp>
#include <twister/metrics.hpp>
#include <twister/rpc/services.hpp>

namespace twister::detail {

// One set of series a method: methods are the program's, so there are as many as it says.
class RpcMetrics {
 public:
  RpcMetrics(MetricsRegistry& registry, const RpcServices& services) : registry_(registry) {
    std::vector<std::string> names;
    for (const auto& method : services.methods()) names.push_back(method->name());
    names.emplace_back("twister.Names/Forward");  // all that is passed on, as one
    for (const std::string& name : names) {
      const MetricLabels labels = {{"method", name}};
      methods_.push_back({
          .seconds = registry.histogram("rpc_call_seconds", "From the request to its answer.",
                                        {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                         0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
                                        labels),
          .in_flight = registry.gauge("rpc_calls_in_flight", "Started, and not answered.", labels),
          .calls = {},
      });
    }
  }

  void begin(const RpcMethod& method) { methods_[method.index()].in_flight.add(1); }

  void end(const RpcMethod& method, RpcCode code, Duration time) noexcept {
    Method& its = methods_[method.index()];
    its.in_flight.add(-1);
    its.seconds.observe(std::chrono::duration<double>(time).count());
    const auto number = std::min<std::size_t>(static_cast<std::size_t>(code), codes);
    if (!its.made[number]) {
      its.made[number] = true;
      try {
        its.calls[number] = registry_.counter(
            "rpc_calls_total", "Calls that were answered, by status.",
            {{"method", method.name()}, {"code", number == codes ? "other" : to_string(code)}});
      } catch (const std::exception&) {  // too many series: then it is not counted
      }
    }
    its.calls[number].add();
  }

 private:
  static constexpr std::size_t codes = 17;

  struct Method {
    Histogram seconds;
    Gauge in_flight;
    std::array<Counter, codes + 1> calls;
    std::array<bool, codes + 1> made{};
  };

  MetricsRegistry& registry_;
  std::vector<Method> methods_;
};

}  // namespace twister::detail
