#include <twister/rpc/torpc_services.hpp>

#include "free_methods.hpp"

namespace twister {

void TorpcServices::look_first_in(const TorpcServices& others) {
  others_ = &others;
  checks_->follow(*others.checks_);
}

const TorpcServices::Method* TorpcServices::find(const std::string& name) const {
  const Method* const theirs = others_ == nullptr ? nullptr : others_->find(name);
  return theirs != nullptr ? theirs : find_own(name);
}

}  // namespace twister
