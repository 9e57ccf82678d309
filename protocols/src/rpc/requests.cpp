// src/rpc/requests.cpp - what an RpcConnection does with the calls of its peer.
#include <algorithm>
#include <climits>
#include <cstring>
#include <string>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/memory_budget.hpp>
#include <twister/rpc/services.hpp>

#include "connection_output.hpp"
#include "wire_call.hpp"

namespace twister {

namespace {

constexpr std::uint16_t max_numbered_methods = 1024;

// Takes a length and so many bytes from the front; false when there are fewer.
template <class Length>
bool take_piece(ByteView& from, ByteView& piece) {
  if (from.size() < sizeof(Length)) return false;
  const std::size_t size = detail::load_little<Length>(from.data());
  if (from.size() < sizeof(Length) + size) return false;
  piece = from.subspan(sizeof(Length), size);
  from = from.subspan(sizeof(Length) + size);
  return true;
}

}  // namespace

// What stands before the message.
struct RpcConnection::Parsed {
  std::string_view method;
  std::string_view node;
  std::optional<std::uint32_t> milliseconds;
  ByteView metadata;
  ByteView message;
};

bool RpcConnection::parse_prefix(const RpcFrame& frame, Parsed& parsed) {
  ByteView rest = frame.body;
  ByteView piece;
  if ((frame.flags & RpcFrameFlag::names_method) != 0) {
    if (!take_piece<std::uint8_t>(rest, piece) || piece.empty()) return false;
    parsed.method = as_text(piece);
  }
  if ((frame.flags & RpcFrameFlag::names_node) != 0) {
    if (!take_piece<std::uint8_t>(rest, piece)) return false;
    parsed.node = as_text(piece);
  }
  if ((frame.flags & RpcFrameFlag::has_deadline) != 0) {
    if (rest.size() < sizeof(std::uint32_t)) return false;
    parsed.milliseconds = detail::load_little<std::uint32_t>(rest.data());
    rest = rest.subspan(sizeof(std::uint32_t));
  }
  if ((frame.flags & RpcFrameFlag::has_metadata) != 0) {
    if (!take_piece<std::uint16_t>(rest, parsed.metadata)) return false;
  }
  parsed.message = rest;
  return true;
}

// Keeps the name of a number. False when the number has another, or is too large.
bool RpcConnection::name_method(std::uint16_t number, std::string_view name,
                                const RpcMethod*& method) {
  method = host_->services() == nullptr ? nullptr : host_->services()->find(name);
  if (number == 0) return true;
  if (number > max_numbered_methods) return false;
  if (methods_.size() < number) methods_.resize(number);
  auto& kept = methods_[number - 1u];
  if (kept && *kept != method) return false;
  kept = method;
  return true;
}

void RpcConnection::on_request(const RpcFrame& frame) {
  Parsed parsed;
  const RpcMethod* method = nullptr;
  if (frame.flags == 0) {
    parsed.message = frame.body;
  } else if (!parse_prefix(frame, parsed)) [[unlikely]] {
    return break_off(CodecErrc::truncated, "a request that is shorter than its flags say");
  }
  if (!parsed.node.empty()) [[unlikely]] {
    return on_forward(frame, parsed);
  }
  if (!parsed.method.empty()) [[unlikely]] {
    if (!name_method(frame.number, parsed.method, method)) {
      return break_off(CodecErrc::unknown_type, "a number that has another name, or is above 1024");
    }
  } else {
    const std::size_t at = std::size_t{frame.number} - 1;
    if (at >= methods_.size() || !methods_[at]) [[unlikely]] {
      return break_off(CodecErrc::unknown_type, "a number without a name");
    }
    method = *methods_[at];
  }
  if (!incoming_.empty() && incoming_.find(frame.id) != nullptr &&
      frame.kind == RpcFrameKind::request) [[unlikely]] {
    ++host_->counters().duplicate_ids;
    return;
  }
  if (frame.kind == RpcFrameKind::request) last_accepted_ = frame.id;
  if (frame.kind == RpcFrameKind::notice && method != nullptr &&
      (method->takes_stream() || method->sends_stream())) [[unlikely]] {
    ++host_->counters().refused;  // there would be nobody at the other end of the stream
    return;
  }
  if (const RpcCode code = refusal(method, parsed.message); code != RpcCode::ok) [[unlikely]] {
    return respond_refusal(frame, code, method == nullptr);
  }
  auto* const call = new detail::RpcWireCall(*this, *method, frame, parsed.message);
  if (parsed.milliseconds) {
    call->set_deadline(later(received_at_, std::chrono::milliseconds(*parsed.milliseconds)));
  }
  if (!parsed.metadata.empty() && !read_metadata(*call, parsed.metadata)) [[unlikely]] {
    return;
  }
  if (((frame.flags & RpcFrameFlag::streams) != 0) != method->takes_stream()) [[unlikely]] {
    call->refuse(RpcStatus(RpcCode::invalid_argument, method->takes_stream()
                                                          ? "this method takes a stream of requests"
                                                          : "this method takes one request"));
    return;
  }
  begin_call(*call);
}

// False when the call was refused for it.
bool RpcConnection::read_metadata(detail::RpcWireCall& call, ByteView metadata) {
  if (metadata.size() > host_->options().max_metadata_bytes) {
    call.refuse(RpcStatus(RpcCode::resource_exhausted, "more metadata than is taken"));
    return false;
  }
  if (!call.request_metadata().decode(metadata)) {
    call.refuse(RpcStatus(RpcCode::invalid_argument, "the metadata is malformed"));
    return false;
  }
  return true;
}

void RpcConnection::begin_call(detail::RpcWireCall& call) {
  host_->dispatch(call);
  call.settle();
  if (call.ended()) [[likely]] {
    call.release();
  } else {
    list(call);
  }
}

// There was no memory for it, and only its name was read.
void RpcConnection::on_skipped_request(const RpcFrame& frame) {
  ByteView rest = frame.body;
  ByteView name;
  const RpcMethod* method = nullptr;
  const bool named = take_piece<std::uint8_t>(rest, name) && !name.empty();
  if (named && !name_method(frame.number, as_text(name), method)) {
    return break_off(CodecErrc::unknown_type, "a number that has another name, or is above 1024");
  }
  if (frame.kind == RpcFrameKind::request) {
    if (incoming_.find(frame.id) != nullptr) {
      ++host_->counters().duplicate_ids;
      return;
    }
    last_accepted_ = frame.id;
  }
  respond_refusal(frame, RpcCode::resource_exhausted, false);
}

// A request to another peer. Its method is named each time: numbers are between this side and the caller.
void RpcConnection::on_forward(const RpcFrame& frame, const Parsed& parsed) {
  if (frame.kind == RpcFrameKind::request && incoming_.find(frame.id) != nullptr) {
    ++host_->counters().duplicate_ids;
    return;
  }
  if (frame.kind == RpcFrameKind::request) last_accepted_ = frame.id;
  const bool whole = !parsed.method.empty() && frame.number == 0;
  if (!whole || (frame.flags & RpcFrameFlag::streams) != 0) {
    return respond_refusal(frame, RpcCode::unimplemented, true);
  }
  const RpcMethod& method = host_->forward_method();
  RpcCode code = refusal(&method, parsed.message);
  if (forwards_ >= host_->options().max_forwarded_calls) code = RpcCode::resource_exhausted;
  if (code != RpcCode::ok) return respond_refusal(frame, code, false);
  auto* const call = new detail::RpcWireCall(*this, method, frame, parsed.message);
  call->set_forward({.node = std::string(parsed.node), .method = std::string(parsed.method)},
                    parsed.metadata);
  // Places at another peer are not taken for ever.
  const auto timeout = parsed.milliseconds ? std::chrono::milliseconds(*parsed.milliseconds)
                                           : host_->options().call_timeout;
  if (timeout != never) call->set_deadline(later(received_at_, timeout));
  if (!read_metadata(*call, parsed.metadata)) return;
  begin_call(*call);
}

// Why a request is not even looked at.
RpcCode RpcConnection::refusal(const RpcMethod* method, ByteView message) {
  if (method == nullptr) return RpcCode::unimplemented;
  if (draining_) return RpcCode::unavailable;
  if (calls_ >= host_->options().max_calls_in_flight ||
      message.size() > host_->options().max_message_bytes || budget_->is_used_up() ||
      host_->waited_too_long(waits_since_, held_)) [[unlikely]] {
    return RpcCode::resource_exhausted;
  }
  return RpcCode::ok;
}

void RpcConnection::respond_refusal(const RpcFrame& frame, RpcCode code, bool unknown) {
  ++host_->counters().refused;
  if (frame.kind == RpcFrameKind::notice) return;
  RpcStatus status(code, unknown ? "there is no such method"
                         : code == RpcCode::unavailable
                             ? "going away"
                             : "over a limit: calls in flight, size, memory, or waiting time");
  status.retryable = code != RpcCode::unimplemented;
  put_status({.flags = RpcFrameFlag::not_started, .id = frame.id}, status, nullptr);
}

void RpcConnection::on_cancel_frame(const RpcFrame& frame) {
  detail::RpcWireCall* const call = incoming_.find(frame.id);
  if (call == nullptr) {
    ++host_->counters().unknown_ids;
    return;
  }
  call->abandon(RpcStatus(RpcCode::cancelled, "cancelled by the caller"), false);
}

void RpcConnection::list(detail::RpcWireCall& call) {
  if (!call.is_notice()) incoming_.insert(call.id(), &call);
  call.next = first_call_;
  if (first_call_ != nullptr) first_call_->previous = &call;
  first_call_ = &call;
  ++calls_;
  if (call.forwarded_to() != nullptr) [[unlikely]]
    ++forwards_;
  if (closed_) end_answered_calls();
}

void RpcConnection::unlist(detail::RpcWireCall& call) noexcept {
  (call.previous != nullptr ? call.previous->next : first_call_) = call.next;
  if (call.next != nullptr) call.next->previous = call.previous;
  --calls_;
  if (call.forwarded_to() != nullptr) [[unlikely]]
    --forwards_;
  if (draining_ || peer_leaves_) close_when_done();
}

// Handlers may go on for a while; what they answer goes nowhere.
void RpcConnection::end_answered_calls() {
  const RpcStatus lost(RpcCode::cancelled, "the connection was lost");
  while (detail::RpcWireCall* const call = first_call_) {
    call->retain();
    call->abandon(lost, false);
    unlist(*call);
    call->lose_connection(host_);
    call->release();
  }
}

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

IOLoop& RpcWireCall::loop() const noexcept {
  return host().loop();
}

void RpcWireCall::refuse(const RpcStatus& status) {
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
  if (connection_ != nullptr && listed()) connection_->unlist(*this);
  delete this;
}

}  // namespace detail
}  // namespace twister
