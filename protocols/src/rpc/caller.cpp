#include "twister/rpc/caller.hpp"

#include <algorithm>
#include <atomic>
#include <climits>

#include <twister/io_loop.hpp>
#include <twister/rpc/context.hpp>
#include <twister/rpc/detail/host.hpp>
#include <twister/rpc/detail/stream_state.hpp>

#include "guarded.hpp"

namespace twister {

namespace {

// Nobody waits for it.
class NoticePending final : public detail::RpcPending {
  void complete(const RpcStatus&, ByteView, const RpcMetadata*) override {}
};

// A call with a stream in one direction at least.
class StreamPending final : public detail::RpcPending, private detail::RpcStreamLink {
 public:
  StreamPending(std::size_t window, bool one_reply) noexcept
      : state_(*this, 0, one_reply ? 0 : window), one_reply_(one_reply) {}

  detail::RpcStreamState* stream() noexcept override { return &state_; }

 private:
  // A response that is not ok has metadata, if only none; what ends the call on this side has not.
  void complete(const RpcStatus& status, ByteView reply, const RpcMetadata* metadata) override {
    if (status.ok() && one_reply_) state_.on_reply(reply);
    if (status.ok() || metadata != nullptr) {
      state_.on_answer(status);
    } else {
      state_.on_abandon(status);
    }
  }

  WriteStatus send_data(const google::protobuf::MessageLite* message, ByteView bytes) override {
    if (channel == nullptr) return WriteStatus::closed;
    return channel->send_stream_frame(RpcFrameKind::data, id, message, bytes);
  }
  void send_credit(std::uint32_t bytes) override {
    std::byte body[sizeof bytes];
    detail::store_little(body, bytes);
    if (channel != nullptr) channel->send_stream_frame(RpcFrameKind::credit, id, nullptr, body);
  }
  void send_end() override {
    if (channel != nullptr) channel->send_stream_frame(RpcFrameKind::end, id, nullptr, {});
  }
  // Without a channel it is about to get another.
  WriteStatus output_status() const noexcept override {
    if (ended()) return WriteStatus::closed;
    return channel == nullptr ? WriteStatus::queued : channel->output_status();
  }
  std::size_t max_message_bytes() const noexcept override {
    return channel == nullptr ? INT_MAX : channel->max_message_bytes();
  }
  void end_call(const RpcStatus& status) override {
    status.ok() ? cancel() : give_up(status);  // ok would say that there was a reply
  }
  void end_call_with_exception() override {
    detail::guarded("on_message", method(), [] { throw; });
    cancel();
  }
  std::string_view method_name() const noexcept override { return method(); }
  void retain_call() noexcept override { retain(); }
  void release_call() noexcept override { release(); }
  void add_handle() noexcept override {
    ++handles_;
    retain();
  }
  void remove_handle() noexcept override {
    if (--handles_ == 0 && !ended() && !state_.has_receiver()) cancel();
    release();
  }

  detail::RpcStreamState state_;
  std::uint32_t handles_ = 0;
  bool one_reply_;
};

std::uint32_t next_index() {
  static std::atomic<std::uint32_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

RpcMethodName::RpcMethodName(std::string name) : text_(std::move(name)), index_(next_index()) {}

void RpcCaller::notify(const RpcMethodRef& method, const MessageLite& message,
                       const RpcCallOptions& options) {
  const auto seen = intercept(method.name(), options);
  auto& pending = *detail::make_pending<NoticePending>(
      {.method = method.name(),
       .method_index = method.index(),
       .node = {},
       .message = &message,
       .options = seen == nullptr ? &options : &seen->options});
  pending.one_way = true;
  begin(pending, seen == nullptr ? options : seen->options, seen.get());
}

detail::RpcStreamState& RpcCaller::open_stream(const RpcMethodRef& method,
                                               const MessageLite* request,
                                               const RpcCallOptions& options, bool one_reply) {
  const auto seen = intercept(method.name(), options);
  auto& pending =
      *detail::make_pending<StreamPending>({.method = method.name(),
                                            .method_index = method.index(),
                                            .node = {},
                                            .message = request,
                                            .options = seen == nullptr ? &options : &seen->options},
                                           caller_host().options().stream_credit_bytes, one_reply);
  pending.sends_stream = request == nullptr;
  detail::RpcStreamState& state = *pending.stream();
  begin(pending, seen == nullptr ? options : seen->options, seen.get());
  return state;
}

std::unique_ptr<RpcCaller::Intercepted> RpcCaller::intercept(std::string_view method,
                                                             const RpcCallOptions& options) {
  const auto& interceptors = caller_host().options().interceptors;
  if (interceptors.empty()) return nullptr;
  auto seen = std::make_unique<Intercepted>();
  if (options.metadata != nullptr) seen->metadata = *options.metadata;
  for (const auto& interceptor : interceptors) {
    seen->status = RpcStatus(RpcCode::internal, "an interceptor threw");
    detail::guarded("before_call", method,
                    [&] { seen->status = interceptor->before_call(method, seen->metadata); });
    if (!seen->status.ok()) break;
  }
  seen->options = options;
  seen->options.metadata = &seen->metadata;
  return seen;
}

RpcCallHandle RpcCaller::begin(detail::RpcPending& pending, const RpcCallOptions& options,
                               const Intercepted* seen) {
  detail::RpcHost& host = caller_host();
  RpcCallHandle handle(pending);
  pending.set_host(host);
  pending.as_of = host.loop().now();
  if (seen != nullptr) {
    pending.observed = true;
    pending.made = pending.as_of;
    if (!seen->status.ok()) {
      pending.end_later(seen->status);
      pending.release();
      return handle;
    }
  }
  const bool limited = options.timeout.count() != 0;
  const auto otherwise = pending.stream() != nullptr ? never : host.options().call_timeout;
  const auto timeout = limited ? options.timeout : otherwise;
  TimePoint deadline = timeout == never ? TimePoint::max() : later(pending.as_of, timeout);
  if (options.parent != nullptr) deadline = std::min(deadline, options.parent->deadline());
  pending.set_deadline(deadline);
  start_call(pending);
  if (options.parent != nullptr && !pending.one_way) options.parent->add_nested(handle);
  return handle;
}

}  // namespace twister
