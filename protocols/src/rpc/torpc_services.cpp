#include <stdexcept>

#include <twister/rpc/torpc_peer.hpp>
#include <twister/rpc/torpc_services.hpp>

#include "free_methods.hpp"

namespace twister {

TorpcServices::TorpcServices() : checks_(std::make_shared<detail::FreeMethods>("TorpcServices")) {}
TorpcServices::~TorpcServices() = default;

void TorpcServices::add(std::string name, Method method, const RpcMethodOptions& options) {
  add_unchecked(name, std::move(method));
  try {
    methods_[name].checks = &checks_->add(name, options);
  } catch (...) {
    methods_.erase(name);
    throw;
  }
}

void TorpcServices::add_unchecked(std::string name, Method method) {
  if (name.empty()) throw std::invalid_argument("TorpcServices: a function without a name");
  const auto [at, is_new] = methods_.try_emplace(std::move(name), std::move(method));
  if (!is_new) {
    throw std::invalid_argument("TorpcServices: there is a function " + at->first + " already");
  }
}

void TorpcServices::intercept(std::shared_ptr<RpcInterceptor> interceptor) {
  checks_->intercept(std::move(interceptor));
}

void TorpcServices::count_in(MetricsRegistry& metrics) {
  checks_->count_in(metrics);
}

void TorpcServices::look_first_in(const TorpcServices& others) {
  others_ = &others;
  checks_->follow(*others.checks_);
}

const TorpcServices::Method* TorpcServices::find(const std::string& name) const {
  const Method* const theirs = others_ == nullptr ? nullptr : others_->find(name);
  if (theirs != nullptr) return theirs;
  const auto found = methods_.find(name);
  return found == methods_.end() ? nullptr : &found->second;
}

std::shared_ptr<TorpcPeer> TorpcContext::peer() const {
  return peer_.shared_from_this();
}

IOLoop& TorpcContext::loop() const {
  return peer_.loop();
}

Protocol* TorpcContext::connection() const {
  return peer_.connection();
}

}  // namespace twister
