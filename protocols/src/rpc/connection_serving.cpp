// src/rpc/connection_serving.cpp - what an RpcConnection does with the calls of its peer.
#include <string>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/memory_budget.hpp>
#include <twister/rpc/services.hpp>

#include "connection_output.hpp"
#include "frame_pieces.hpp"
#include "wire_call.hpp"

namespace twister {

using detail::max_numbered_methods;
using detail::RpcRefusal;
using detail::take_piece;

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
    host_->count_fault(detail::RpcFault::duplicate_id);
    return;
  }
  if (frame.kind == RpcFrameKind::request) last_accepted_ = frame.id;
  if (frame.kind == RpcFrameKind::notice && method != nullptr &&
      (method->takes_stream() || method->sends_stream())) [[unlikely]] {
    // There would be nobody at the other end of the stream.
    return host_->count_refused(RpcRefusal::malformed);
  }
  if (const auto why = refusal(method, parsed.message); why != RpcRefusal::none) [[unlikely]] {
    return respond_refusal(frame, why);
  }
  auto* const call = new detail::RpcWireCall(*this, *method, frame, parsed.message);
  if (parsed.milliseconds) {
    call->set_deadline(later(received_at_, std::chrono::milliseconds(*parsed.milliseconds)));
  }
  if (!parsed.metadata.empty() && !read_metadata(*call, parsed.metadata)) [[unlikely]] {
    return;
  }
  if (((frame.flags & RpcFrameFlag::streams) != 0) != method->takes_stream()) [[unlikely]] {
    return call->refuse(RpcRefusal::malformed,
                        RpcStatus(RpcCode::invalid_argument,
                                  method->takes_stream() ? "this method takes a stream of requests"
                                                         : "this method takes one request"));
  }
  begin_call(*call);
}

// False when the call was refused for it.
bool RpcConnection::read_metadata(detail::RpcWireCall& call, ByteView metadata) {
  if (metadata.size() > host_->options().max_metadata_bytes) {
    call.refuse(RpcRefusal::max_metadata_bytes,
                RpcStatus(RpcCode::resource_exhausted, "more metadata than is taken"));
    return false;
  }
  if (!call.request_metadata().decode(metadata)) {
    call.refuse(RpcRefusal::malformed,
                RpcStatus(RpcCode::invalid_argument, "the metadata is malformed"));
    return false;
  }
  return true;
}

void RpcConnection::begin_call(detail::RpcWireCall& call) {
  host_->dispatch(call);
  call.settle();
  const bool ended = call.ended();
  if (!ended || call.is_shared()) list(call);
  if (ended) [[likely]]
    call.release();
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
      host_->count_fault(detail::RpcFault::duplicate_id);
      return;
    }
    last_accepted_ = frame.id;
  }
  respond_refusal(frame, RpcRefusal::memory_budget);
}

// A request to another peer. Its method is named each time: numbers are between this side and the caller.
void RpcConnection::on_forward(const RpcFrame& frame, const Parsed& parsed) {
  if (frame.kind == RpcFrameKind::request && incoming_.find(frame.id) != nullptr) {
    host_->count_fault(detail::RpcFault::duplicate_id);
    return;
  }
  if (frame.kind == RpcFrameKind::request) last_accepted_ = frame.id;
  const bool whole = !parsed.method.empty() && frame.number == 0;
  if (!whole || (frame.flags & RpcFrameFlag::streams) != 0) {
    return respond_refusal(frame, RpcRefusal::unknown_method);
  }
  const RpcMethod& method = host_->forward_method();
  RpcRefusal why = refusal(&method, parsed.message);
  if (why == RpcRefusal::none && forwards_ >= host_->options().max_forwarded_calls) {
    why = RpcRefusal::max_forwarded_calls;
  }
  if (why != RpcRefusal::none) return respond_refusal(frame, why);
  auto* const call = new detail::RpcWireCall(*this, method, frame, parsed.message);
  call->set_forward({.node = std::string(parsed.node), .method = std::string(parsed.method)},
                    parsed.metadata);
  // Without a deadline of the caller's, places at another peer are not taken for ever.
  const auto timeout = parsed.milliseconds ? std::chrono::milliseconds(*parsed.milliseconds)
                                           : host_->options().call_timeout;
  if (timeout != never) call->set_deadline(later(received_at_, timeout));
  if (!read_metadata(*call, parsed.metadata)) return;
  begin_call(*call);
}

// Why a request is not even looked at.
RpcRefusal RpcConnection::refusal(const RpcMethod* method, ByteView message) {
  const RpcOptions& limits = host_->options();
  if (method == nullptr) return RpcRefusal::unknown_method;
  if (draining_) return RpcRefusal::draining;
  if (calls_ >= limits.max_calls_in_flight) return RpcRefusal::max_calls_in_flight;
  if (message.size() > limits.max_message_bytes) return RpcRefusal::max_message_bytes;
  if (budget_->is_used_up()) return RpcRefusal::memory_budget;
  if (host_->waited_too_long(waits_since_, held_)) return RpcRefusal::max_wait;
  return RpcRefusal::none;
}

void RpcConnection::respond_refusal(const RpcFrame& frame, RpcRefusal why) {
  host_->count_refused(why);
  if (frame.kind == RpcFrameKind::notice) return;
  RpcStatus status;
  switch (why) {
    case RpcRefusal::unknown_method:
      status = {RpcCode::unimplemented, "there is no such method"};
      break;
    case RpcRefusal::draining:
      status = {RpcCode::unavailable, "going away"};
      break;
    case RpcRefusal::max_message_bytes:
      status = {RpcCode::resource_exhausted, "the request is larger than is taken"};
      break;
    default:
      status = {RpcCode::resource_exhausted,
                "over a limit: calls in flight, memory, or waiting time"};
  }
  status.retryable = why != RpcRefusal::unknown_method && why != RpcRefusal::max_message_bytes;
  put_status({.flags = RpcFrameFlag::not_started, .id = frame.id}, status, nullptr);
}

void RpcConnection::on_cancel_frame(const RpcFrame& frame) {
  detail::RpcWireCall* const call = incoming_.find(frame.id);
  if (call == nullptr) {
    host_->count_fault(detail::RpcFault::unknown_id);
    return;
  }
  call->abandon(RpcStatus(RpcCode::cancelled, "cancelled by the caller"), false);
}

void RpcConnection::list(detail::RpcWireCall& call) {
  if (!call.is_notice() && !call.ended()) incoming_.insert(call.id(), &call);
  call.in_list = true;
  call.next = first_call_;
  if (first_call_ != nullptr) first_call_->previous = &call;
  first_call_ = &call;
  ++calls_;
  if (call.forwarded_to() != nullptr) [[unlikely]]
    ++forwards_;
  if (call.kept_bytes() != 0) budget_->change(0, call.kept_bytes());
  if (closed_) end_answered_calls();
}

void RpcConnection::unlist(detail::RpcWireCall& call) noexcept {
  call.in_list = false;
  (call.previous != nullptr ? call.previous->next : first_call_) = call.next;
  if (call.next != nullptr) call.next->previous = call.previous;
  --calls_;
  if (call.forwarded_to() != nullptr) [[unlikely]]
    --forwards_;
  if (call.kept_bytes() != 0) budget_->change(call.kept_bytes(), 0);
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

}  // namespace twister
