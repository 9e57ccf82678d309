#include "stream.hpp"

#include <algorithm>
#include <utility>

#include <twister/tcp_server.hpp>

#include "loop_core.hpp"
#include "stream_extras.hpp"

namespace twister::detail {
namespace {

// What one connection may receive while others wait. Counted in bytes, not in messages: a bound on
// messages costs a multiple of the CPU with deep pipelines.
constexpr std::size_t max_turn_bytes = 256 * 1024;

// What is received at least, where there is so much, while output waits.
constexpr std::size_t min_room_bytes = 4 * 1024;

// Seconds of the loop's clock, in the bits that a stream has left for them: half a year, and again
// from zero.
constexpr std::uint32_t age_mask = (1u << 24) - 1;

std::uint32_t seconds_of(TimePoint time) noexcept {
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch());
  return static_cast<std::uint32_t>(since.count()) & age_mask;
}

}  // namespace

Stream& Stream::open(LoopCore& loop, std::unique_ptr<Transport> transport,
                     std::unique_ptr<Protocol> protocol,
                     std::shared_ptr<const StreamShared> options, TcpServer* server) {
  auto* stream = new Stream(loop, std::move(transport), std::move(protocol), std::move(options));
  stream->protocol_->server_ = server;
  stream->too_late_ = loop.ending();
  loop.link(*stream);
  loop.schedule(*stream);
  return *stream;
}

Stream::Stream(LoopCore& loop, std::unique_ptr<Transport> transport,
               std::unique_ptr<Protocol> protocol, std::shared_ptr<const StreamShared> options)
    : loop_(loop),
      transport_(std::move(transport)),
      protocol_(std::move(protocol)),
      options_(std::move(options)),
      watches_idle_(options_->idle_timeout != never),
      rated_(options_->bytes_rate || options_->message_rate),
      opened_(seconds_of(loop.now()) & age_mask) {
  protocol_->stream_ = this;
}

Stream::~Stream() = default;

std::chrono::seconds Stream::age() const {
  return std::chrono::seconds((seconds_of(loop_.now()) - opened_) & age_mask);
}

Stream::Extras& Stream::extras() {
  if (extras_ == nullptr) extras_ = std::make_unique<Extras>();
  return *extras_;
}

TcpServer* Stream::server() const noexcept {
  return protocol_->server_;
}
void Stream::forget_server() noexcept {
  protocol_->server_ = nullptr;
}

// ---- events from below ----

void Stream::on_ready(Readiness readiness) {
  if (state_ >= State::dying) return;
  if (has(readiness, Readiness::writable)) writable_ = true;
  if (has(readiness, Readiness::readable | Readiness::hangup)) readable_ = true;
  if (has(readiness, Readiness::hangup | Readiness::failed)) hangup_ = true;
  if (has(readiness, Readiness::failed)) readable_ = broken_ = true;
  if (establishing_) {
    if (started_) loop_.schedule(*this);
    return;
  }
  if (!readable_ && !(has(readiness, Readiness::writable) && output_waits())) return;
  // Guarded as a whole: a lack of memory costs this connection, not the loop.
  protect("stream", [this] {
    in_turn_ = true;
    deliver_kept();
    if (readable_) read_turn();
    end_turn();
  });
}

void Stream::serve() {
  if (state_ == State::dying) return finish();
  protect("stream", [this] { serve_turn(); });
}

void Stream::serve_turn() {
  if (establishing_ && !establish()) return;
  in_turn_ = true;
  deliver_kept();
  if (draining_) readable_ = true;  // its event may still be on the way
  if (readable_) read_turn();
  if (draining_ && state_ == State::open && !input_waits() && !hands_over()) {
    draining_ = false;
    guard("on_drain", [this] { protocol_->on_drain(); });
  }
  end_turn();
}

// Before anything new is received: an end of stream must not overtake what a Protocol has kept.
void Stream::deliver_kept() {
  if (!resumed_ || !accepts_data()) return;
  resumed_ = false;
  if (keeps_input_) {  // the rest of the message can come only now
    extras().message_since = loop_.now();
    watch_deadlines();
  }
  if (hands_over()) return deliver_rest();
  guard("on_reading_resumed", [this] { protocol_->on_reading_resumed(); });
}

void Stream::read_turn() {
  if (state_ >= State::closing) return discard_turn();
  std::size_t budget = max_turn_bytes;
  while (readable_ && accepts_data() && !eof_) {
    std::span<std::byte> room;
    if (in_place_) {
      protect("receive_buffer", [&] { room = protocol_->receive_buffer(); });
      if (state_ != State::open) return;
    }
    if (room.empty()) {
      room = loop_.receive_buffer().first(options_->read_chunk_size);
      if (output_ != nullptr) room = room.first(std::min(room.size(), room_for_replies()));
    }
    room = room.first(std::min(room.size(), budget));
    const IoResult result = transport_->receive(room);
    switch (result.status) {
      case IoResult::Status::ok: {
        const bool drained = result.bytes < room.size() && !result.more;
        if (drained && !hangup_) readable_ = false;
        received_bytes_ += result.bytes;
        options_->traffic.received_bytes += result.bytes;
        deliver(room.first(result.bytes));
        if (rated_) [[unlikely]]
          count_received(result.bytes);
        budget -= result.bytes;
        if (budget == 0) {
          loop_.schedule(*this);
          return;
        }
        break;
      }
      case IoResult::Status::would_block:
        readable_ = false;
        hangup_ = false;
        if (send_failed_) return fail(CloseReason(extras().reason));
        break;
      case IoResult::Status::end_of_stream:
        readable_ = false;
        eof_ = true;
        handle_eof();
        return;
      case IoResult::Status::failed:
        return fail(reason_of(result.error));
    }
  }
}

// While output waits, no more is received than would, sent back, lead to the high-water mark: so an
// echo to a peer that takes nothing keeps that much, and not a receive buffer on top of it. Not by
// bytes, though: a peer that takes nothing shall not make us receive one at a time.
std::size_t Stream::room_for_replies() const noexcept {
  if (options_->when_output_is_high == OutputHigh::keep_reading) return unlimited;
  const std::size_t high = options_->high_watermark_bytes;
  const std::size_t least = std::clamp<std::size_t>(high, 1, min_room_bytes);
  return std::max(high - std::min(high, queued_bytes()), least);
}

void Stream::deliver(ByteView chunk) {
  protect("on_data", [this, chunk] {
    if (extras_ != nullptr && extras_->on_chunk != nullptr) {
      const auto on_chunk = extras_->on_chunk;  // it may be replaced while it runs
      (*on_chunk)(chunk);
    } else if (TcpServer* server = protocol_->server_) {
      server->handle_stream(*protocol_, chunk);
    } else {
      protocol_->on_data(chunk);
    }
  });
}

void Stream::handle_eof() {
  if (send_failed_) return fail({.code = Errc::reset, .detail = "while sending"});
  auto action = EofAction::close;
  guard("on_eof", [this, &action] { action = protocol_->on_eof(); });
  if (action == EofAction::close) close(CloseReason{});
}

// After close(): input is thrown away, also while output is still being flushed, because a peer
// that writes before it reads would otherwise never come to reading.
void Stream::discard_turn() {
  std::size_t budget = max_turn_bytes;
  while (readable_ && !eof_) {
    const IoResult result = transport_->receive(loop_.receive_buffer());
    if (result.status == IoResult::Status::would_block) {
      readable_ = false;
    } else if (result.status != IoResult::Status::ok) {
      eof_ = true;
      if (result.status == IoResult::Status::failed && state_ == State::closing) {
        return fail(reason_to_keep(reason_of(result.error)));
      }
      if (state_ == State::closing) return;
      state_ = State::dying;  // the peer has ended too, or is gone: the reason stands
      loop_.schedule(*this);
    } else {
      options_->traffic.received_bytes += result.bytes;
      if (result.bytes >= budget) return loop_.schedule(*this);
      budget -= result.bytes;
    }
  }
}

void Stream::end_turn() {
  if (!reading_ && switches() && !establishing_) [[unlikely]]
    hand_over();
  in_turn_ = false;
  if ((broken_ || send_failed_) && state_ < State::lingering && (eof_ || !accepts_data())) {
    // A reset does not wait for a reader that is paused, and after FIN nobody would find it.
    return fail(send_failed_ ? extras().reason
                             : reason_to_keep({.code = Errc::reset, .detail = {}}));
  }
  if (establishing_) {  // since this turn: start_layer()
    if (kept_bytes() > 0) abort({.code = Errc::unread_input, .detail = {}});
    return;
  }
  if (output_ != nullptr && state_ < State::lingering) flush();
  if (tells_sent_) tell_sent({});
  if (accounts_) account();
  if (watches_idle_) note_activity();
  if (state_ >= State::lingering) return;
  if (state_ == State::open) notify_watermarks();
  if (output_ != nullptr || transport_->unsent().bytes > 0) return watch_output();
  if (state_ == State::closing) {
    finish_sending();
  } else if (write_ended_ && !fin_sent_) {
    fin_sent_ = true;
    transport_->shutdown_send();
  }
}

// ---- verbs ----

void Stream::read_until_close(std::function<void(ByteView)> on_chunk) {
  if (on_chunk) {
    extras().on_chunk = std::make_shared<const std::function<void(ByteView)>>(std::move(on_chunk));
  } else if (extras_ != nullptr) {
    extras_->on_chunk = nullptr;
  }
  if (switches()) return;
  reading_ = true;
  loop_.schedule(*this);
}

void Stream::set_close_callback(std::function<void(const CloseReason&)> callback) {
  extras().close_callback = std::move(callback);
}

void Stream::resume_reading() {
  if (!paused_) return;
  paused_ = false;
  resumed_ = true;
  loop_.schedule(*this);
}

void Stream::shutdown_write() {
  write_ended_ = true;
  loop_.schedule(*this);
}

void Stream::close(CloseReason reason) {
  if (!is_open()) return;
  state_ = State::closing;
  if (reason.code) extras().reason = std::move(reason);
  loop_.schedule(*this);
}

void Stream::abort(CloseReason reason) {
  if (state_ >= State::dying) return;
  reset_ = true;
  fail(std::move(reason));
}

void Stream::fail(CloseReason reason) {
  if (state_ >= State::dying) return;
  state_ = State::dying;
  extras().reason = std::move(reason);
  if (output_ != nullptr && !encoding_) loop_.release_output(std::move(output_));
  loop_.schedule(*this);
}

// An error that close() was given says more than the reset by which the peer answers it.
CloseReason Stream::reason_to_keep(CloseReason other) {
  const bool told = state_ == State::closing && extras_ != nullptr && extras_->reason.code &&
                    extras_->reason.code != Errc::closed_here;
  return told ? extras_->reason : std::move(other);
}

void Stream::drain() {
  draining_ = true;
  loop_.schedule(*this);
}

std::shared_ptr<HandleCore> Stream::handle() {
  Extras& more = extras();
  if (more.handle == nullptr) {
    more.handle = std::make_shared<HandleCore>();
    if (state_ != State::gone) {
      more.handle->loop = &loop_;
      more.handle->stream = this;
    }
  }
  return more.handle;
}

}  // namespace twister::detail
