#include "metrics.hpp"

#include <exception>
#include <string>

#include <twister/rpc/method.hpp>
#include <twister/rpc/services.hpp>

namespace twister::detail {

namespace {

// In the order of RpcRefusal and RpcFault.
constexpr std::array refusal_names{
    "deadline",
    "draining",
    "malformed",
    "max_calls_in_flight",
    "max_forwarded_calls",
    "max_in_flight",
    "max_message_bytes",
    "max_metadata_bytes",
    "max_request_bytes",
    "max_wait",
    "memory_budget",
    "unknown_method",
};
constexpr std::array fault_names{"duplicate_id", "malformed", "unknown_frame", "unknown_id"};
static_assert(refusal_names.size() == static_cast<std::size_t>(RpcRefusal::unknown_method));
static_assert(fault_names.size() == static_cast<std::size_t>(RpcFault::unknown_id) + 1);

}  // namespace

RpcMetrics::RpcMetrics(MetricsRegistry& registry, const RpcServices& services)
    : registry_(registry) {
  std::vector<std::string> names;
  for (const auto& method : services.methods()) names.push_back(method->name());
  names.emplace_back("twister.Names/Forward");  // all that is passed on, as one
  for (const std::string& name : names) {
    methods_.push_back({
        .seconds = registry.histogram("rpc_call_seconds", "From the request to its answer.",
                                      {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                       0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
                                      {{"method", name}}),
        .in_flight =
            registry.gauge("rpc_calls_in_flight", "Started, and not answered.", {{"method", name}}),
        .calls = {},
    });
  }
  for (const char* cause : refusal_names) {
    refused_.push_back(registry.counter(
        "rpc_calls_refused_total", "Calls that were not started, by cause.", {{"cause", cause}}));
  }
  for (const char* cause : fault_names) {
    faults_.push_back(registry.counter("rpc_peer_faults_total",
                                       "What peers did wrong on the wire, by cause.",
                                       {{"cause", cause}}));
  }
}

// For a status that comes the first time: most never do.
void RpcMetrics::make_counter(const RpcMethod& method, std::size_t code) noexcept {
  Method& its = methods_[method.index()];
  its.made[code] = true;
  try {
    const std::string text(code == codes ? "other" : to_string(static_cast<RpcCode>(code)));
    its.calls[code] = registry_.counter("rpc_calls_total", "Calls that were answered, by status.",
                                        {{"method", method.name()}, {"code", text}});
  } catch (const std::exception&) {  // too many series: then it is not counted
  }
}

}  // namespace twister::detail
