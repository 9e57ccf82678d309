// src/rpc/wire_call.hpp - a call that came over the binary wire.
#pragma once

#include <climits>

#include <twister/rpc/call.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/detail/pool.hpp>
#include <twister/rpc/detail/stream_state.hpp>

#include "call_extras.hpp"

namespace twister::detail {

class RpcWireCall final : public RpcCall, private RpcStreamLink {
 public:
  RpcWireCall(RpcConnection& connection, const RpcMethod& method, const RpcFrame& frame,
              ByteView message) noexcept
      : RpcCall(*connection.host_, method),
        connection_(&connection),
        message_(message),
        message_bytes_(message.size()),
        id_(frame.id),
        is_notice_(frame.kind == RpcFrameKind::notice) {}

  RpcStreamState* stream() noexcept override { return stream_.get(); }
  RpcStreamState& open_stream() override;

  static void* operator new(std::size_t bytes) { return pool_allocate(bytes); }
  static void operator delete(void* block, std::size_t bytes) noexcept { pool_free(block, bytes); }

  bool read_request(MessageLite& message) override;
  RpcConnection* connection() const noexcept override { return connection_; }
  Address peer() const override;
  const PeerIdentity& identity() const override;
  IOLoop& loop() const noexcept override;

  std::uint32_t id() const noexcept { return id_; }
  bool is_notice() const noexcept { return is_notice_; }
  bool started() const noexcept { return RpcCall::started(); }
  void set_deadline(TimePoint deadline) noexcept { deadline_ = deadline; }
  RpcMetadata& request_metadata() { return extras().metadata; }
  // `metadata`, as it came, is passed on.
  void set_forward(RpcForwardedTo to, ByteView metadata) {
    extras().forwarded_to = std::move(to);
    raw_metadata_ = metadata;
  }
  void forward();
  // An answer in the bytes of another peer.
  void finish_raw(const RpcStatus& status, ByteView reply);
  // dispatch() has returned: what was received may go.
  void settle() noexcept {
    message_ = {};
    raw_metadata_ = {};
  }
  // The connection is gone.
  void lose_connection(std::shared_ptr<RpcHost> host) noexcept {
    identity_ = connection_->identity_;
    connection_ = nullptr;
    kept_host_ = std::move(host);
  }
  // Answered, and over, before it was dispatched.
  void refuse(RpcRefusal why, const RpcStatus& status);

  // What it keeps of the request, for the memory budget; nothing where that makes no difference.
  std::size_t kept_bytes() const noexcept {
    return message_bytes_ >= min_counted_bytes ? message_bytes_ : 0;
  }

  // All calls of the connection that go on after dispatch(), also those that have ended and whose handlers
  // have not: they learn that it is lost.
  RpcWireCall* previous = nullptr;
  RpcWireCall* next = nullptr;
  bool in_list = false;

 private:
  static constexpr std::size_t min_counted_bytes = 1024;

  std::optional<RpcStatus> write_response(const RpcStatus& status,
                                          const MessageLite* reply) override;
  void on_ended() noexcept override;
  void recycle() noexcept override;
  std::size_t request_bytes() const noexcept override { return message_bytes_; }

  // RpcStreamLink
  WriteStatus send_data(const MessageLite* message, ByteView bytes) override;
  void send_credit(std::uint32_t bytes) override;
  void send_end() override {}  // the response is the end
  WriteStatus output_status() const noexcept override;
  std::size_t max_message_bytes() const noexcept override;
  void end_call(const RpcStatus& status) override { finish(status); }
  void end_call_with_exception() override { finish_with_exception(); }
  std::string_view method_name() const noexcept override { return method().name(); }
  void retain_call() noexcept override { retain(); }
  void release_call() noexcept override { release(); }

  RpcConnection* connection_;
  std::unique_ptr<RpcStreamState> stream_;
  ByteView raw_metadata_;
  const ByteView* raw_reply_ = nullptr;
  // Once the connection is gone.
  std::shared_ptr<RpcHost> kept_host_;
  std::shared_ptr<const PeerIdentity> identity_;
  ByteView message_;
  std::size_t message_bytes_;
  std::uint32_t id_;
  bool is_notice_;
};

}  // namespace twister::detail
