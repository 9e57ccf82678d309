// twister/dialer.hpp - the seam between a client and the network: one attempt to reach one address.
//
// A TcpClient dials sockets. Users meet this header when connections shall come from elsewhere, such
// as a tunnel through a proxy, or out of a test's hands: testing/manual_dialer.hpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <system_error>

#include <twister/address.hpp>
#include <twister/keep_alive.hpp>
#include <twister/transport.hpp>

namespace twister {

struct DialOptions {
  // Where the connection comes from; Family::none leaves that to the kernel, and so does port 0. A
  // port with 0.0.0.0 or [::] goes with either family.
  Address source{};
  // Sends small messages at once (TCP_NODELAY).
  bool no_delay = true;
  std::optional<KeepAlive> keep_alive{};
};

// Threads: the loop's.
class Dialer {
 public:
  // With an error there is no transport.
  using Handler = std::function<void(std::error_code error, std::unique_ptr<Transport> transport)>;

  virtual ~Dialer() = default;

  // Begins to connect to `to`. The handler is called once, from the loop, never inside this call. An
  // exception is the attempt's failure, and the handler is not called then.
  //
  // Returns a function that gives the attempt up: nothing of it stays open, and the handler is not
  // called any more, and is destroyed. It may be called late and twice, and after the dialer is gone.
  virtual std::function<void()> dial(const Address& to, const DialOptions& options,
                                     Handler handler) = 0;
};

}  // namespace twister
