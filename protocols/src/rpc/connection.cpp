#include "twister/rpc/connection.hpp"

#include <algorithm>
#include <climits>
#include <string>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/memory_budget.hpp>
#include <twister/rpc/services.hpp>

#include "connection_output.hpp"
#include "kept_streams.hpp"
#include "wire_call.hpp"

namespace twister {

template class MessageProtocol<RpcFrames>;

namespace {

// What may stand before a message: two names, a deadline, metadata, as long as the wire can say. What exceeds
// an option costs the call, and not the connection.
constexpr std::size_t max_prefix_bytes = 2 * (1 + UINT8_MAX) + 4 + 2 + UINT16_MAX;
constexpr std::size_t max_status_text_bytes = 16 * 1024;

enum class Setting : std::uint16_t { max_message_bytes = 1, stream_credit_bytes = 2 };

RpcFrames frames_for(const RpcOptions& options) {
  return RpcFrames({.max_frame_bytes = options.max_message_bytes + max_prefix_bytes});
}

void append_setting(ByteBuffer& out, Setting setting, std::size_t value) {
  std::byte entry[8];
  detail::store_little(entry, static_cast<std::uint16_t>(setting));
  detail::store_little(entry + 2, std::uint16_t{4});
  detail::store_little(entry + 4,
                       static_cast<std::uint32_t>(std::min<std::size_t>(value, UINT32_MAX)));
  out.append(ByteView(entry, sizeof entry));
}

}  // namespace

RpcConnection::RpcConnection(IOLoop& loop, const RpcServices* services, const RpcOptions& options)
    : RpcConnection(std::make_shared<detail::RpcHost>(loop, services, options)) {}

RpcConnection::RpcConnection(std::shared_ptr<detail::RpcHost> host)
    : MessageProtocol<RpcFrames>(frames_for(host->options())), host_(std::move(host)) {}

RpcConnection::~RpcConnection() {
  if (!closed_) on_close({.code = Errc::aborted_here, .detail = {}});
}

void RpcConnection::on_connect() {
  opened_ = true;
  budget_ = stream_options().memory_budget;
  if (budget_ == nullptr) budget_ = &MemoryBudget::of_process();
  codec().ask_for_room([budget = budget_](std::size_t bytes) {
    return !budget->is_short() && bytes <= budget->limit_bytes() - budget->used_bytes();
  });
  send_preface();
  watch_peer();
  start_early_calls();
}

void RpcConnection::start_early_calls() {
  // What a stream tells its user when it begins may cancel others of them.
  const auto early = std::exchange(early_, {});
  for (detail::RpcPending* pending : early) pending->channel = nullptr;
  for (detail::RpcPending* pending : early) {
    if (pending->ended()) {
      pending->release();
      continue;
    }
    pending->as_of = host_->loop().now();
    start_call(*pending);
  }
}

void RpcConnection::send_preface() {
  ByteBuffer settings;
  append_setting(settings, Setting::max_message_bytes, host_->options().max_message_bytes);
  append_setting(settings, Setting::stream_credit_bytes, host_->options().stream_credit_bytes);
  send({.kind = RpcFrameKind::preface, .body = settings.view()});
}

void RpcConnection::read_preface(const RpcFrame& frame) {
  if (preface_read_) return break_off(CodecErrc::unknown_type, "a second preface");
  preface_read_ = true;
  for (ByteView rest = frame.body; !rest.empty();) {
    const std::size_t size =
        rest.size() < 4 ? rest.size() : detail::load_little<std::uint16_t>(rest.data() + 2);
    if (rest.size() < 4 + size)
      return break_off(CodecErrc::truncated, "settings that are cut short");
    const auto setting = static_cast<Setting>(detail::load_little<std::uint16_t>(rest.data()));
    const std::uint32_t value = size == 4 ? detail::load_little<std::uint32_t>(rest.data() + 4) : 0;
    if (size == 4 && setting == Setting::max_message_bytes) peer_max_message_bytes_ = value;
    if (size == 4 && setting == Setting::stream_credit_bytes) peer_stream_credit_ = value;
    rest = rest.subspan(4 + size);
  }
  detail::KeptStreams streams;
  outgoing_.for_each([&](detail::RpcPending& pending) { streams.add(pending.stream()); });
  streams.for_each([this](auto& stream) { stream.on_credit(peer_stream_credit_); });
  start_early_calls();
}

void RpcConnection::on_data(ByteView chunk) {
  struct Delivering {
    RpcConnection& connection;
    ~Delivering() {
      connection.delivering_ = false;
      connection.held_ = connection.is_open() && !connection.accepts_data();
    }
  };
  const Delivering until_the_end{*this};
  if (!late_.empty()) flush_late();
  delivering_ = true;
  heard_ = true;
  held_ = false;  // what was kept has been handled before
  note_arrival(chunk.size());
  MessageProtocol<RpcFrames>::on_data(chunk);
}

// Says since when what is received now has waited. Not only here: in the round, behind other connections, and
// in the kernel, behind what this one received before. So the kernel is asked how much there is, and asked
// again when that has come.
void RpcConnection::note_arrival(std::size_t bytes) {
  constexpr std::size_t least_backlog_bytes = 4096;  // less comes from a socket that is empty then
  if (bytes <= backlog_) {
    backlog_ -= bytes;
    return;
  }
  received_at_ = host_->loop().now();
  waits_since_ = host_->round_began(received_at_);
  backlog_ = bytes < least_backlog_bytes ? 0 : transport()->unread_bytes();
}

void RpcConnection::on_message(const RpcFrame& frame) {
  switch (frame.kind) {
    case RpcFrameKind::request:
    case RpcFrameKind::notice:
      return on_request(frame);
    case RpcFrameKind::response:
      return on_response(frame);
    case RpcFrameKind::cancel:
      return on_cancel_frame(frame);
    case RpcFrameKind::data:
    case RpcFrameKind::end:
    case RpcFrameKind::credit:
    case RpcFrameKind::data_back:
    case RpcFrameKind::credit_back:
      return on_stream_frame(frame);
    default:
      return on_other(frame);
  }
}

void RpcConnection::on_other(const RpcFrame& frame) {
  switch (frame.kind) {
    case RpcFrameKind::preface:
      return read_preface(frame);
    case RpcFrameKind::ping:
      return put({.kind = RpcFrameKind::pong, .id = frame.id, .body = frame.body});
    case RpcFrameKind::pong:
      return read_pong(frame);
    case RpcFrameKind::goaway:
      return read_goaway(frame);
    default:
      host_->count_fault(detail::RpcFault::unknown_frame);
  }
}

// What is large is not received while memory is short: that costs the call that it belongs to, and no other.
void RpcConnection::on_message_skipped(const CodecError&) {
  const RpcFrame& frame = codec().message();
  switch (frame.kind) {
    case RpcFrameKind::request:
    case RpcFrameKind::notice:
      return on_skipped_request(frame);
    case RpcFrameKind::response:
      return on_skipped_response(frame);
    case RpcFrameKind::data:
    case RpcFrameKind::data_back:
      if (detail::RpcStreamState* const stream = stream_of(frame)) {
        stream->link().end_call(
            RpcStatus(RpcCode::resource_exhausted, "no memory for a message of the stream"));
      }
      return;
    case RpcFrameKind::goaway:
      return read_goaway(frame);
    default:
      host_->count_fault(detail::RpcFault::unknown_frame);
  }
}

void RpcConnection::on_message_error(const CodecError& error) {
  if (!preface_read_ && error.code == CodecErrc::unknown_type) {
    return break_off(error.code, "the first bytes are of another protocol than twister's RPC");
  }
  host_->count_fault(detail::RpcFault::malformed);
  put({.kind = RpcFrameKind::goaway,
       .number = static_cast<std::uint16_t>(error.code == CodecErrc::frame_too_long
                                                ? RpcCode::resource_exhausted
                                                : RpcCode::invalid_argument),
       .body = as_bytes(error.message())});
  flush_late();
}

// The peer breaks the protocol: it is told, and that is all.
void RpcConnection::break_off(CodecErrc code, std::string why) {
  if (!is_open()) return;
  host_->count_fault(detail::RpcFault::malformed);
  put({.kind = RpcFrameKind::goaway,
       .number = static_cast<std::uint16_t>(RpcCode::invalid_argument),
       .body = as_bytes(why)});
  flush_late();
  close_with({.code = make_error_code(code), .detail = std::move(why)});
}

const PeerIdentity& RpcConnection::identity() {
  if (identity_ == nullptr) identity_ = std::make_shared<const PeerIdentity>(peer_identity(*this));
  return *identity_;
}

EofAction RpcConnection::on_eof() {
  flush_late();
  return MessageProtocol<RpcFrames>::on_eof();
}

void RpcConnection::on_close(const CloseReason& reason) {
  if (closed_) return;
  closed_ = true;
  host_->deadlines().remove(*this);
  host_->never_flush(*this);
  late_.release();
  release_names();
  end_answered_calls();
  end_made_calls(reason);
  if (stream_memory_ != nullptr) stream_memory_->leave_budget();
}

// ---- output ----

void RpcConnection::put(const RpcFrame& frame) {
  put(frame, frame.body.size(), [&](std::byte* to) {
    if (!frame.body.empty()) std::memcpy(to, frame.body.data(), frame.body.size());
  });
}

void RpcConnection::put_status(RpcFrame header, const RpcStatus& status,
                               const RpcMetadata* metadata) {
  ByteBuffer body;
  if (metadata != nullptr && !metadata->empty()) {
    header.flags |= RpcFrameFlag::has_metadata;
    append_length(body, metadata->encoded_bytes());
    metadata->encode(body);
  }
  header.kind = RpcFrameKind::response;
  header.number = static_cast<std::uint16_t>(status.code);
  if (status.retryable) header.flags |= RpcFrameFlag::retryable;
  const std::size_t most = std::min(peer_max_message_bytes_, max_status_text_bytes);
  const std::string_view text = std::string_view(status.text).substr(0, most);
  append_length(body, text.size());
  body.append(text);
  // A part of them would mean nothing.
  if (status.details.size() <= peer_max_message_bytes_ - text.size()) body.append(status.details);
  header.body = body.view();
  put(header);
}

void RpcConnection::append_length(ByteBuffer& out, std::size_t length) {
  detail::store_little(out.prepare(2).data(), static_cast<std::uint16_t>(length));
  out.commit(2);
}

void RpcConnection::flush_late() {
  if (late_.empty()) return;
  if (is_open()) note(write(late_.view()));
  late_.clear();
  if (late_.capacity() > 4 * max_late_bytes) late_.release();
}

WriteStatus RpcConnection::output_status() const noexcept {
  if (closed_ || (opened_ && !is_open())) return WriteStatus::closed;
  return output_high_ ? WriteStatus::paused : WriteStatus::queued;
}

// protobuf's own limit, while the peer has not said what it takes.
std::size_t RpcConnection::max_message_bytes() const noexcept {
  return preface_read_ ? std::min<std::size_t>(peer_max_message_bytes_, INT_MAX) : INT_MAX;
}

}  // namespace twister
