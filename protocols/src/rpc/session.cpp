#include "session.hpp"

#include <utility>

#include <twister/io_loop.hpp>
#include <twister/memory_budget.hpp>
#include <twister/protocol.hpp>
#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/rpc/torpc_peer.hpp>

namespace twister::detail {

std::shared_ptr<RpcHost> LoopHosts::of(IOLoop& loop, const RpcServices& services,
                                       const RpcOptions& options) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<RpcHost>& kept = hosts_[&loop];
  auto host = kept.lock();
  if (host == nullptr) {
    host = std::make_shared<RpcHost>(loop, &services, options);
    kept = host;
  }
  return host;
}

CallSession::CallSession(JsonRpcPeer& peer, std::shared_ptr<RpcHost> shared)
    : json_rpc(&peer), host(std::move(shared)), budget(peer.memory_budget()) {}

CallSession::CallSession(TorpcPeer& peer, std::shared_ptr<RpcHost> shared)
    : torpc(&peer), host(std::move(shared)), budget(peer.memory_budget()) {}

CallSession::~CallSession() {
  for (SessionCall* const call : std::exchange(calls, {})) {
    budget.change(call->kept_bytes(), 0);
    call->abandon({RpcCode::cancelled, "the connection is lost"}, false);
  }
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
  if (session == nullptr) return {};
  const Protocol* const connection =
      session->json_rpc != nullptr ? session->json_rpc->connection() : session->torpc->connection();
  return connection == nullptr ? Address() : connection->peer_address();
}

}  // namespace twister::detail
