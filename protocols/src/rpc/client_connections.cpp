// src/rpc/client_connections.cpp - when an RpcClient connects, and to whom.
#include <algorithm>
#include <cmath>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/log.hpp>

#include "client_connection.hpp"

namespace twister::detail {

void RpcClientCore::connect_all() {
  const TimePoint now = loop_.now();
  soonest_ = TimePoint::max();
  for (Peer& peer : peers_) {
    if (peer.state != State::idle) continue;
    if (peer.not_before <= now) {
      connect(peer);
    } else {
      soonest_ = std::min(soonest_, peer.not_before);
    }
  }
}

void RpcClientCore::connect(Peer& peer) {
  loop_.cancel(peer.timer);
  peer.state = State::connecting;
  --idle_;
  const unsigned attempt = ++peer.attempts;
  tcp_->connect(
      peer.to,
      [weak = weak_from_this(), &peer]() -> std::unique_ptr<Protocol> {
        const auto self = weak.lock();
        if (self == nullptr || self->closed_) return nullptr;
        return std::make_unique<Connection>(self, peer);
      },
      [weak = weak_from_this(), &peer, attempt](const ConnectError& error, Protocol*) {
        const auto self = weak.lock();
        if (self == nullptr || peer.state != State::connecting || peer.attempts != attempt) return;
        if (error) self->failed(peer, error.message());
      });
}

void RpcClientCore::became_ready(Peer& peer) {
  loop_.cancel(peer.timer);
  peer.state = State::ready;
  peer.since = loop_.now();
  ready_.push_back(&peer);
  send_waiting();
}

void RpcClientCore::send_waiting() {
  while (!waiting_.empty() && !ready_.empty()) {
    RpcPending& pending = *waiting_.front();
    waiting_.pop_front();
    pending.as_of = loop_.now();
    place(pending);
  }
}

// Its connection takes no more calls, and keeps those that it has until they have ended.
void RpcClientCore::leave(Peer& peer, std::string why) {
  leaving_.push_back(peer.connection);
  last_error_ = std::move(why);
  become_idle(peer);
}

void RpcClientCore::going_away(Peer& peer) {
  if (peer.state == State::preparing) {
    return give_up(peer, RpcStatus(RpcCode::unavailable, "the server is going away"));
  }
  leave(peer, "the server is going away");
  return_later(peer);
}

void RpcClientCore::become_idle(Peer& peer) {
  loop_.cancel(peer.timer);
  peer.connection = nullptr;
  peer.state = State::idle;
  ++idle_;
  soonest_ = {};
  std::erase(ready_, &peer);
}

void RpcClientCore::lost(Peer& peer) {
  if (peer.state == State::preparing)
    return failed(peer, "lost before it was ready: " + last_error_);
  become_idle(peer);
  if (!closed_) note_end(peer);
}

// When the next attempt may be made: a server at which no connection lasts is left alone for a while.
void RpcClientCore::note_end(Peer& peer) {
  if (loop_.now() - peer.since >= options_.reset_after) {
    peer.failures = 0;
  } else {
    back_off(peer);
  }
  return_later(peer);
}

void RpcClientCore::failed(Peer& peer, std::string why) {
  if (closed_) return;
  become_idle(peer);
  last_error_ = std::move(why);
  back_off(peer);
  return_later(peer);
  if (ready_.empty() && !is_connecting()) fail_waiting();
}

void RpcClientCore::back_off(Peer& peer) {
  const double most = static_cast<double>(options_.max_delay.count());
  const double scale = std::pow(options_.factor, std::min(peer.failures, 63u));
  const double delay = std::min(most, static_cast<double>(options_.initial_delay.count()) * scale);
  ++peer.failures;
  peer.not_before =
      later(loop_.now(), std::chrono::milliseconds(static_cast<std::int64_t>(delay * random())));
}

// With stay_connected. Where nothing has failed, the first delay: many clients that lost the same server shall
// not come back all at once, nor shall one go round with a server that always goes away.
void RpcClientCore::return_later(Peer& peer) {
  if (!options_.stay_connected) return;
  const TimePoint now = loop_.now();
  const double first = static_cast<double>(options_.initial_delay.count()) * random();
  const TimePoint at =
      peer.not_before > now
          ? peer.not_before
          : later(now, std::chrono::milliseconds(static_cast<std::int64_t>(first)));
  const auto delay = std::chrono::ceil<std::chrono::milliseconds>(at - now);
  log(LogLevel::info, "reconnecting",
      {{"to", peer.to.to_string()},
       {"why", last_error_},
       {"delay_ms", std::to_string(delay.count())}});
  peer.timer = loop_.call_at(at, [weak = weak_from_this(), &peer] {
    const auto self = weak.lock();
    if (self != nullptr && !self->closed_ && peer.state == State::idle) self->connect(peer);
  });
}

bool RpcClientCore::is_connecting() const noexcept {
  return std::any_of(peers_.begin(), peers_.end(), [](const Peer& peer) {
    return peer.state == State::connecting || peer.state == State::preparing;
  });
}

void RpcClientCore::fail_waiting() {
  std::deque<RpcPending*> patient;
  for (RpcPending* pending : std::exchange(waiting_, {})) {
    if (pending->waits_for_ready) {
      patient.push_back(pending);
    } else {
      reject(*pending, RpcStatus(RpcCode::unavailable, last_error_));
    }
  }
  waiting_ = std::move(patient);
  if (!waiting_.empty()) wake_later();
}

// For those that wait: the next attempt, when it may be made.
void RpcClientCore::wake_later() {
  if (wakes_) return;
  TimePoint soonest = TimePoint::max();
  for (const Peer& peer : peers_) soonest = std::min(soonest, peer.not_before);
  wakes_ = true;
  loop_.call_at(soonest, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->wakes_ = false;
    if (self->closed_ || self->waiting_.empty()) return;
    self->connect_all();
    if (!self->is_connecting() && self->ready_.empty()) self->wake_later();
  });
}

}  // namespace twister::detail
