// twister/rpc/method.hpp - one method of a service, as a wire sees it.
//
// Methods are made by RpcServices::on(). Who writes a wire of its own looks them up there, and starts
// them through detail::RpcHost.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <twister/codecs/protobuf.hpp>
#include <twister/stream_options.hpp>

namespace twister {

class RpcCall;
class RpcServices;
namespace detail {
class ForwardMethod;
}

enum class RpcKind : std::uint8_t {
  unary,          // a request, a reply
  notice,         // a request that nobody answers
  server_stream,  // a request, replies
  client_stream,  // requests, a reply
  both_streams,   // requests and replies, in any order
};

struct RpcMethodOptions {
  // The longest that a call may take, whatever deadline its caller has set.
  std::chrono::milliseconds timeout = never;
  // Less than RpcOptions::max_message_bytes has an effect, more has none.
  std::size_t max_request_bytes = unlimited;
  // Of all connections of a loop together.
  std::size_t max_in_flight = unlimited;
  // Doing it twice is the same as doing it once. A fact about the method, for those who list methods: what is
  // tried again is decided by its callers, with RpcCallOptions::idempotent.
  bool idempotent = false;
};

// Threads: const, and shared by all loops that serve it.
class RpcMethod {
 public:
  using MessageLite = google::protobuf::MessageLite;

  RpcMethod(std::string name, RpcKind kind, const MessageLite& request, const MessageLite& reply,
            const RpcMethodOptions& options)
      : name_(std::move(name)),
        kind_(kind),
        request_(&request),
        reply_(&reply),
        options_(options) {}
  virtual ~RpcMethod() = default;
  RpcMethod(const RpcMethod&) = delete;
  RpcMethod& operator=(const RpcMethod&) = delete;

  // Begins a call, which ends by RpcCall::finish(), now or later. May throw: see RpcServices.
  virtual void start(RpcCall& call) const = 0;

  // "calculator.Calculator/Add"
  const std::string& name() const noexcept { return name_; }
  RpcKind kind() const noexcept { return kind_; }
  // Its caller sends a stream; it does.
  bool takes_stream() const noexcept {
    return kind_ == RpcKind::client_stream || kind_ == RpcKind::both_streams;
  }
  bool sends_stream() const noexcept {
    return kind_ == RpcKind::server_stream || kind_ == RpcKind::both_streams;
  }
  const RpcMethodOptions& options() const noexcept { return options_; }
  // An empty message of each type; New() makes more of them.
  const MessageLite& request_type() const noexcept { return *request_; }
  const MessageLite& reply_type() const noexcept { return *reply_; }
  // Its place in its RpcServices, from 0.
  std::size_t index() const noexcept { return index_; }

 private:
  friend class RpcServices;
  friend class detail::ForwardMethod;

  std::string name_;
  RpcKind kind_;
  const MessageLite* request_;
  const MessageLite* reply_;
  RpcMethodOptions options_;
  std::size_t index_ = 0;
};

}  // namespace twister
