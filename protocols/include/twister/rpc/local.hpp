// twister/rpc/local.hpp - calls to a server in the same program, on the same loop, without a socket.
//
//   RpcServer server(loop, "", services);
//   RpcLocalDialer here(server);
//   RpcClient client(loop, RpcLocalDialer::address(), {.connect = {.dialer = &here}});
//
// All that a connection has works: streams, deadlines, calls back, draining. For what needs none of it, call the
// function itself.
#pragma once

#include <functional>

#include <twister/dialer.hpp>
#include <twister/tcp_server.hpp>

namespace twister {

// Connects to one server, whatever the address.
//
// Ownership: the server outlives the dialer, and the dialer the clients that dial by it. Threads: the loop's.
class RpcLocalDialer final : public Dialer {
 public:
  explicit RpcLocalDialer(TcpServer& server) noexcept : server_(server) {}

  // One to give to a client: nobody looks at it.
  static Address address() { return Address::parse("127.0.0.1:1"); }

  std::function<void()> dial(const Address& to, const DialOptions& options,
                             Handler handler) override;

 private:
  TcpServer& server_;
};

}  // namespace twister
