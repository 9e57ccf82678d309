#include "twister/rpc/call.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/rpc/detail/host.hpp>
#include <twister/rpc/detail/stream_state.hpp>

#include "call_extras.hpp"
#include "guarded.hpp"

namespace twister {

// ---- RpcContext ----

RpcContext::RpcContext() = default;
RpcContext::~RpcContext() = default;

RpcContext::Extras& RpcContext::extras() {
  if (extras_ == nullptr) extras_ = std::make_unique<Extras>();
  return *extras_;
}

const RpcMetadata& RpcContext::metadata() const noexcept {
  static const RpcMetadata none;
  return extras_ == nullptr ? none : extras_->metadata;
}

const RpcForwardedTo* RpcContext::forwarded_to() const noexcept {
  return extras_ == nullptr || !extras_->forwarded_to ? nullptr : &*extras_->forwarded_to;
}

RpcConnection& RpcContext::caller() const {
  RpcConnection* const open = connection();
  if (open != nullptr) return *open;
  throw RpcError(RpcCode::failed_precondition,
                 "the caller cannot be called: its connection is lost, or not of the binary wire");
}

RpcMetadata& RpcContext::reply_metadata() {
  return extras().reply_metadata;
}

const PeerIdentity& RpcContext::identity() const {
  static const PeerIdentity nobody;
  return nobody;
}

std::chrono::milliseconds RpcContext::time_left() const {
  if (deadline_ == TimePoint::max()) return never;
  using std::chrono::milliseconds;
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(deadline_ - loop().now()));
}

void RpcContext::on_cancel(std::function<void()> function) {
  if (cancelled_) return detail::guarded("on_cancel", method().name(), function);
  if (ended_) return;  // kept, it would never be let go of if it holds the reply
  extras().on_cancel.push_back(std::move(function));
}

std::stop_token RpcContext::stop_token() {
  auto& stop = extras().stop;
  if (!stop) {
    stop.emplace();
    if (cancelled_) stop->request_stop();
  }
  return stop->get_token();
}

// Those that have ended are dropped whenever the list would grow: a stream may make any number of calls.
void RpcContext::add_nested(const RpcCallHandle& call) {
  if (cancelled_) return call.cancel();
  if (ended_) return;
  auto& nested = extras().nested;
  if (nested.size() == nested.capacity()) {
    std::erase_if(nested, [](const RpcCallHandle& each) { return each.ended(); });
    nested.reserve(std::max<std::size_t>(8, 2 * nested.size()));
  }
  nested.push_back(call);
}

void RpcContext::add_sleeper(detail::Sleeper& sleeper) {
  extras().sleepers.push_back(&sleeper);
}

void RpcContext::remove_sleeper(detail::Sleeper& sleeper) noexcept {
  std::erase(extras_->sleepers, &sleeper);
}

// ---- RpcCall ----

detail::RpcStreamState& RpcCall::open_stream() {
  throw RpcError(RpcCode::unimplemented, "there are no streams on this wire");
}

void RpcCall::finish(const RpcStatus& status, const MessageLite* reply) {
  if (ended_) return;
  if (extras_ != nullptr) [[unlikely]] {
    // Behind the messages that the stream could not send yet.
    detail::RpcStreamState* const its = stream();
    if (its != nullptr && reply == nullptr && its->defers(status)) return;
  }
  ended_ = true;
  const std::optional<RpcStatus> instead = write_response(status, reply);
  if (observed_) host_->observe(*this, instead ? *instead : status);
  if (extras_ != nullptr) [[unlikely]] {
    if (detail::RpcStreamState* const its = stream()) {
      its->on_abandon(RpcStatus(RpcCode::cancelled, "the call has been answered"));
    }
    // They may hold what refers to this call.
    const auto functions = std::exchange(extras_->on_cancel, {});
    const auto calls = std::exchange(extras_->nested, {});
    if (listed_) end();
    return;
  }
  if (listed_) end();
}

void RpcCall::finish_with_exception() {
  const std::string& name = method().name();
  std::string what(detail::not_an_exception);
  try {
    throw;
  } catch (const RpcError& error) {
    return finish(error.status().ok() ? RpcStatus(RpcCode::internal, "an error without a code")
                                      : error.status());
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  finish(RpcStatus(RpcCode::internal,
                   "internal error, reference " + detail::log_handler_threw(name, what)));
}

RpcCall::MessageLite& RpcCall::keep_request() {
  if (request_ == nullptr) request_ = host_->state(method()).requests.take(method().request_type());
  return *request_;
}

void RpcCall::release() noexcept {
  --references_;
  if (references_ == 1 && !ended_ && started_) {
    finish(RpcStatus(RpcCode::internal, "the handler let go of the call without an answer"));
  } else if (references_ == 0) {
    if (request_ != nullptr) {
      host_->state(method()).requests.give(request_, request_bytes());
    }
    if (listed_) host_->forget(*this);
    recycle();
  }
}

void RpcCall::abandon(const RpcStatus& why, bool respond) {
  if (ended_) return;
  retain();
  ended_ = true;
  cancelled_ = true;
  std::optional<RpcStatus> instead;
  if (respond) instead = write_response(why, nullptr);
  if (observed_) host_->observe(*this, instead ? *instead : why);
  if (listed_) end();
  tell_cancelled(why);
  release();
}

void RpcCall::end() noexcept {
  host_->deadlines().remove(*this);
  on_ended();
  release();
}

void RpcCall::tell_cancelled(const RpcStatus& why) {
  if (extras_ == nullptr) return;
  if (detail::RpcStreamState* const its = stream()) its->on_abandon(why);
  if (extras_->stop) extras_->stop->request_stop();
  for (const RpcCallHandle& call : std::exchange(extras_->nested, {})) call.cancel();
  while (!extras_->sleepers.empty()) {
    detail::Sleeper& sleeper = *extras_->sleepers.back();
    extras_->sleepers.pop_back();
    sleeper.wake();
  }
  for (const auto& function : std::exchange(extras_->on_cancel, {})) {
    detail::guarded("on_cancel", method().name(), function);
  }
}

void RpcCall::on_due() {
  abandon(RpcStatus(RpcCode::deadline_exceeded, "the deadline passed while it was answered"), true);
}

}  // namespace twister
