// src/rpc/streams.cpp - the frames of calls whose messages are streams.
#include <twister/rpc/detail/stream_state.hpp>
#include <twister/rpc/services.hpp>

#include "connection_output.hpp"
#include "kept_streams.hpp"
#include "wire_call.hpp"

namespace twister {

const std::shared_ptr<detail::RpcStreamMemory>& RpcConnection::stream_memory() {
  if (stream_memory_ == nullptr) {
    stream_memory_ = std::make_shared<detail::RpcStreamMemory>(
        *budget_, host_->options().max_stream_memory_bytes);
  }
  return stream_memory_;
}

detail::RpcStreamState* RpcConnection::stream_of(const RpcFrame& frame) {
  const bool ours = (static_cast<unsigned>(frame.kind) & 0x80u) != 0;
  if (ours) {
    detail::RpcPending* const pending = outgoing_.find(frame.id);
    return pending == nullptr ? nullptr : pending->stream();
  }
  detail::RpcWireCall* const call = incoming_.find(frame.id);
  return call == nullptr ? nullptr : call->stream();
}

void RpcConnection::on_stream_frame(const RpcFrame& frame) {
  detail::RpcStreamState* const stream = stream_of(frame);
  if (stream == nullptr) {
    host_->count_fault(detail::RpcFault::unknown_id);
    return;
  }
  switch (frame.kind) {
    case RpcFrameKind::data:
    case RpcFrameKind::data_back: {
      const char* const why = frame.body.size() > host_->options().max_message_bytes
                                  ? "a message of a stream that is larger than is taken"
                                  : stream->on_data(frame.body);
      if (why != nullptr) stream->break_off(RpcStatus(RpcCode::resource_exhausted, why));
      return;
    }
    case RpcFrameKind::end:
      return stream->on_end();
    default:
      if (frame.body.size() < sizeof(std::uint32_t)) {
        return break_off(CodecErrc::truncated, "credit without a number");
      }
      return stream->on_credit(detail::load_little<std::uint32_t>(frame.body.data()));
  }
}

WriteStatus RpcConnection::send_stream_frame(RpcFrameKind kind, std::uint32_t id,
                                             const google::protobuf::MessageLite* message,
                                             ByteView bytes) {
  if (message == nullptr) {
    put({.kind = kind, .id = id, .body = bytes});
  } else {
    put({.kind = kind, .id = id}, static_cast<std::size_t>(message->GetCachedSize()),
        [message](std::byte* to) {
          message->SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(to));
        });
  }
  return output_status();
}

// Streams that had to wait for the connection, and not for their receivers. They take turns in being the first,
// for what that one sends may be all that there is room for.
void RpcConnection::on_write_resumed() {
  output_high_ = false;
  detail::KeptStreams all;
  for (auto* call = first_call_; call != nullptr; call = call->next) all.add(call->stream());
  outgoing_.for_each([&](detail::RpcPending& pending) { all.add(pending.stream()); });
  all.for_each([](detail::RpcStreamState& stream) { stream.on_output_low(); }, write_resumes_++);
}

namespace detail {

RpcStreamState& RpcWireCall::open_stream() {
  if (stream_ == nullptr) {
    stream_ = std::make_unique<RpcStreamState>(
        static_cast<RpcStreamLink&>(*this),
        connection_ == nullptr ? 0 : connection_->peer_stream_credit_,
        method().takes_stream() ? host().options().stream_credit_bytes : 0);
    if (connection_ != nullptr) stream_->counts_in(connection_->stream_memory());
    extras();  // so that whoever ends the call looks
  }
  return *stream_;
}

WriteStatus RpcWireCall::send_data(const MessageLite* message, ByteView bytes) {
  if (connection_ == nullptr || ended()) return WriteStatus::closed;
  return connection_->send_stream_frame(RpcFrameKind::data_back, id_, message, bytes);
}

void RpcWireCall::send_credit(std::uint32_t bytes) {
  if (connection_ == nullptr || ended()) return;
  std::byte body[sizeof bytes];
  store_little(body, bytes);
  connection_->put({.kind = RpcFrameKind::credit_back, .id = id_, .body = body});
}

WriteStatus RpcWireCall::output_status() const noexcept {
  if (connection_ == nullptr || ended()) return WriteStatus::closed;
  return connection_->output_status();
}

std::size_t RpcWireCall::max_message_bytes() const noexcept {
  return connection_ == nullptr ? INT_MAX : connection_->max_message_bytes();
}

}  // namespace detail
}  // namespace twister
