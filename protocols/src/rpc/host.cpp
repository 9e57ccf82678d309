#include "twister/rpc/detail/host.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include <google/protobuf/wrappers.pb.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/services.hpp>

#include "guarded.hpp"
#include "metrics.hpp"
#include "remote_calls.hpp"

namespace twister::detail {

namespace {

// With what stands before it, less than a preface says when it is taken for a length.
constexpr std::size_t most_message_bytes = std::size_t{1} << 30;

void check(const RpcOptions& options) {
  const auto refuse = [](const std::string& what) {
    throw std::invalid_argument("RpcOptions: " + what);
  };
  if (options.max_message_bytes == 0) refuse("max_message_bytes is 0");
  if (options.max_message_bytes > most_message_bytes) {
    refuse("max_message_bytes " + std::to_string(options.max_message_bytes) + " is above 1 GiB");
  }
  if (options.max_calls_in_flight == 0) refuse("max_calls_in_flight is 0");
  if (options.max_metadata_bytes > UINT16_MAX) refuse("max_metadata_bytes is above 65535");
  if (options.stream_credit_bytes == 0 || options.stream_credit_bytes > INT32_MAX) {
    refuse("stream_credit_bytes " + std::to_string(options.stream_credit_bytes) +
           " is not one of 1 to 2147483647");
  }
  for (const auto time :
       {options.max_wait, options.ping_interval, options.ping_timeout, options.call_timeout}) {
    if (time.count() <= 0) refuse("a time is not positive");
  }
}

}  // namespace

RpcHost::RpcHost(IOLoop& loop, const RpcServices* services, const RpcOptions& options,
                 std::shared_ptr<RpcNames> shared)
    : loop_(loop),
      services_(services),
      options_(options),
      forward_(services == nullptr ? 0 : services->methods().size()),
      states_(forward_.index() + 1),
      shared_names_(std::move(shared)),
      deadlines_(std::make_shared<Deadlines>(loop)) {
  check(options);
  if (shared_names_ != nullptr) remote_calls_ = std::make_unique<RemoteCalls>(loop);
  if (services == nullptr) return;
  services->freeze();
  if (options.metrics != nullptr)
    metrics_ = std::make_unique<RpcMetrics>(*options.metrics, *services);
  observes_ = metrics_ != nullptr || !services->interceptors().empty();
}

RpcHost::~RpcHost() = default;

ForwardMethod::ForwardMethod(std::size_t index)
    : RpcMethod("twister.Names/Forward", RpcKind::unary,
                google::protobuf::BytesValue::default_instance(),
                google::protobuf::BytesValue::default_instance(), {}) {
  index_ = index;
}

void RpcHost::dispatch(RpcCall& call) {
  ++counters_.calls;
  const RpcMethod& method = call.method();
  if (refuse(call) || (observes_ && intercept(call))) return;
  call.started_ = true;
  // So that what a handler throws is the answer, although its RpcReply was destroyed before.
  call.retain();
  try {
    method.start(call);
  } catch (...) {
    call.finish_with_exception();
  }
  call.release();
  if (call.ended_) return;
  call.listed_ = true;
  ++state(method).in_flight;
  deadlines_->add(call, call.deadline_);
}

void RpcHost::forget(RpcCall& call) noexcept {
  --state(call.method()).in_flight;
}

// What keeps a call from being started.
bool RpcHost::refuse(RpcCall& call) {
  const RpcMethod& method = call.method();
  const RpcMethodOptions& limits = method.options();
  const auto refused = [&](RpcRefusal cause, RpcCode code, const char* why) {
    count_refused(cause);
    RpcStatus status(code, why);
    status.retryable = cause == RpcRefusal::max_in_flight;
    call.finish(status);
    return true;
  };
  if (call.request_bytes() > limits.max_request_bytes) {
    return refused(RpcRefusal::max_request_bytes, RpcCode::resource_exhausted,
                   "the request is larger than this method takes");
  }
  if (state(method).in_flight >= limits.max_in_flight) {
    return refused(RpcRefusal::max_in_flight, RpcCode::resource_exhausted,
                   "too many calls of this method are in flight");
  }
  if (limits.timeout != never) {
    call.deadline_ = std::min(call.deadline_, later(loop_.now(), limits.timeout));
  }
  if (call.deadline_ != TimePoint::max() && call.deadline_ <= loop_.now()) {
    return refused(RpcRefusal::deadline, RpcCode::deadline_exceeded,
                   "the deadline had passed before it was started");
  }
  return false;
}

void RpcHost::count_refused(RpcRefusal cause) noexcept {
  ++counters_.refused;
  if (metrics_ != nullptr) metrics_->refused(cause);
}

void RpcHost::count_fault(RpcFault fault) noexcept {
  switch (fault) {
    case RpcFault::duplicate_id:
      ++counters_.duplicate_ids;
      break;
    case RpcFault::malformed:
      ++counters_.malformed;
      break;
    case RpcFault::unknown_frame:
      ++counters_.unknown_frames;
      break;
    case RpcFault::unknown_id:
      ++counters_.unknown_ids;
      break;
  }
  if (metrics_ != nullptr) metrics_->fault(fault);
}

// True when an interceptor has answered.
bool RpcHost::intercept(RpcCall& call) {
  call.observed_ = true;
  if (metrics_ != nullptr) {
    call.begun_ = loop_.now();
    metrics_->begin(call.method());
  }
  try {
    for (const auto& interceptor : services_->interceptors()) {
      const RpcStatus status = interceptor->before_call(call);
      if (!status.ok()) {
        call.finish(status);
        return true;
      }
    }
  } catch (...) {
    call.finish_with_exception();
  }
  return call.ended();
}

void RpcHost::observe(RpcCall& call, const RpcStatus& status) noexcept {
  if (metrics_ != nullptr) metrics_->end(call.method(), status.code, loop_.now() - call.begun_);
  const auto& interceptors = services_->interceptors();
  for (auto each = interceptors.rbegin(); each != interceptors.rend(); ++each) {
    guarded("after_call", call.method().name(), [&] { (*each)->after_call(call, status); });
  }
}

std::uint64_t RpcHost::loop_round() const noexcept {
  return loop_.round();
}

// Looking at the clock costs as much as a tenth of a small call: so it is done for the second request of a
// round and every 16th behind it, until a look finds that so much time has passed that the cost is none.
bool RpcHost::waited_too_long(TimePoint since, bool surely) {
  constexpr std::uint32_t requests_a_look = 16;
  if (requests_++ % requests_a_look != 1 && !looks_ && !surely) return false;
  const TimePoint now = loop_.now();
  looks_ = now - since > std::chrono::milliseconds(1);
  return now > later(since, options_.max_wait);
}

void RpcHost::flush_later(RpcConnection& connection) {
  to_flush_.push_back(&connection);
  if (flush_posted_) return;
  flush_posted_ = true;
  loop_.add_callback([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->flush_posted_ = false;
    for (std::size_t i = 0; i < self->to_flush_.size(); ++i) {
      if (self->to_flush_[i] != nullptr) self->to_flush_[i]->flush_late();
    }
    self->to_flush_.clear();
  });
}

void RpcHost::never_flush(RpcConnection& connection) noexcept {
  for (RpcConnection*& each : to_flush_) {
    if (each == &connection) each = nullptr;
  }
}

}  // namespace twister::detail
