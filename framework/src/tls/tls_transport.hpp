// src/tls/tls_transport.hpp - TLS between a stream and another transport.
//
// OpenSSL reads and writes through a BIO of ours: what it reads comes straight from the transport
// below, what it writes is gathered here and sent in one piece. So an idle connection has no buffer
// of ours, and of OpenSSL's none either (SSL_MODE_RELEASE_BUFFERS).
#pragma once

#include <memory>
#include <optional>
#include <span>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/tls.hpp>
#include <twister/transport.hpp>

#include "openssl.hpp"

namespace twister::detail {

class TlsTransport final : public Transport, private TransportEvents {
 public:
  // `ssl` has its role and all its settings. `context` lives as long as the connection.
  TlsTransport(std::unique_ptr<Transport> inner, SslPtr ssl, std::shared_ptr<const void> context);
  ~TlsTransport() override;
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  void start(TransportEvents& events) override;
  bool established() const noexcept override { return established_; }
  IoResult establish() override;
  IoResult receive(std::span<std::byte> room) override;
  IoResult send(std::span<const ByteView> pieces) override;
  void shutdown_send() override;
  Unsent unsent() const noexcept override {
    const Unsent below = inner_->unsent();
    return {.bytes = encrypted_.size() + below.bytes, .sent = sent_bytes_ + below.sent};
  }
  std::size_t unread_bytes() const noexcept override { return inner_->unread_bytes(); }
  void close() noexcept override { inner_->close(); }
  void reset() noexcept override { inner_->reset(); }
  Address peer_address() const override { return inner_->peer_address(); }
  Address local_address() const override { return inner_->local_address(); }
  int native_handle() const noexcept override { return inner_->native_handle(); }

  // Of a certificate that was verified.
  PeerIdentity peer_identity() const override;

  TlsInfo info() const;

 private:
  struct Bio;  // the callbacks of our BIO

  void on_ready(Readiness readiness) override;
  int encrypt(ByteView bytes);
  void flush();
  IoResult failure(int result);

  std::unique_ptr<Transport> inner_;
  std::shared_ptr<const void> context_;
  SslPtr ssl_;
  TransportEvents* events_ = nullptr;
  std::uint64_t sent_bytes_ = 0;  // of what was encrypted
  ByteBuffer encrypted_;          // on its way to the transport below
  std::error_code send_error_;    // which that had
  std::error_code receive_error_;
  std::optional<IoResult> end_;  // of what can be received
  bool held_ = false;            // receiving waits until some of it has left
  bool inner_started_ = false;
  bool established_ = false;
  bool inner_readable_ = true;
  bool inner_hangup_ = false;  // a short receive is not the last
  bool inner_writable_ = true;
  bool inner_ended_ = false;
  bool ending_ = false;  // shutdown_send() was called, FIN follows what is encrypted
};

}  // namespace twister::detail
