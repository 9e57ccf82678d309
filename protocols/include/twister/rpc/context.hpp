// twister/rpc/context.hpp - what a handler knows of the call that it answers.
//
//   services.on<Add, Sum>("calculator.Calculator/Add",
//                         [](RpcContext& context, const Add& add, Sum& sum) -> RpcStatus {
//                           if (context.time_left() < 10ms) return RpcCode::deadline_exceeded;
//                           ...
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <twister/address.hpp>
#include <twister/clock.hpp>
#include <twister/peer_identity.hpp>
#include <twister/rpc/metadata.hpp>

namespace twister {

class IOLoop;
class JsonRpcPeer;
class RpcCallHandle;
class RpcConnection;
class RpcMethod;
class TorpcPeer;

// Where a server passes a call on to: see <twister/rpc/names.hpp>.
struct RpcForwardedTo {
  std::string node;
  std::string method;
};

namespace detail {

class AwaitedSleep;

// What waits for a time, or for the end of a call.
class Sleeper {
 public:
  virtual void wake() = 0;

 protected:
  ~Sleeper() = default;
};

}  // namespace detail

// A call on the side that answers, whatever the wire that it came by.
//
// Ownership: valid until the handler has returned its status, its RpcReply was destroyed, or its
//   coroutine has ended; also after the call was cancelled. Threads: the loop's.
class RpcContext {
 public:
  RpcContext(const RpcContext&) = delete;
  RpcContext& operator=(const RpcContext&) = delete;

  const RpcMethod& method() const noexcept { return *method_; }
  // For a call that another peer will answer, whose method() here is twister.Names/Forward; null for others.
  // Interceptors see it.
  const RpcForwardedTo* forwarded_to() const noexcept;
  // Of the request.
  const RpcMetadata& metadata() const noexcept;
  // To be sent with the answer.
  RpcMetadata& reply_metadata();

  // TimePoint::max() without one. What is asked of others on behalf of this call inherits it:
  // RpcCallOptions::parent.
  TimePoint deadline() const noexcept { return deadline_; }
  // `never` without a deadline, and not below zero.
  std::chrono::milliseconds time_left() const;

  // The caller does not wait any more: it said so, its deadline has passed, or its connection is lost.
  bool cancelled() const noexcept { return cancelled_; }
  // Calls the function, from the loop, when that happens; at once, if it has. Not after the answer, with which
  // it is destroyed. Any number of functions.
  void on_cancel(std::function<void()> function);
  // The same for work on other threads. Made when it is first asked for.
  std::stop_token stop_token();

  // The connection that it came on, to call the caller in turn. Throws RpcError(FAILED_PRECONDITION), which
  // is then the answer, when that is lost, and for other wires than the binary one.
  RpcConnection& caller() const;
  // The same, and null there.
  virtual RpcConnection* connection() const noexcept { return nullptr; }
  // The same for calls that came by JSON-RPC, and by torpc.
  virtual std::shared_ptr<JsonRpcPeer> json_peer() const noexcept { return nullptr; }
  virtual std::shared_ptr<TorpcPeer> torpc_peer() const noexcept { return nullptr; }
  virtual Address peer() const { return {}; }
  // Who the caller is, as its connection proves it: by a TLS certificate that was verified, or as a process at
  // the other end of a unix-domain socket; of kind `none` for everything else, as TCP alone and calls inside
  // the program. For a call that was passed on by its name it is who has passed it on.
  //
  // Found when a call of the connection first asks, and then good for all its calls, also after the
  // connection is lost; if nobody has asked by then, it is `none`. Lasts as long as the call.
  virtual const PeerIdentity& identity() const;
  virtual IOLoop& loop() const noexcept = 0;

 protected:
  friend class RpcCaller;
  friend class detail::AwaitedSleep;

  struct Extras;  // what few calls have: src/rpc/call_extras.hpp

  RpcContext();
  virtual ~RpcContext();
  Extras& extras();
  // A call that is cancelled with this one.
  void add_nested(const RpcCallHandle& call);
  // Woken when the call is cancelled, unless it was removed before.
  void add_sleeper(detail::Sleeper& sleeper);
  void remove_sleeper(detail::Sleeper& sleeper) noexcept;

  const RpcMethod* method_ = nullptr;
  TimePoint deadline_ = TimePoint::max();
  std::unique_ptr<Extras> extras_;
  bool cancelled_ = false;
  bool ended_ = false;  // it was answered, or cancelled
};

}  // namespace twister
