#include "wire_call.hpp"

#include <algorithm>
#include <climits>
#include <cstring>

#include "connection_output.hpp"

namespace twister {
namespace detail {

bool RpcWireCall::read_request(MessageLite& message) {
  if (message_.size() <= INT_MAX &&
      message.ParsePartialFromArray(message_.data(), static_cast<int>(message_.size())) &&
      message.IsInitialized()) [[likely]] {
    return true;
  }
  finish(RpcStatus(RpcCode::invalid_argument, "the request is malformed"));
  return false;
}

Address RpcWireCall::peer() const {
  return connection_ == nullptr ? Address() : connection_->peer_address();
}

const PeerIdentity& RpcWireCall::identity() const {
  if (connection_ != nullptr) return connection_->identity();
  return identity_ == nullptr ? RpcContext::identity() : *identity_;
}

IOLoop& RpcWireCall::loop() const noexcept {
  return host().loop();
}

void RpcWireCall::refuse(RpcRefusal why, const RpcStatus& status) {
  host().count_refused(why);
  finish(status);
  release();
}

std::optional<RpcStatus> RpcWireCall::write_response(const RpcStatus& status,
                                                     const MessageLite* reply) {
  if (connection_ == nullptr || is_notice_) return std::nullopt;
  RpcConnection& to = *connection_;
  const RpcMetadata* metadata = extras_ == nullptr ? nullptr : &extras_->reply_metadata;
  std::optional<RpcStatus> instead;
  std::size_t size = 0;
  if (metadata != nullptr && metadata->encoded_bytes() > host().options().max_metadata_bytes) {
    metadata = nullptr;
    instead.emplace(RpcCode::internal, "more reply metadata than max_metadata_bytes");
  } else if (status.ok()) {
    if (raw_reply_ != nullptr) {
      size = raw_reply_->size();
    } else if (reply != nullptr && reply->IsInitialized()) [[likely]] {
      size = reply->ByteSizeLong();
    } else if (reply != nullptr || !method().sends_stream()) {
      instead.emplace(RpcCode::internal, "there is no whole reply");
    }
    if (size > std::min<std::size_t>(to.peer_max_message_bytes_, INT_MAX)) [[unlikely]] {
      instead.emplace(RpcCode::resource_exhausted, "the reply is larger than the caller takes");
    }
  }
  if (instead || !status.ok()) [[unlikely]] {
    const std::uint8_t flags = started() ? 0 : RpcFrameFlag::not_started;
    to.put_status({.flags = flags, .id = id_}, instead ? *instead : status, metadata);
    return instead;
  }
  const auto fill = [&](std::byte* at) {
    if (raw_reply_ == nullptr && reply != nullptr) [[likely]] {
      reply->SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(at));
    } else if (size != 0) {
      std::memcpy(at, raw_reply_->data(), size);
    }
  };
  if (metadata == nullptr || metadata->empty()) [[likely]] {
    to.put({.kind = RpcFrameKind::response, .id = id_}, size, fill);
    return std::nullopt;
  }
  ByteBuffer encoded;
  RpcConnection::append_length(encoded, metadata->encoded_bytes());
  metadata->encode(encoded);
  to.put({.kind = RpcFrameKind::response, .flags = RpcFrameFlag::has_metadata, .id = id_},
         encoded.size() + size, [&](std::byte* at) {
           std::memcpy(at, encoded.view().data(), encoded.size());
           fill(at + encoded.size());
         });
  return std::nullopt;
}

void RpcWireCall::on_ended() noexcept {
  if (connection_ != nullptr && !is_notice_) connection_->incoming_.erase(id_);
}

void RpcWireCall::recycle() noexcept {
  if (in_list) connection_->unlist(*this);
  delete this;
}

}  // namespace detail
}  // namespace twister
