// src/rpc/leaving.cpp - how an RpcConnection learns that its peer is there, and how either of them leaves.
#include <algorithm>
#include <string>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/log.hpp>

#include "connection_output.hpp"

namespace twister {

// ---- going away ----

void RpcConnection::read_goaway(const RpcFrame& frame) {
  if (frame.number != 0) {
    const std::string why(as_text(frame.body.first(std::min<std::size_t>(frame.body.size(), 200))));
    log(LogLevel::warning, "rpc_goaway",
        {{"peer", peer_address().to_string()},
         {"code", to_string(static_cast<RpcCode>(frame.number))},
         {"why", why}});
  }
  if (peer_leaves_) return;
  peer_leaves_ = true;
  release_names();
  on_going_away();
  if (frame.number == 0) end_unread_calls(frame.id);
  close_when_done();
}

// The ping tells when the peer has read the goaway: the pong is behind all that it sent before.
void RpcConnection::go_away() {
  if (draining_ || !is_open()) return;
  draining_ = true;
  put({.kind = RpcFrameKind::goaway, .id = last_accepted_});
  put({.kind = RpcFrameKind::ping, .id = goaway_ping});
  release_names();
  on_going_away();
  if (!preface_read_) close(Errc::server_draining);  // who has said nothing has asked for nothing
}

// Calls of both sides end first: what this one asks may be on behalf of other peers. Until the peer knows that
// this side goes away, its requests are refused: closing would leave open what became of them.
void RpcConnection::close_when_done() {
  if (!is_open() || calls_ != 0 || !outgoing_.empty()) return;
  if (draining_) {
    if (peer_knows_) close(Errc::server_draining);
  } else if (peer_leaves_) {
    close();
  }
}

// ---- signs of life ----

void RpcConnection::watch_peer() {
  heard_ = false;
  const auto& options = host_->options();
  if (options.ping_interval == never) return;
  const auto wait = waits_for_sign_ ? options.ping_timeout : options.ping_interval;
  host_->deadlines().add(*this, later(host_->loop().now(), wait));
}

void RpcConnection::on_due() {
  if (!is_open()) return;
  if (waits_for_sign_ && !heard_) {
    abort();  // it would not take what is still to be written either
    return blame({.code = Errc::idle_timeout, .detail = "no answer to a ping"});
  }
  const auto& options = host_->options();
  // Nobody else would find out that a peer is gone which others are to call.
  const bool in_use =
      calls_ + outgoing_.size() != 0 || !own_names_.empty() || options.ping_when_idle;
  const bool asks = in_use && !waits_for_sign_;
  waits_for_sign_ = asks && options.ping_timeout != never;
  if (asks) {
    ping_sent_ = host_->loop().now();
    put({.kind = RpcFrameKind::ping, .id = ++last_ping_, .body = as_bytes("12345678")});
  }
  watch_peer();
}

void RpcConnection::read_pong(const RpcFrame& frame) {
  if (frame.id == goaway_ping && draining_) {
    peer_knows_ = true;
    return close_when_done();
  }
  if (frame.id == last_ping_ && ping_sent_ != TimePoint()) {
    round_trip_ = host_->loop().now() - std::exchange(ping_sent_, TimePoint());
  }
}

}  // namespace twister
