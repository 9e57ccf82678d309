#include "free_methods.hpp"

#include <stdexcept>
#include <utility>

#include <google/protobuf/empty.pb.h>

namespace twister::detail {

namespace {
constexpr std::size_t max_name_bytes = 255;  // RpcServices' own
}

FreeMethod::FreeMethod(std::string name, const RpcMethodOptions& options, FreeMethods& table)
    : RpcMethod(std::move(name), RpcKind::unary, google::protobuf::Empty::default_instance(),
                google::protobuf::Empty::default_instance(), options),
      table_(table) {}

void FreeMethod::start(RpcCall& call) const {
  static_cast<FreeCall&>(call).run();
}

void FreeMethods::check_open() const {
  if (used_.load(std::memory_order_relaxed)) {
    throw std::logic_error(owner_ + ": it is in use, and may not change any more");
  }
}

const FreeMethod& FreeMethods::add(std::string name, const RpcMethodOptions& options) {
  check_open();
  if (name.size() > max_name_bytes) {
    throw std::invalid_argument(owner_ + ": a name of " + std::to_string(name.size()) +
                                " bytes is longer than 255");
  }
  auto made = std::make_unique<FreeMethod>(std::move(name), options, *this);
  const FreeMethod& method = *made;
  services_.add(std::move(made));
  return method;
}

void FreeMethods::intercept(std::shared_ptr<RpcInterceptor> interceptor) {
  check_open();
  services_.intercept(std::move(interceptor));
}

void FreeMethods::count_in(MetricsRegistry& metrics) {
  check_open();
  options_.metrics = &metrics;
}

MetricsRegistry* FreeMethods::metrics() const noexcept {
  if (options_.metrics != nullptr || others_ == nullptr) return options_.metrics;
  return others_->metrics();
}

std::shared_ptr<RpcHost> FreeMethods::host(IOLoop& loop, MetricsRegistry* server_metrics) {
  used_.store(true, std::memory_order_relaxed);
  std::call_once(followed_, [this] {
    if (others_ == nullptr) return;
    others_->used_.store(true, std::memory_order_relaxed);
    for (const auto& each : others_->services_.interceptors()) services_.intercept(each);
  });
  return hosts_.of(loop, services_, options_, metrics() != nullptr ? metrics() : server_metrics);
}

FreeCall::FreeCall(const std::shared_ptr<CallSession>& session, const FreeMethod& method,
                   const nlohmann::json& params, Refuse refuse)
    : SessionCall(session, method),
      table_(method.table().shared_from_this()),
      refuse_(std::move(refuse)) {
  // Written out only where somebody wants to know; strings of torpc may be anything.
  if (method.options().max_request_bytes == unlimited || params.is_null()) return;
  bytes_ = params.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).size();
}

void FreeCall::start(const std::function<void()>& handle) {
  handle_ = &handle;
  SessionCall::start();
}

void FreeCall::answered(const RpcStatus& status) {
  answered_ = true;
  finish(status);
}

std::optional<RpcStatus> FreeCall::write_response(const RpcStatus& status,
                                                  const MessageLite* /*reply*/) {
  if (!answered_) refuse_(status);
  return std::nullopt;
}

}  // namespace twister::detail
