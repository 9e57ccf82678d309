#include <stdexcept>
#include <utility>

#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/rpc/torpc_peer.hpp>

#include "free_methods.hpp"

namespace twister::detail {

template <class Context, class Reply>
DuplexMethods<Context, Reply>::DuplexMethods(std::string owner, std::string_view reserved)
    : reserved_(reserved), checks_(std::make_shared<FreeMethods>(std::move(owner))) {}

template <class Context, class Reply>
DuplexMethods<Context, Reply>::~DuplexMethods() = default;

template <class Context, class Reply>
void DuplexMethods<Context, Reply>::add(std::string name, Method method,
                                        const RpcMethodOptions& options) {
  add_unchecked(name, std::move(method));
  try {
    methods_[name].checks = &checks_->add(name, options);
  } catch (...) {
    methods_.erase(name);
    throw;
  }
}

template <class Context, class Reply>
void DuplexMethods<Context, Reply>::add_unchecked(std::string name, Method method) {
  if (name.empty() || (!reserved_.empty() && name.starts_with(reserved_))) {
    throw std::invalid_argument(checks_->owner() + ": \"" + name + "\" is no name for a method");
  }
  const auto [at, is_new] = methods_.try_emplace(std::move(name), std::move(method));
  if (!is_new) {
    throw std::invalid_argument(checks_->owner() + ": there is a method " + at->first + " already");
  }
}

template <class Context, class Reply>
void DuplexMethods<Context, Reply>::intercept(std::shared_ptr<RpcInterceptor> interceptor) {
  checks_->intercept(std::move(interceptor));
}

template <class Context, class Reply>
void DuplexMethods<Context, Reply>::count_in(MetricsRegistry& metrics) {
  checks_->count_in(metrics);
}

template <class Context, class Reply>
auto DuplexMethods<Context, Reply>::find_own(const std::string& name) const -> const Method* {
  const auto found = methods_.find(name);
  return found == methods_.end() ? nullptr : &found->second;
}

template <class Peer>
std::shared_ptr<Peer> DuplexContext<Peer>::peer() const {
  return peer_.shared_from_this();
}

template <class Peer>
IOLoop& DuplexContext<Peer>::loop() const {
  return peer_.loop();
}

template <class Peer>
Protocol* DuplexContext<Peer>::connection() const {
  return peer_.connection();
}

template class DuplexMethods<JsonRpcContext, JsonRpcReply>;
template class DuplexMethods<TorpcContext, TorpcReply>;
template class DuplexContext<JsonRpcPeer>;
template class DuplexContext<TorpcPeer>;

}  // namespace twister::detail
