#include "twister/rpc/detail/pending.hpp"

#include <climits>
#include <cstring>

#include <twister/io_loop.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/context.hpp>
#include <twister/rpc/detail/host.hpp>
#include <twister/rpc/detail/stream_state.hpp>

#include "guarded.hpp"

namespace twister {

namespace detail {

namespace {

// W3C's headers of these names: which request, of all that go through many programs, this is part of; and
// what those programs have to say of it, which means nothing without the first.
constexpr std::string_view trace_key = "traceparent";
constexpr std::string_view trace_state_key = "tracestate";

RpcMetadata inherited_trace(const RpcCallOptions& options) {
  RpcMetadata inherited;
  if (options.parent == nullptr) return inherited;
  if (options.metadata != nullptr && options.metadata->find(trace_key)) return inherited;
  const RpcMetadata& from = options.parent->metadata();
  const auto trace = from.find(trace_key);
  if (!trace) return inherited;
  inherited.add(trace_key, *trace);
  for (const auto& [key, value] : from) {  // there may be several, which are one list
    if (key == trace_state_key) inherited.add(key, value);
  }
  return inherited;
}

std::size_t metadata_bytes(const RpcCallOptions& options) {
  const std::size_t own = options.metadata == nullptr ? 0 : options.metadata->encoded_bytes();
  return own + inherited_trace(options).encoded_bytes();
}

ByteBuffer encoded_metadata(const RpcCallOptions& options) {
  ByteBuffer out;
  if (options.metadata != nullptr) options.metadata->encode(out);
  inherited_trace(options).encode(out);
  return out;
}

}  // namespace

std::size_t RpcPending::tail_bytes(const RpcRequest& request) {
  // An index stands for an RpcMethodName, which outlives the call.
  const std::size_t name = request.method_index == 0 ? request.method.size() : 0;
  return name + request.node.size() + metadata_bytes(*request.options) +
         request.raw_message.size() + request.raw_metadata.size() +
         (request.message == nullptr ? 0 : request.message->ByteSizeLong());
}

void RpcPending::store(const RpcRequest& request, std::byte* tail, std::size_t block_bytes) {
  block_bytes_ = block_bytes;
  method_index_ = request.method_index;
  method_ = request.method;
  idempotent = request.options->idempotent;
  waits_for_ready = request.options->wait_for_ready;
  reply_metadata = request.options->reply_metadata;
  const auto keep = [&tail](std::string_view text) {
    if (!text.empty()) std::memcpy(tail, text.data(), text.size());
    const std::string_view kept(reinterpret_cast<const char*>(tail), text.size());
    tail += text.size();
    return kept;
  };
  if (method_index_ == 0) method_ = keep(request.method);
  node_ = keep(request.node);
  if (request.options->metadata != nullptr || request.options->parent != nullptr) [[unlikely]] {
    metadata_ = as_bytes(keep(as_text(encoded_metadata(*request.options).view())));
  }
  if (!request.raw_metadata.empty()) metadata_ = as_bytes(keep(as_text(request.raw_metadata)));
  if (!request.raw_message.empty()) message_ = as_bytes(keep(as_text(request.raw_message)));
  if (request.message == nullptr) return;
  unencodable = !request.message->IsInitialized();
  const std::uint8_t* const end =
      request.message->SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(tail));
  message_ = ByteView(tail, reinterpret_cast<const std::byte*>(end));
}

void RpcPending::destroy() noexcept {
  const std::size_t bytes = block_bytes_;
  void* const block = dynamic_cast<void*>(this);
  this->~RpcPending();
  pool_free(block, bytes);
}

void RpcPending::set_deadline(TimePoint deadline) {
  deadline_ = deadline;
  host_->deadlines().add(*this, deadline);
}

// Takes the call out of everything. False when that was done before.
bool RpcPending::detach() {
  if (ended_) return false;
  ended_ = true;
  if (host_ != nullptr) host_->deadlines().remove(*this);
  return true;
}

void RpcPending::end(const RpcStatus& status, ByteView reply, const RpcMetadata* metadata) {
  if (!detach()) return;
  retain();
  tell(status, reply, metadata);
  release();
}

void RpcPending::end_later(RpcStatus status) {
  if (!detach()) return;
  // std::function copies.
  auto held = std::shared_ptr<RpcPending>((retain(), this), [](RpcPending* p) { p->release(); });
  // The host may be a client's, which is destroyed before the callback.
  host_->loop().add_callback([host = host_->shared_from_this(), held = std::move(held),
                              status = std::move(status)] { held->tell(status, {}, nullptr); });
}

void RpcPending::tell(const RpcStatus& status, ByteView reply,
                      const RpcMetadata* metadata) noexcept {
  if (observed) [[unlikely]] {
    const Duration time = host_->loop().now() - made;
    for (const auto& interceptor : host_->options().interceptors) {
      guarded("after_call", method_, [&] { interceptor->after_call(method_, status, time); });
    }
  }
  if (reply_metadata != nullptr && metadata != nullptr) [[unlikely]]
    *reply_metadata = *metadata;
  guarded("reply", method_, [&] { complete(status, reply, metadata); });
}

void RpcPending::fail(const RpcStatus& why, RpcReached reached, const RpcMetadata* metadata) {
  channel = nullptr;
  // What a stream's receiver was given is not taken back.
  const bool whole = stream() == nullptr || reached == RpcReached::nowhere;
  if (!ended_ && whole && retry != nullptr && retry->retry(*this, why, reached)) return;
  end(why, {}, metadata);
  release();
}

void RpcPending::give_up(RpcStatus why) {
  if (ended_) return;
  retain();
  if (channel != nullptr) std::exchange(channel, nullptr)->drop(*this);
  end_later(std::move(why));
  release();
}

void RpcPending::on_due() {
  retain();
  if (channel != nullptr) std::exchange(channel, nullptr)->drop(*this);
  end(RpcStatus(RpcCode::deadline_exceeded, "no reply before the deadline"));
  release();
}

bool parse_reply(google::protobuf::MessageLite& reply, ByteView bytes) {
  return bytes.size() <= INT_MAX &&
         reply.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
         reply.IsInitialized();
}

}  // namespace detail

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
