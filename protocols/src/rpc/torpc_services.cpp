#include <stdexcept>

#include <twister/rpc/torpc_peer.hpp>
#include <twister/rpc/torpc_services.hpp>

namespace twister {

void TorpcServices::add(std::string name, Method method) {
  if (name.empty()) throw std::invalid_argument("TorpcServices: a function without a name");
  const auto [at, is_new] = methods_.try_emplace(std::move(name), std::move(method));
  if (!is_new) {
    throw std::invalid_argument("TorpcServices: there is a function " + at->first + " already");
  }
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
