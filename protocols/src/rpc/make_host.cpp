#include "make_host.hpp"

#include <exception>
#include <string>

#include <twister/log.hpp>

namespace twister::detail {

std::shared_ptr<RpcHost> make_host(IOLoop& loop, const RpcServices* services, RpcOptions options,
                                   MetricsRegistry* metrics,
                                   const std::shared_ptr<RpcNames>& names) {
  if (options.metrics != nullptr || metrics == nullptr || services == nullptr) {
    return std::make_shared<RpcHost>(loop, services, options, names);
  }
  std::string why;
  options.metrics = metrics;
  try {
    return std::make_shared<RpcHost>(loop, services, options, names);
  } catch (const std::exception& error) {
    why = error.what();
  }
  options.metrics = nullptr;
  auto host = std::make_shared<RpcHost>(loop, services, options, names);  // else it was not they
  log(LogLevel::error, "rpc_metrics_refused", {{"why", why}});
  return host;
}

}  // namespace twister::detail
