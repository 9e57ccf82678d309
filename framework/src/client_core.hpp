// src/client_core.hpp - what is behind a client: what is under way, and what it goes by.
#pragma once

#include <functional>
#include <memory>
#include <set>

#include <twister/resolver.hpp>
#include <twister/tcp_client.hpp>

#include "loop_core.hpp"
#include "socket_dialer.hpp"
#include "stream_shared.hpp"

namespace twister::detail {

class ConnectOperation;
struct HandleCore;

// What is asked for.
struct ConnectRequest {
  Destination to;
  ConnectOverrides options;
  ProtocolFactory build;
  // Called once, from the loop. Without an error the stream is there during the call.
  std::function<void(const ConnectError&, const std::shared_ptr<HandleCore>&)> done;
  // Called once, from the loop, when a connection that `done` was told of is over and its Protocol
  // destroyed. The reason is empty if the Protocol has a close callback of its own.
  std::function<void(const CloseReason&)> ended{};
};

// Ownership: shared by the client and by what is under way, because a client may be destroyed inside
//   a handler. Holds nothing that is under way: a handler may own the client.
class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  ClientCore(IOLoop& loop, TcpClientOptions options);

  std::function<void()> connect(ConnectRequest request);
  void cancel_all();

  IOLoop& loop() const noexcept { return loop_; }
  bool loop_lives() const noexcept { return !loop_lifetime_.expired(); }
  const TcpClientOptions& options() const noexcept { return options_; }
  const std::shared_ptr<const StreamShared>& stream_options() const noexcept {
    return stream_options_;
  }
  Resolver& resolver() noexcept { return *options_.resolver; }
  Dialer& dialer() noexcept { return *options_.dialer; }
  void forget(ConnectOperation& operation) noexcept { operations_.erase(&operation); }

 private:
  IOLoop& loop_;
  std::weak_ptr<void> loop_lifetime_;
  TcpClientOptions options_;
  std::shared_ptr<const StreamShared> stream_options_;
  SystemResolver system_resolver_;
  SocketDialer socket_dialer_;
  std::set<ConnectOperation*> operations_;  // under way; the loop owns them
};

}  // namespace twister::detail
