// src/rpc/make_host.hpp - hosts whose calls are counted where their server or client says.
#pragma once

#include <memory>

#include <twister/rpc/detail/host.hpp>

namespace twister {
class MetricsRegistry;
}

namespace twister::detail {

// Calls are counted in the options' metrics, else in `metrics`; null: nowhere. `services` and `names` may be null.
//
// Errors: as RpcHost's constructor. But what `metrics` refuse is logged, and calls are not counted: who has not asked
//   for figures shall not fail for them.
std::shared_ptr<RpcHost> make_host(IOLoop& loop, const RpcServices* services, RpcOptions options,
                                   MetricsRegistry* metrics,
                                   const std::shared_ptr<RpcNames>& names = nullptr);

}  // namespace twister::detail
