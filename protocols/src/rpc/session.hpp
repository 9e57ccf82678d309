// src/rpc/session.hpp - calls that RpcHost checks, of peers that speak JSON-RPC or torpc.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include <twister/rpc/call.hpp>
#include <twister/rpc/detail/host.hpp>

namespace twister {

class MemoryBudget;
class MetricsRegistry;
class Protocol;

namespace detail {

class SessionCall;

// An RpcHost for each loop and registry, as long as these: so that the metrics of methods are registered once, and
// not by each connection. Threads: any.
class LoopHosts {
 public:
  // `metrics`, null for none, take the place of those of the options.
  std::shared_ptr<RpcHost> of(IOLoop& loop, const RpcServices& services, const RpcOptions& options,
                              MetricsRegistry* metrics);

 private:
  // By lifetimes, since another loop or registry may come to have the same address.
  struct Kept {
    std::weak_ptr<void> loop;
    std::weak_ptr<void> metrics;
    std::shared_ptr<RpcHost> host;
  };

  std::mutex mutex_;
  std::vector<Kept> hosts_;
};

// Methods that a peer may call and RpcHost checks: handlers that take JSON, or services. Threads: any.
class SessionMethods {
 public:
  // `metrics` are those of the server, for methods that have none of their own; null for none.
  virtual std::shared_ptr<RpcHost> host(IOLoop& loop, MetricsRegistry* metrics) = 0;
  // Where calls are counted, whatever the server says; null: nowhere.
  virtual MetricsRegistry* metrics() const noexcept = 0;

 protected:
  ~SessionMethods() = default;
};

// The calls of one connection to the methods of one host: a part of its peer, destroyed with the connection, which
// cancels them.
struct CallSession {
  CallSession(JsonRpcPeer& peer, std::shared_ptr<RpcHost> shared);
  CallSession(TorpcPeer& peer, std::shared_ptr<RpcHost> shared);
  ~CallSession();
  CallSession(const CallSession&) = delete;
  CallSession& operator=(const CallSession&) = delete;

  // Null where messages come by other ways.
  const Protocol* connection() const noexcept;
  std::shared_ptr<const PeerIdentity> identity();

  // One of the two.
  JsonRpcPeer* const json_rpc = nullptr;
  TorpcPeer* const torpc = nullptr;
  const std::shared_ptr<RpcHost> host;
  MemoryBudget& budget;
  std::unordered_set<SessionCall*> calls;  // that go on after dispatch()

 private:
  friend class SessionCall;

  std::shared_ptr<const PeerIdentity> identity_;  // since somebody has asked
};

// The session of a peer for these methods, made when it is first asked for.
template <class Peer>
std::shared_ptr<CallSession> session_of(Peer& peer, SessionMethods& methods) {
  std::shared_ptr<void>& part = peer.part(&methods);
  if (part == nullptr) {
    part = std::make_shared<CallSession>(peer, methods.host(peer.loop(), peer.metrics()));
  }
  return std::static_pointer_cast<CallSession>(part);
}

// Counts a call that the peer's connection does not even begin.
template <class Peer>
void count_refused(Peer& peer, SessionMethods& methods, RpcRefusal cause) {
  if (methods.metrics() == nullptr && peer.metrics() == nullptr) return;
  session_of(peer, methods)->host->count_refused(cause);
}

// Ownership: its own, from start() on. Threads: the loop's.
class SessionCall : public RpcCall {
 public:
  // What it keeps until it ends, for the memory budget.
  virtual std::size_t kept_bytes() const noexcept { return 0; }

  Address peer() const final;
  const PeerIdentity& identity() const final;
  std::shared_ptr<JsonRpcPeer> json_peer() const noexcept final;
  std::shared_ptr<TorpcPeer> torpc_peer() const noexcept final;
  IOLoop& loop() const noexcept final { return host_->loop(); }

 protected:
  SessionCall(const std::shared_ptr<CallSession>& session, const RpcMethod& method)
      : RpcCall(*session->host, method), session_(session), host_(session->host) {}

  // Dispatches it, and has the session keep it if it goes on. It may be gone afterwards.
  void start();

 private:
  friend struct CallSession;

  void on_ended() noexcept final;
  void recycle() noexcept final { delete this; }

  std::weak_ptr<CallSession> session_;
  mutable std::shared_ptr<const PeerIdentity> identity_;
  std::shared_ptr<RpcHost> host_;
};

}  // namespace detail
}  // namespace twister
