// src/socket_dialer.hpp - dials with sockets that never block.
#pragma once

#include <twister/dialer.hpp>
#include <twister/io_loop.hpp>

namespace twister::detail {

// Ownership: the loop owns what is under way.
class SocketDialer final : public Dialer {
 public:
  explicit SocketDialer(IOLoop& loop) noexcept : loop_(loop) {}

  std::function<void()> dial(const Address& to, const DialOptions& options,
                             Handler handler) override;

 private:
  IOLoop& loop_;
};

}  // namespace twister::detail
