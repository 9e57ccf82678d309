// twister/testing/faulty_transport.hpp - a transport on a bad day, the same day for the same seed.
//
//   FaultyTransport faulty(loop, std::move(inner), FaultPlan{.seed = 7, .max_send_bytes = 3});
//
// Put it around any transport to see that code above survives short writes, bytes one at a time,
// full buffers and errors at the worst moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <system_error>

#include <twister/io_loop.hpp>
#include <twister/stream_options.hpp>
#include <twister/transport.hpp>

namespace twister::testing {

struct FaultPlan {
  std::uint32_t seed = 1;
  // A receive or send moves a random number of bytes, from one to this.
  std::size_t max_receive_bytes = unlimited;
  std::size_t max_send_bytes = unlimited;
  // Of a hundred operations, how many say would_block for no reason.
  unsigned would_block_percent = 0;
  // The n-th receive or send, counted from 1, fails with `error`; 0 for none.
  std::size_t fail_receive_at = 0;
  std::size_t fail_send_at = 0;
  std::error_code error = std::make_error_code(std::errc::connection_reset);
};

// Ownership: owns the transport it spoils. Threads: the loop's.
class FaultyTransport final : public Transport {
 public:
  FaultyTransport(IOLoop& loop, std::unique_ptr<Transport> inner, const FaultPlan& plan);
  ~FaultyTransport() override;

  void start(TransportEvents& events) override;
  bool established() const noexcept override { return inner_->established(); }
  IoResult establish() override { return inner_->establish(); }
  Unsent unsent() const noexcept override { return inner_->unsent(); }
  std::size_t unread_bytes() const noexcept override { return inner_->unread_bytes(); }
  IoResult receive(std::span<std::byte> room) override;
  IoResult send(std::span<const ByteView> pieces) override;
  void shutdown_send() override;
  void close() noexcept override;
  void reset() noexcept override;
  Address peer_address() const override;
  Address local_address() const override;
  PeerIdentity peer_identity() const override { return inner_->peer_identity(); }

 private:
  struct Wake;

  bool would_block();
  std::size_t shorten(std::size_t bytes, std::size_t most);
  void wake_later(Readiness readiness);

  IOLoop& loop_;
  std::unique_ptr<Transport> inner_;
  FaultPlan plan_;
  std::mt19937 random_;
  std::size_t receives_ = 0;
  std::size_t sends_ = 0;
  std::shared_ptr<Wake> wake_;
};

}  // namespace twister::testing
