// src/stream_end.cpp - how a stream ends: flushing, lingering, deadlines, the last callbacks.
#include <string>
#include <utility>

#include <twister/log.hpp>
#include <twister/tcp_server.hpp>

#include "loop_core.hpp"
#include "server_core.hpp"
#include "stream.hpp"
#include "stream_extras.hpp"

namespace twister::detail {
namespace {

bool is_reset(std::error_code error) noexcept {
  return error == std::errc::connection_reset || error == std::errc::broken_pipe ||
         error == std::errc::connection_aborted;
}

}  // namespace

CloseReason reason_of(std::error_code error) {
  if (error == std::errc::connection_reset) return {.code = Errc::reset, .detail = {}};
  if (is_reset(error)) return {.code = Errc::reset, .detail = error.message()};
  return {.code = error, .detail = {}};
}

void Stream::finish_sending() {
  if (!fin_sent_) transport_->shutdown_send();
  fin_sent_ = true;
  if (eof_) {
    state_ = State::dying;
    loop_.schedule(*this);
    return;
  }
  state_ = State::lingering;
  extras().close_by = later(loop_.now(), options_->linger_timeout);
  watch_deadlines();
  readable_ = true;
  discard_turn();
}

void Stream::callback_threw(std::string_view callback, std::string_view what) noexcept {
  try {
    const std::string peer = transport_->peer_address().to_string();
    log(LogLevel::error, "callback_threw",
        {{"callback", callback}, {"peer", peer}, {"what", what}});
  } catch (const std::exception&) {
    // Without memory for the words, it ends without them.
  }
  if (state_ >= State::gone) return;
  reset_ = true;
  state_ = State::closing;  // what was thrown replaces an earlier reason
  try {
    fail({.code = Errc::callback_threw, .detail = std::string(what)});
  } catch (const std::exception&) {
    state_ = State::dying;
    loop_.schedule(*this);
  }
}

void Stream::blame(CloseReason reason) {
  if (state_ < State::gone) extras().reason = std::move(reason);
}

// A peer that broke a limit or the wire format, or did not take its output: otherwise nobody would
// know why it is gone.
void Stream::log_breach(const CloseReason& reason) const {
  if (reason.code != Condition::limit && reason.code != Condition::malformed &&
      reason.code != Condition::timed_out) {
    return;
  }
  log(LogLevel::warning, "connection_cut",
      {{"peer", transport_->peer_address().to_string()}, {"why", reason.message()}});
}

void Stream::let_go() noexcept {
  end_accounts();
  queued_ = true;  // nothing schedules it any more
  if (extras_ == nullptr) return;
  loop_.cancel(extras_->timer);
  loop_.cancel(extras_->hold_timer);
  if (const auto& handle = extras_->handle) {
    const std::lock_guard lock(handle->mutex);
    handle->loop = nullptr;
    handle->stream = nullptr;
  }
}

void Stream::discard() noexcept {
  let_go();
  transport_->reset();
  if (TcpServer* server = protocol_->server_) server->core_->connection_ended();
  loop_.unlink(*this);
  protocol_->stream_ = nullptr;
  delete this;
}

void Stream::finish() {
  let_go();
  const bool was_established = transport_->established();
  if (reset_) {
    transport_->reset();
  } else {
    transport_->close();
  }
  state_ = State::gone;
  CloseReason reason;
  if (extras_ != nullptr) {
    reason = std::move(extras_->reason);
  } else if (reset_) {
    reason.code = Errc::callback_threw;  // and no memory to write that down: see callback_threw()
  }
  if (!arriving_) log_breach(reason);
  // on_close is never the first that a Protocol hears, unless there never was a connection.
  if (!connect_told_ && was_established && !arriving_) tell_connected();
  if (tells_sent_) {
    const std::error_code why = reason.code ? reason.code : make_error_code(Errc::end_of_stream);
    tell_sent(why);
    for (auto& [position, function] : std::exchange(extras_->when_sent, {})) {
      loop_.add_callback([function = std::move(function), why] { function(why); });
    }
  }
  if (arriving_) {
    const auto failed = std::move(extras_->arrival->failed);
    guard("failed", [&] { failed(reason); });
  }
  guard("on_close", [&] { protocol_->on_close(reason); });
  // Taken out first: it may set another.
  if (const auto callback = extras_ == nullptr ? nullptr : std::move(extras_->close_callback)) {
    guard("close_callback", [&] { callback(reason); });
  }
  if (TcpServer* server = protocol_->server_) {
    const std::shared_ptr<ServerCore> core =
        server->core_;  // the server may end in its own callback
    core->connection_ended();
    if (!arriving_) core->count_end(reason.code);
    if (!arriving_) guard("server_on_close", [&] { server->on_close(*protocol_, reason); });
    core->check_drained();
  }
  loop_.unlink(*this);
  protocol_->stream_ = nullptr;  // its destructor may not use what is being destroyed
  delete this;
}

}  // namespace twister::detail
