#include "twister/rpc/names.hpp"

#include <string>
#include <utility>

#include <google/protobuf/wrappers.pb.h>

#include <twister/rpc/connection.hpp>
#include <twister/rpc/services.hpp>

#include "connection_output.hpp"
#include "wire_call.hpp"

namespace twister {

namespace {

using google::protobuf::Int32Value;
using google::protobuf::StringValue;

constexpr std::string_view register_method = "twister.Names/Register";
constexpr std::size_t max_names = 16;
constexpr std::size_t max_name_bytes = 255;

RpcStatus register_caller(RpcContext& context, const StringValue& name, Int32Value& count) {
  if (context.connection() == nullptr) {
    return {RpcCode::unimplemented, "there are no names on this wire"};
  }
  const RpcStatus status = context.connection()->take_name(name.value());
  count.set_value(static_cast<int>(context.connection()->names().size()));
  return status;
}

}  // namespace

void add_names(RpcServices& services) {
  services.on<StringValue, Int32Value>(std::string(register_method), register_caller);
}

void register_name(RpcCaller& caller, std::string_view name,
                   std::function<void(const RpcStatus&)> done) {
  StringValue request;
  request.set_value(std::string(name));
  caller.call<Int32Value>(
      register_method, request,
      [done = std::move(done)](const RpcStatus& status, Int32Value&) { done(status); });
}

RpcStatus RpcConnection::take_name(std::string name) {
  if (name.empty() || name.size() > max_name_bytes) {
    return {RpcCode::invalid_argument, "a name has 1 to 255 bytes"};
  }
  if (own_names_.size() >= max_names) {
    return {RpcCode::resource_exhausted, "a connection has 16 names at most"};
  }
  if (!host_->take_name(name, *this)) return {RpcCode::already_exists, "the name is taken"};
  own_names_.push_back(std::move(name));
  return {};
}

void RpcConnection::release_names() {
  for (const std::string& name : std::exchange(own_names_, {})) host_->release_name(name);
}

namespace detail {

namespace {

// A call that was made on behalf of another, whose answer is passed on as it is.
class ForwardPending final : public RpcPending {
 public:
  explicit ForwardPending(RpcWireCall& call) noexcept : call_(&call) { call.retain(); }
  ~ForwardPending() override {
    if (call_ != nullptr) call_->release();
  }

 private:
  void complete(const RpcStatus& status, ByteView reply, const RpcMetadata* metadata) override {
    // The call refers to this one, so that it is cancelled with it.
    RpcWireCall& call = *std::exchange(call_, nullptr);
    if (metadata != nullptr && !metadata->empty()) call.reply_metadata() = *metadata;
    // Only what the peer has answered has metadata. What is known here of its connection is not for others.
    const bool lost = metadata == nullptr && status == RpcCode::unavailable;
    call.finish_raw(lost ? RpcStatus(RpcCode::unavailable, "the peer was lost") : status, reply);
    call.release();
  }

  RpcWireCall* call_;
};

}  // namespace

void ForwardMethod::start(RpcCall& call) const {
  static_cast<RpcWireCall&>(call).forward();
}

void RpcWireCall::finish_raw(const RpcStatus& status, ByteView reply) {
  raw_reply_ = &reply;
  finish(status);
  raw_reply_ = nullptr;
}

void RpcWireCall::forward() {
  const RpcForwardedTo& to = *forwarded_to();
  RpcConnection* const target = host().connection_of(to.node);
  if (target == nullptr) return finish(RpcStatus(RpcCode::not_found, "no peer of that name"));
  const RpcCallOptions options;
  auto& pending = *make_pending<ForwardPending>({.method = to.method,
                                                 .method_index = 0,
                                                 .node = {},
                                                 .message = nullptr,
                                                 .options = &options,
                                                 .raw_message = message_,
                                                 .raw_metadata = raw_metadata_},
                                                *this);
  const RpcCallHandle handle(pending);
  pending.set_host(host());
  pending.as_of = loop().now();
  pending.one_way = is_notice_;
  pending.set_deadline(deadline());
  target->start_call(pending);
  if (!is_notice_) add_nested(handle);
}

}  // namespace detail
}  // namespace twister
