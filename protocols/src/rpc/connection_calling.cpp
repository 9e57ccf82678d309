// src/rpc/connection_calling.cpp - what an RpcConnection does with the calls of its own side.
#include <climits>
#include <cstring>
#include <string>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/rpc/detail/stream_state.hpp>

#include "connection_output.hpp"
#include "frame_pieces.hpp"
#include "wire_call.hpp"

namespace twister {

namespace {

using detail::max_numbered_methods;
using detail::RpcReached;
using detail::store_piece;
using detail::take_piece;

// Every peer has room for so much before a message, and so does not mind it as one.
constexpr std::size_t max_early_bytes = 8 * 1024;

// Milliseconds that are left, rounded up, so that no call is given up before its time.
std::uint32_t milliseconds_left(TimePoint deadline, TimePoint now) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, UINT32_MAX));
}

}  // namespace

void RpcConnection::start_call(detail::RpcPending& pending) {
  // What the peer takes is in its preface. Until that is there, only what any peer takes is sent.
  const bool waits = !opened_ || (!preface_read_ && pending.message().size() > max_early_bytes);
  if (waits && !closed_ && (!opened_ || is_open())) {
    if (calls_made() >= host_->options().max_calls_in_flight) {
      pending.channel = nullptr;
      pending.end_later(RpcStatus(RpcCode::resource_exhausted, "too many calls are in flight"));
      pending.release();
      return;
    }
    pending.channel = this;
    early_.push_back(&pending);
    return;
  }
  const auto reject = [&](RpcCode code, const char* why) {
    RpcStatus status(code, why);
    pending.channel = nullptr;
    if (code == RpcCode::unavailable && pending.retry != nullptr &&
        pending.retry->retry(pending, status, RpcReached::nowhere)) {
      return;
    }
    pending.end_later(std::move(status));
    pending.release();
  };
  if (closed_ || !is_open()) return reject(RpcCode::unavailable, "the connection is closed");
  if (going_away()) return reject(RpcCode::unavailable, "the connection is going away");
  if (pending.unencodable) {
    return reject(RpcCode::invalid_argument, "a required field of the request is missing");
  }
  if (pending.method().empty() || pending.method().size() > UINT8_MAX ||
      pending.node().size() > UINT8_MAX) {
    return reject(RpcCode::invalid_argument, "a name that is empty or longer than 255 bytes");
  }
  if (pending.message().size() > std::min<std::size_t>(peer_max_message_bytes_, INT_MAX)) {
    return reject(RpcCode::resource_exhausted, "the request is larger than the peer takes");
  }
  if (pending.metadata().size() > host_->options().max_metadata_bytes) {
    return reject(RpcCode::resource_exhausted, "more metadata than max_metadata_bytes");
  }
  if (pending.one_way) {
    send_request(pending, true);
    pending.end(RpcStatus());
    pending.release();
    return;
  }
  if (calls_made() >= host_->options().max_calls_in_flight) {
    return reject(RpcCode::resource_exhausted, "too many calls are in flight");
  }
  pending.order = next_order();
  pending.id = static_cast<std::uint32_t>(pending.order);
  pending.channel = this;
  outgoing_.insert(pending.id, &pending);
  send_request(pending, false);
  if (detail::RpcStreamState* const stream = pending.stream()) [[unlikely]] {
    if (pending.sends_stream) pending.retry = nullptr;  // what was sent of it is not kept
    stream->counts_in(stream_memory());
    if (preface_read_) stream->on_credit(peer_stream_credit_);
  }
}

// Ids go round, past 0, which is no call's, and past those in use.
std::uint64_t RpcConnection::next_order() {
  std::uint32_t id = 0;
  do {
    id = static_cast<std::uint32_t>(++last_order_);
  } while (id == 0 || outgoing_.find(id) != nullptr);
  return last_order_;
}

// The number that stands for the method; 0 for none, in which case it is named each time. `named`: the peer
// knows it.
std::uint16_t RpcConnection::number_of(const detail::RpcPending& pending, bool& named) {
  // The number would be between the node and its server.
  named = false;
  if (!pending.node().empty()) return 0;
  const std::uint32_t index = pending.method_index();
  named = true;
  if (index != 0 && index < numbers_.size() && numbers_[index] != 0) [[likely]] {
    return numbers_[index];
  }
  const auto found = names_.find(pending.method());
  std::uint16_t number = found == names_.end() ? 0 : found->second;
  if (found == names_.end()) {
    named = false;
    if (names_.size() == max_numbered_methods) return 0;
    number = static_cast<std::uint16_t>(names_.size() + 1);
    names_.emplace(pending.method(), number);
  }
  if (index != 0) {
    if (index >= numbers_.size()) numbers_.resize(index + 1);
    numbers_[index] = number;
  }
  return number;
}

void RpcConnection::send_request(detail::RpcPending& pending, bool notice) {
  bool named = false;
  RpcFrame header{.kind = notice ? RpcFrameKind::notice : RpcFrameKind::request,
                  .number = number_of(pending, named),
                  .id = pending.id};
  std::size_t size = pending.message().size();
  if (!named) {
    header.flags |= RpcFrameFlag::names_method;
    size += 1 + pending.method().size();
  }
  if (!pending.node().empty()) {
    header.flags |= RpcFrameFlag::names_node;
    size += 1 + pending.node().size();
  }
  if (pending.deadline() != TimePoint::max()) {
    header.flags |= RpcFrameFlag::has_deadline;
    size += sizeof(std::uint32_t);
  }
  if (!pending.metadata().empty()) {
    header.flags |= RpcFrameFlag::has_metadata;
    size += 2 + pending.metadata().size();
  }
  if (pending.sends_stream) header.flags |= RpcFrameFlag::streams;
  put(header, size, [&](std::byte* to) {
    if (!named) to = store_piece(to, as_bytes(pending.method()), 1);
    if (!pending.node().empty()) to = store_piece(to, as_bytes(pending.node()), 1);
    if (pending.deadline() != TimePoint::max()) {
      detail::store_little(to, milliseconds_left(pending.deadline(), pending.as_of));
      to += sizeof(std::uint32_t);
    }
    if (!pending.metadata().empty()) to = store_piece(to, pending.metadata(), 2);
    if (!pending.message().empty()) {
      std::memcpy(to, pending.message().data(), pending.message().size());
    }
  });
}

void RpcConnection::on_response(const RpcFrame& frame) {
  detail::RpcPending* const pending = outgoing_.erase(frame.id);
  if (pending == nullptr) {
    host_->count_fault(detail::RpcFault::unknown_id);
    return;
  }
  struct Done {
    RpcConnection& connection;
    ~Done() {
      if (connection.going_away()) connection.close_when_done();
    }
  };
  const Done done{*this};
  pending->channel = nullptr;
  if (frame.number == 0 && frame.flags == 0) [[likely]] {
    struct Release {
      detail::RpcPending& pending;
      ~Release() { pending.release(); }
    };
    const Release let_go{*pending};
    pending->end(RpcStatus(), frame.body);
    return;
  }
  on_rare_response(frame, *pending);
}

void RpcConnection::on_skipped_response(const RpcFrame& frame) {
  detail::RpcPending* const pending = outgoing_.erase(frame.id);
  if (pending == nullptr) {
    host_->count_fault(detail::RpcFault::unknown_id);
    return;
  }
  pending->channel = nullptr;
  pending->end(RpcStatus(RpcCode::resource_exhausted, "no memory for the reply"));
  pending->release();
  if (going_away()) close_when_done();
}

// With metadata, or with a status.
void RpcConnection::on_rare_response(const RpcFrame& frame, detail::RpcPending& pending) {
  ByteView rest = frame.body;
  RpcMetadata metadata;
  bool whole = true;
  const auto take = [&rest, &whole] {
    ByteView piece;
    if (!take_piece<std::uint16_t>(rest, piece)) whole = false;
    return piece;
  };
  if ((frame.flags & RpcFrameFlag::has_metadata) != 0) whole = metadata.decode(take()) && whole;
  RpcStatus status(frame.number > static_cast<std::uint16_t>(RpcCode::unauthenticated)
                       ? RpcCode::unknown
                       : static_cast<RpcCode>(frame.number));
  if (!status.ok()) {
    status.text = as_text(take());
    status.details = as_text(rest);
    status.retryable = (frame.flags & RpcFrameFlag::retryable) != 0;
  }
  if (!whole) {
    pending.end(RpcStatus(RpcCode::internal, "the response is malformed"));
    pending.release();
    return break_off(CodecErrc::truncated, "a response that is shorter than its flags say");
  }
  const bool started = (frame.flags & RpcFrameFlag::not_started) == 0;
  if (!status.ok() && (status.retryable || !started)) {
    return pending.fail(status, started ? RpcReached::handler : RpcReached::peer, &metadata);
  }
  pending.end(status, rest, &metadata);
  pending.release();
}

// Nobody waits for the reply any more.
void RpcConnection::drop(detail::RpcPending& pending) {
  if (std::erase(early_, &pending) == 0) {
    outgoing_.erase(pending.id);
    if (is_open()) put({.kind = RpcFrameKind::cancel, .id = pending.id});
    if (going_away()) close_when_done();
  }
  pending.release();
}

void RpcConnection::cancel_made_calls(const RpcStatus& status) {
  std::vector<detail::RpcPending*> all = std::exchange(early_, {});
  for (detail::RpcPending* pending : outgoing_.take_all()) {
    if (is_open()) put({.kind = RpcFrameKind::cancel, .id = pending->id});
    all.push_back(pending);
  }
  for (detail::RpcPending* pending : all) {
    pending->channel = nullptr;
    pending->end_later(status);
    pending->release();
  }
  flush_late();
}

void RpcConnection::end_made_calls(const CloseReason& reason) {
  std::string why = "the connection was lost";
  if (reason.code) why += ": " + reason.message();
  const RpcStatus status(RpcCode::unavailable, std::move(why));
  const auto early = std::exchange(early_, {});
  const auto made = std::exchange(outgoing_, {});
  // Who is told of one may cancel others, which are not to be found here any more.
  for (detail::RpcPending* pending : early) pending->channel = nullptr;
  made.for_each([](detail::RpcPending& pending) { pending.channel = nullptr; });
  // Those that were not sent, then those that were.
  for (detail::RpcPending* pending : early) pending->fail(status, RpcReached::nowhere);
  made.for_each([&](detail::RpcPending& pending) { pending.fail(status, RpcReached::handler); });
}

// The peer goes away, and has not read what was sent behind the call with this id.
void RpcConnection::end_unread_calls(std::uint32_t last_read) {
  const auto behind = static_cast<std::uint32_t>(last_order_) - last_read;
  const std::uint64_t last = last_order_ - behind;
  std::vector<detail::RpcPending*> unread;
  outgoing_.for_each([&](detail::RpcPending& pending) {
    if (pending.order > last) unread.push_back(&pending);
  });
  for (detail::RpcPending* pending : unread) {
    outgoing_.erase(pending->id);
    pending->channel = nullptr;
  }
  const RpcStatus status(RpcCode::unavailable, "the connection is going away");
  for (detail::RpcPending* pending : unread) pending->fail(status, RpcReached::nowhere);
}

}  // namespace twister
