#include "stream.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <twister/log.hpp>
#include <twister/tcp_server.hpp>

#include "loop_core.hpp"
#include "server_core.hpp"

namespace twister::detail {
namespace {

// What one connection may receive while others wait. Counted in bytes, not in messages: a bound on
// messages costs a multiple of the CPU with deep pipelines.
constexpr std::size_t max_turn_bytes = 256 * 1024;

// From here on a write is tried from the caller's memory before what is left of it is copied.
constexpr std::size_t large_write_bytes = 16 * 1024;

// Pieces of one gathered send.
constexpr std::size_t max_pieces = 16;

bool is_reset(std::error_code error) noexcept {
  return error == std::errc::connection_reset || error == std::errc::broken_pipe ||
         error == std::errc::connection_aborted;
}

CloseReason reason_of(std::error_code error) {
  if (error == std::errc::connection_reset) return {.code = Errc::reset, .detail = {}};
  if (is_reset(error)) return {.code = Errc::reset, .detail = error.message()};
  return {.code = error, .detail = {}};
}

}  // namespace

Stream& Stream::open(LoopCore& loop, std::unique_ptr<Transport> transport,
                     std::unique_ptr<Protocol> protocol,
                     std::shared_ptr<const StreamOptions> options, TcpServer* server) {
  auto* stream = new Stream(loop, std::move(transport), std::move(protocol), std::move(options));
  stream->protocol_->server_ = server;
  loop.link(*stream);
  loop.schedule(*stream);
  return *stream;
}

Stream::Stream(LoopCore& loop, std::unique_ptr<Transport> transport,
               std::unique_ptr<Protocol> protocol, std::shared_ptr<const StreamOptions> options)
    : loop_(loop),
      transport_(std::move(transport)),
      protocol_(std::move(protocol)),
      options_(std::move(options)) {
  protocol_->stream_ = this;
}

Stream::~Stream() = default;

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
  const bool output_waits = has(readiness, Readiness::writable) && output_ != nullptr;
  if (has(readiness, Readiness::writable)) writable_ = true;
  if (has(readiness, Readiness::readable | Readiness::hangup)) readable_ = true;
  if (has(readiness, Readiness::hangup | Readiness::failed)) hangup_ = true;
  if (has(readiness, Readiness::failed)) readable_ = broken_ = true;
  if (state_ == State::opening || !(readable_ || output_waits)) return;
  // Guarded as a whole: a lack of memory costs this connection, not the loop.
  guard("stream", [this] {
    in_turn_ = true;
    deliver_kept();
    if (readable_) read_turn();
    end_turn();
  });
}

void Stream::serve() {
  if (state_ == State::dying) return finish();
  guard("stream", [this] { serve_turn(); });
}

void Stream::serve_turn() {
  in_turn_ = true;
  if (!connect_told_) connect();
  deliver_kept();
  if (draining_) readable_ = true;  // its event may still be on the way
  if (readable_) read_turn();
  if (draining_ && state_ == State::open && !input_waits()) {
    draining_ = false;
    guard("on_drain", [this] { protocol_->on_drain(); });
  }
  end_turn();
}

void Stream::connect() {
  // One that was closed before the loop came to it only sends what it has written.
  if (state_ == State::opening) state_ = State::open;
  try {
    transport_->start(*this);
  } catch (const std::system_error& error) {
    return fail({.code = error.code(), .detail = error.what()});
  }
  tell_connected();
}

void Stream::tell_connected() {
  connect_told_ = true;
  guard("on_connect", [this] {
    if (TcpServer* server = protocol_->server_) {
      server->on_connect(*protocol_);
    } else {
      protocol_->on_connect();
      protocol_->read_until_close();
    }
  });
}

// Before anything new is received: an end of stream must not overtake what a Protocol has kept.
void Stream::deliver_kept() {
  if (!resumed_ || !accepts_data()) return;
  resumed_ = false;
  guard("on_reading_resumed", [this] { protocol_->on_reading_resumed(); });
}

void Stream::read_turn() {
  if (state_ >= State::closing) return discard_turn();
  std::size_t budget = max_turn_bytes;
  while (readable_ && accepts_data() && !eof_) {
    std::span<std::byte> room;
    if (in_place_) {
      guard("receive_buffer", [&] { room = protocol_->receive_buffer(); });
      if (state_ != State::open) return;
    }
    if (room.empty()) {
      room = loop_.receive_buffer();
      room = room.first(std::min(room.size(), std::max<std::size_t>(options_->read_chunk_size, 1)));
    }
    const IoResult result = transport_->receive(room.first(std::min(room.size(), budget)));
    switch (result.status) {
      case IoResult::Status::ok: {
        const bool drained = result.bytes < std::min(room.size(), budget);
        if (drained && !hangup_) readable_ = false;
        deliver(room.first(result.bytes));
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

void Stream::deliver(ByteView chunk) {
  guard("on_data", [this, chunk] {
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
    } else if (result.bytes >= budget) {
      loop_.schedule(*this);
      return;
    } else {
      budget -= result.bytes;
    }
  }
}

void Stream::end_turn() {
  in_turn_ = false;
  if ((broken_ || send_failed_) && state_ < State::lingering && (eof_ || !accepts_data())) {
    // A reset does not wait for a reader that is paused, and after FIN nobody would find it.
    return fail(send_failed_ ? extras().reason
                             : reason_to_keep({.code = Errc::reset, .detail = {}}));
  }
  if (output_ != nullptr && state_ < State::lingering) flush();
  if (state_ >= State::lingering) return;
  if (state_ == State::open) notify_watermarks();
  if (output_ != nullptr) {
    if (state_ == State::closing && !extras().timer) arm_timer(saturated(options_->close_timeout));
    return;
  }
  if (state_ == State::closing) {
    finish_sending();
  } else if (write_ended_ && !fin_sent_) {
    fin_sent_ = true;
    transport_->shutdown_send();
  }
}

// ---- output ----

ByteBuffer* Stream::begin_write() {
  if (!takes_output()) return nullptr;
  if (output_ == nullptr) output_ = loop_.acquire_output();
  return &output_->tail();
}

WriteStatus Stream::end_write(bool keep) {
  if (keep) {
    output_->commit_tail();
  } else {
    output_->roll_back_tail();
  }
  if (output_->empty()) loop_.release_output(std::move(output_));
  if (!keep) return WriteStatus::refused;
  return over_limit(0) ? WriteStatus::dropped : after_write();
}

WriteStatus Stream::write(ByteView bytes) {
  if (!takes_output()) return WriteStatus::closed;
  if (bytes.size() >= large_write_bytes && writable_ && state_ == State::open) {
    return write_large(bytes);
  }
  if (over_limit(bytes.size())) return WriteStatus::dropped;
  if (bytes.empty() || send_failed_) return after_write();
  begin_write()->append(bytes);
  output_->commit_tail();
  return after_write();
}

WriteStatus Stream::write(const SharedBytes& bytes) {
  if (!takes_output()) return WriteStatus::closed;
  if (over_limit(bytes.size())) return WriteStatus::dropped;
  if (bytes.empty() || send_failed_) return after_write();
  if (output_ == nullptr) output_ = loop_.acquire_output();
  output_->append(bytes);
  return after_write();
}

WriteStatus Stream::write_large(ByteView bytes) {
  flush();
  while (!bytes.empty() && output_ == nullptr && writable_ && !send_failed_) {
    const IoResult result = transport_->send({&bytes, 1});
    if (result.status == IoResult::Status::failed) {
      send_failed(result.error);
      break;
    }
    if (result.bytes < bytes.size()) writable_ = false;
    bytes = bytes.subspan(result.bytes);
  }
  if (over_limit(bytes.size())) return WriteStatus::dropped;
  if (!bytes.empty() && !send_failed_) {
    begin_write()->append(bytes);
    output_->commit_tail();
  }
  return after_write();
}

// The slow consumer: one flush is tried before a connection that would have to keep more than the
// limit is given up.
bool Stream::give_up_at(std::size_t bytes) {
  if (state_ == State::open) {
    const std::size_t before = queued_bytes();
    flush();
    bytes -= before - queued_bytes();
    if (bytes <= options_->max_write_buffer_size) return false;
  }
  abort({.code = Errc::write_limit,
         .detail = "output of " + std::to_string(bytes) + " bytes exceeds max_write_buffer_size " +
                   std::to_string(options_->max_write_buffer_size)});
  return true;
}

WriteStatus Stream::after_write() {
  if (!write_paused_ && queued_bytes() > options_->high_watermark_bytes && state_ == State::open) {
    flush();
    write_paused_ = queued_bytes() > options_->high_watermark_bytes;
  }
  if (send_failed_) return WriteStatus::closed;
  if (!in_turn_) loop_.schedule(*this);
  return write_paused_ ? WriteStatus::paused : WriteStatus::queued;
}

void Stream::flush() {
  while (output_ != nullptr && writable_ && !send_failed_) {
    const IoResult result = send_output();
    if (result.status == IoResult::Status::failed) return send_failed(result.error);
    if (result.bytes < output_->size()) {
      // Less than all there is: the socket is full, unless there were more pieces than go at once.
      output_->consume(result.bytes);
    } else {
      output_->clear();
      loop_.release_output(std::move(output_));
    }
  }
}

// Offers the transport as much of the output as goes in one send.
IoResult Stream::send_output() {
  const ByteView front = output_->front();
  if (front.size() == output_->size()) [[likely]] {
    const IoResult result = transport_->send({&front, 1});
    if (result.bytes < front.size()) writable_ = false;
    return result;
  }
  std::array<ByteView, max_pieces> pieces;
  const std::size_t count = output_->gather(pieces);
  std::size_t offered = 0;
  for (std::size_t i = 0; i < count; ++i) offered += pieces[i].size();
  const IoResult result = transport_->send(std::span(pieces).first(count));
  if (result.bytes < offered) writable_ = false;
  return result;
}

// The peer takes nothing more. What it sent before is still delivered; then the error shows.
void Stream::send_failed(std::error_code error) {
  send_failed_ = true;
  if (output_ != nullptr) loop_.release_output(std::move(output_));
  if (state_ == State::open && accepts_data() && !eof_) {
    extras().reason = reason_of(error);
    readable_ = true;
    hangup_ = true;
    loop_.schedule(*this);
  } else {
    fail(reason_of(error));
  }
}

void Stream::notify_watermarks() {
  if (!write_paused_) {
    if (queued_bytes() <= options_->high_watermark_bytes) return;
    write_paused_ = true;
  }
  if (!pause_told_) {
    pause_told_ = true;
    guard("on_write_paused", [this] { protocol_->on_write_paused(); });
  }
  if (state_ != State::open || queued_bytes() > options_->low_watermark_bytes) return;
  write_paused_ = false;
  pause_told_ = false;
  resumed_ = true;
  loop_.schedule(*this);
  guard("on_write_resumed", [this] { protocol_->on_write_resumed(); });
}

// ---- verbs ----

void Stream::read_until_close(std::function<void(ByteView)> on_chunk) {
  if (on_chunk) {
    extras().on_chunk = std::make_shared<const std::function<void(ByteView)>>(std::move(on_chunk));
  } else if (extras_ != nullptr) {
    extras_->on_chunk = nullptr;
  }
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
  if (output_ != nullptr) loop_.release_output(std::move(output_));
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

// ---- the end ----

void Stream::finish_sending() {
  if (!fin_sent_) transport_->shutdown_send();
  fin_sent_ = true;
  if (eof_) {
    state_ = State::dying;
    loop_.schedule(*this);
    return;
  }
  state_ = State::lingering;
  arm_timer(saturated(options_->linger_timeout));
  readable_ = true;
  discard_turn();
}

void Stream::arm_timer(Duration delay) {
  Extras& more = extras();
  if (more.timer) loop_.cancel(more.timer);
  more.queued_at_timer = queued_bytes();
  more.timer = loop_.call_later(delay, [this] { on_timer(); });
}

void Stream::on_timer() {
  extras_->timer = {};
  if (state_ == State::lingering) {
    state_ = State::dying;
    loop_.schedule(*this);
  } else if (state_ == State::closing) {
    // Slow is allowed, standing still is not.
    if (queued_bytes() < extras_->queued_at_timer)
      return arm_timer(saturated(options_->close_timeout));
    abort({.code = Errc::close_timeout,
           .detail = std::to_string(queued_bytes()) + " bytes were not taken"});
  }
}

void Stream::callback_threw(std::string_view callback, std::string_view what) noexcept {
  const std::string peer = transport_->peer_address().to_string();
  log(LogLevel::error, "callback_threw", {{"callback", callback}, {"peer", peer}, {"what", what}});
  if (state_ >= State::gone) return;
  reset_ = true;
  state_ = State::closing;  // what was thrown replaces an earlier reason
  fail({.code = Errc::callback_threw, .detail = std::string(what)});
}

// A peer that broke a limit or the wire format, or did not take its output: otherwise nobody would
// know why it is gone.
void Stream::log_breach(const CloseReason& reason) const {
  if (reason.code != Condition::limit && reason.code != Condition::malformed &&
      reason.code != Errc::close_timeout) {
    return;
  }
  log(LogLevel::warning, "connection_cut",
      {{"peer", transport_->peer_address().to_string()}, {"why", reason.message()}});
}

void Stream::finish() {
  if (extras().timer) loop_.cancel(extras_->timer);
  if (reset_) {
    transport_->reset();
  } else {
    transport_->close();
  }
  state_ = State::gone;
  queued_ = true;  // nothing schedules it any more
  if (const auto& handle = extras_->handle) {
    const std::lock_guard lock(handle->mutex);
    handle->loop = nullptr;
    handle->stream = nullptr;
  }
  log_breach(extras_->reason);
  if (!connect_told_) tell_connected();  // on_close is never the first that a Protocol hears
  const CloseReason reason = std::move(extras_->reason);
  guard("on_close", [&] { protocol_->on_close(reason); });
  // Taken out first: it may set another.
  if (const auto callback = std::move(extras_->close_callback)) {
    guard("close_callback", [&] { callback(reason); });
  }
  if (TcpServer* server = protocol_->server_) {
    const std::shared_ptr<ServerCore> core =
        server->core_;  // the server may end in its own callback
    core->connection_ended();
    guard("server_on_close", [&] { server->on_close(*protocol_, reason); });
    core->check_drained();
  }
  loop_.unlink(*this);
  protocol_->stream_ = nullptr;  // its destructor may not use what is being destroyed
  delete this;
}

}  // namespace twister::detail
