#include "session.hpp"

#include <utility>

#include <twister/loop_lifetime.hpp>
#include <twister/memory_budget.hpp>
#include <twister/metrics.hpp>
#include <twister/protocol.hpp>
#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/rpc/torpc_peer.hpp>

#include "make_host.hpp"

namespace twister::detail {

namespace {

std::weak_ptr<void> lifetime_of(const MetricsRegistry* metrics) {
  static const std::shared_ptr<void> none = std::make_shared<char>();
  return metrics == nullptr ? none : metrics->lifetime();
}

bool are_same(const std::weak_ptr<void>& one, const std::weak_ptr<void>& other) noexcept {
  return !one.owner_before(other) && !other.owner_before(one);
}

}  // namespace

std::shared_ptr<RpcHost> LoopHosts::of(IOLoop& loop, const RpcServices& services,
                                       const RpcOptions& options, MetricsRegistry* metrics) {
  Kept made{.loop = loop_lifetime(loop), .metrics = lifetime_of(metrics), .host = nullptr};
  const std::lock_guard lock(mutex_);
  for (const Kept& each : hosts_) {
    if (are_same(each.loop, made.loop) && are_same(each.metrics, made.metrics)) return each.host;
  }
  // Those of other loops that go on are left to these.
  std::erase_if(hosts_, [&](const Kept& each) {
    return each.loop.expired() || (are_same(each.loop, made.loop) && each.metrics.expired());
  });
  // In the middle of a call, which is worth more than its figures, whoever has asked for them.
  RpcOptions uncounted = options;
  uncounted.metrics = nullptr;
  made.host = make_host(loop, &services, uncounted, metrics);
  hosts_.push_back(made);
  return made.host;
}

CallSession::CallSession(JsonRpcPeer& peer, std::shared_ptr<RpcHost> shared)
    : json_rpc(&peer), host(std::move(shared)), budget(peer.memory_budget()) {}

CallSession::CallSession(TorpcPeer& peer, std::shared_ptr<RpcHost> shared)
    : torpc(&peer), host(std::move(shared)), budget(peer.memory_budget()) {}

CallSession::~CallSession() {
  for (SessionCall* const call : std::exchange(calls, {})) {
    budget.change(call->kept_bytes(), 0);
    if (call->identity_ == nullptr) call->identity_ = identity_;
    call->abandon({RpcCode::cancelled, "the connection is lost"}, false);
  }
}

const Protocol* CallSession::connection() const noexcept {
  return json_rpc != nullptr ? json_rpc->connection() : torpc->connection();
}

std::shared_ptr<const PeerIdentity> CallSession::identity() {
  if (identity_ == nullptr && connection() != nullptr) {
    identity_ = std::make_shared<const PeerIdentity>(peer_identity(*connection()));
  }
  return identity_;
}

void SessionCall::start() {
  host_->dispatch(*this);
  if (ended()) return release();
  if (const auto session = session_.lock()) {
    session->calls.insert(this);
    session->budget.change(0, kept_bytes());
  } else {  // its handler has lost the connection
    abandon({RpcCode::cancelled, "the connection is lost"}, false);
  }
}

void SessionCall::on_ended() noexcept {
  const auto session = session_.lock();
  if (session != nullptr && session->calls.erase(this) > 0) {
    session->budget.change(kept_bytes(), 0);
  }
}

std::shared_ptr<JsonRpcPeer> SessionCall::json_peer() const noexcept {
  const auto session = session_.lock();
  if (session == nullptr || session->json_rpc == nullptr) return nullptr;
  return session->json_rpc->weak_from_this().lock();
}

std::shared_ptr<TorpcPeer> SessionCall::torpc_peer() const noexcept {
  const auto session = session_.lock();
  if (session == nullptr || session->torpc == nullptr) return nullptr;
  return session->torpc->weak_from_this().lock();
}

Address SessionCall::peer() const {
  const auto session = session_.lock();
  const Protocol* const connection = session == nullptr ? nullptr : session->connection();
  return connection == nullptr ? Address() : connection->peer_address();
}

// The call keeps it, too: its handler may lose the connection and then look at it.
const PeerIdentity& SessionCall::identity() const {
  if (identity_ == nullptr) {
    if (const auto session = session_.lock()) identity_ = session->identity();
  }
  return identity_ == nullptr ? RpcContext::identity() : *identity_;
}

}  // namespace twister::detail
