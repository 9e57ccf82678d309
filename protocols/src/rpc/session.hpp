// src/rpc/session.hpp - calls that RpcHost checks, of peers that speak JSON-RPC or torpc.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_set>

#include <twister/rpc/call.hpp>
#include <twister/rpc/detail/host.hpp>

namespace twister {

class MemoryBudget;

namespace detail {

class SessionCall;

// An RpcHost for each loop, as long as any connection of the loop needs it. Threads: any.
class LoopHosts {
 public:
  std::shared_ptr<RpcHost> of(IOLoop& loop, const RpcServices& services, const RpcOptions& options);

 private:
  std::mutex mutex_;
  std::map<IOLoop*, std::weak_ptr<RpcHost>> hosts_;
};

// The calls of one connection to the methods of one host: a part of its peer, destroyed with the connection, which
// cancels them.
struct CallSession {
  CallSession(JsonRpcPeer& peer, std::shared_ptr<RpcHost> shared);
  CallSession(TorpcPeer& peer, std::shared_ptr<RpcHost> shared);
  ~CallSession();
  CallSession(const CallSession&) = delete;
  CallSession& operator=(const CallSession&) = delete;

  // One of the two.
  JsonRpcPeer* const json_rpc = nullptr;
  TorpcPeer* const torpc = nullptr;
  const std::shared_ptr<RpcHost> host;
  MemoryBudget& budget;
  std::unordered_set<SessionCall*> calls;  // that go on after dispatch()
};

// The session of a peer by its key, made when it is first asked for.
template <class Peer, class MakeHost>
std::shared_ptr<CallSession> session_of(Peer& peer, const void* key, MakeHost&& make_host) {
  std::shared_ptr<void>& part = peer.part(key);
  if (part == nullptr) part = std::make_shared<CallSession>(peer, make_host(peer.loop()));
  return std::static_pointer_cast<CallSession>(part);
}

// Ownership: its own, from start() on. Threads: the loop's.
class SessionCall : public RpcCall {
 public:
  // What it keeps until it ends, for the memory budget.
  virtual std::size_t kept_bytes() const noexcept { return 0; }

  Address peer() const final;
  std::shared_ptr<JsonRpcPeer> json_peer() const noexcept final;
  std::shared_ptr<TorpcPeer> torpc_peer() const noexcept final;
  IOLoop& loop() const noexcept final { return host_->loop(); }

 protected:
  SessionCall(const std::shared_ptr<CallSession>& session, const RpcMethod& method)
      : RpcCall(*session->host, method), session_(session), host_(session->host) {}

  // Dispatches it, and has the session keep it if it goes on. It may be gone afterwards.
  void start();

 private:
  void on_ended() noexcept final;
  void recycle() noexcept final { delete this; }

  std::weak_ptr<CallSession> session_;
  std::shared_ptr<RpcHost> host_;
};

}  // namespace detail
}  // namespace twister
