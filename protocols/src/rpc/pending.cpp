#include "twister/rpc/detail/pending.hpp"

#include <climits>
#include <cstring>

#include <twister/io_loop.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/context.hpp>
#include <twister/rpc/detail/host.hpp>
#include <twister/rpc/detail/stream_state.hpp>

#include "guarded.hpp"

namespace twister::detail {

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

}  // namespace twister::detail
