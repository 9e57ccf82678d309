// src/socket_transport.hpp - a connected stream socket as a transport.
#pragma once

#include <memory>
#include <utility>

#include <twister/transport.hpp>

#include "reactor.hpp"

namespace twister::detail {

class SocketTransport final : public Transport {
 public:
  // Takes over a connected, non-blocking descriptor.
  SocketTransport(Reactor& reactor, int descriptor, Address peer) noexcept
      : reactor_(reactor), descriptor_(descriptor), peer_(std::move(peer)) {}
  // Begins to connect a descriptor to `peer`, or remembers why it could not be made.
  SocketTransport(Reactor& reactor, int descriptor, Address peer, std::error_code error) noexcept
      : reactor_(reactor),
        descriptor_(descriptor),
        connecting_(true),
        connect_error_(error.value()),
        peer_(std::move(peer)) {}
  ~SocketTransport() override { close(); }
  SocketTransport(const SocketTransport&) = delete;
  SocketTransport& operator=(const SocketTransport&) = delete;

  void start(TransportEvents& events) override;
  bool established() const noexcept override { return !connecting_; }
  IoResult establish() override;
  IoResult receive(std::span<std::byte> room) override;
  IoResult send(std::span<const ByteView> pieces) override;
  void shutdown_send() override;
  std::size_t unread_bytes() const noexcept override;
  void close() noexcept override;
  void reset() noexcept override;
  Address peer_address() const override { return peer_; }
  Address local_address() const override;
  PeerIdentity peer_identity() const override;
  int native_handle() const noexcept override { return descriptor_; }

 private:
  Reactor& reactor_;
  std::unique_ptr<Watch> watch_;
  int descriptor_;
  bool started_ = false;
  bool connecting_ = false;
  int connect_error_ = 0;              // an errno
  TransportEvents* events_ = nullptr;  // once started
  Address peer_;                       // must be known after the connection has gone
};

}  // namespace twister::detail
