#include "twister/rpc/detail/handlers.hpp"

#include <twister/rpc/detail/host.hpp>

namespace twister::detail {

namespace {

// A message of the pool, which goes back there.
class Lease {
 public:
  using MessageLite = google::protobuf::MessageLite;

  Lease(MessagePool& pool, const MessageLite& type) : pool_(pool), message_(pool.take(type)) {}
  ~Lease() { pool_.give(message_, bytes); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  MessageLite& operator*() const noexcept { return *message_; }

  std::size_t bytes = 0;  // on the wire

 private:
  MessagePool& pool_;
  MessageLite* message_;
};

}  // namespace

void AtOnceMethod::start(RpcCall& call) const {
  RpcHost::MethodState& state = call.host().state(*this);
  Lease request(state.requests, request_type());
  if (!call.read_request(*request)) return;
  request.bytes = call.request_bytes();
  Lease reply(state.replies, reply_type());
  (*reply).Clear();
  const RpcStatus status = answer(call, *request, *reply);
  call.finish(status, status.ok() ? &*reply : nullptr);
  reply.bytes = static_cast<std::size_t>((*reply).GetCachedSize());
}

void LaterMethod::start(RpcCall& call) const {
  MessageLite& request = call.keep_request();
  if (call.read_request(request)) answer(call, request);
}

}  // namespace twister::detail
