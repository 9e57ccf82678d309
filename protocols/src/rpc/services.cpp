#include "twister/rpc/services.hpp"

#include <stdexcept>

namespace twister {

namespace {
constexpr std::size_t max_name_bytes = 255;  // what the wire can say
}

RpcServices::RpcServices() = default;
RpcServices::~RpcServices() = default;

void RpcServices::check_open() const {
  if (frozen_.load(std::memory_order_relaxed)) {
    throw std::logic_error("RpcServices: it is in use, and may not change any more");
  }
}

void RpcServices::add(std::unique_ptr<RpcMethod> method) {
  check_open();
  const std::string& name = method->name();
  if (name.empty() || name.size() > max_name_bytes) {
    throw std::invalid_argument("RpcServices: a name of " + std::to_string(name.size()) +
                                " bytes is not one of 1 to 255");
  }
  method->index_ = methods_.size();
  if (!by_name_.emplace(name, method.get()).second) {
    throw std::invalid_argument("RpcServices: there are two methods " + name);
  }
  methods_.push_back(std::move(method));
}

void RpcServices::intercept(std::shared_ptr<RpcInterceptor> interceptor) {
  check_open();
  interceptors_.push_back(std::move(interceptor));
}

RpcMethodOptions& RpcServices::options_of(std::string_view name) {
  check_open();
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    throw std::invalid_argument("RpcServices: there is no method " + std::string(name));
  }
  return found->second->options_;
}

const RpcMethod* RpcServices::find(std::string_view name) const noexcept {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace twister
