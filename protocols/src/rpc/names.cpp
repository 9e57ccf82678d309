#include "twister/rpc/names.hpp"

#include <string>
#include <utility>

#include <google/protobuf/wrappers.pb.h>

#include <twister/rpc/connection.hpp>
#include <twister/rpc/services.hpp>

#include "connection_output.hpp"
#include "guarded.hpp"
#include "name_rules.hpp"
#include "remote_calls.hpp"
#include "wire_call.hpp"

namespace twister {

namespace {

using google::protobuf::Int32Value;
using google::protobuf::StringValue;

constexpr std::string_view register_method = "twister.Names/Register";

RpcStatus register_caller(RpcContext& context, const StringValue& name, Int32Value& count) {
  if (context.connection() == nullptr) {
    return {RpcCode::unimplemented, "there are no names on this wire"};
  }
  const RpcStatus status = context.connection()->take_name(name.value());
  // Who was told of it may have ended the connection.
  const RpcConnection* const connection = context.connection();
  if (connection != nullptr) count.set_value(static_cast<int>(connection->names().size()));
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

std::vector<std::string> RpcNames::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  names.reserve(peers_.size());
  for (const auto& [name, peer] : peers_) names.push_back(name);
  return names;
}

bool RpcNames::take(const std::string& name, const Handle& peer) {
  const std::lock_guard lock(mutex_);
  return peers_.try_emplace(name, peer).second;
}

void RpcNames::release(const std::string& name) {
  const std::lock_guard lock(mutex_);
  peers_.erase(name);
}

std::optional<Handle> RpcNames::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = peers_.find(name);
  return found == peers_.end() ? std::nullopt : std::optional(found->second);
}

RpcStatus RpcConnection::take_name(std::string name) {
  // Names are given back when it is lost, or goes away, and not once more.
  if (closed_ || !is_open()) return {RpcCode::unavailable, "the connection is lost"};
  if (going_away()) return {RpcCode::unavailable, "the connection is going away"};
  if (!detail::is_name(name)) {
    return {RpcCode::invalid_argument, "a name has 1 to 255 bytes"};
  }
  if (own_names_.size() >= detail::max_names) {
    return {RpcCode::resource_exhausted, "a connection has 16 names at most"};
  }
  if (!host_->take_name(name, *this)) return {RpcCode::already_exists, "the name is taken"};
  own_names_.push_back(name);
  host_->tell_registered(name, *this);
  return {};
}

void RpcConnection::release_names() {
  const auto host = host_;  // who is told may end the server
  for (const std::string& name : std::exchange(own_names_, {})) host->release_name(name);
}

namespace detail {

bool RpcHost::take_name(const std::string& name, RpcConnection& connection) {
  if (names_.contains(name)) return false;
  if (shared_names_ != nullptr && !shared_names_->take(name, connection.handle())) return false;
  names_.emplace(name, &connection);
  return true;
}

void RpcHost::release_name(const std::string& name) {
  names_.erase(name);
  if (shared_names_ != nullptr) shared_names_->release(name);
  const auto tell = name_events_.unregistered;  // may be taken back while it runs: leave()
  if (tell) guarded("on_unregistered", name, [&] { tell(name); });
}

void RpcHost::tell_registered(const std::string& name, RpcConnection& connection) {
  const auto tell = name_events_.registered;
  if (tell) guarded("on_registered", name, [&] { tell(connection, name); });
}

std::vector<std::string> RpcHost::all_names() const {
  if (shared_names_ != nullptr) return shared_names_->all();
  std::vector<std::string> names;
  names.reserve(names_.size());
  for (const auto& [name, connection] : names_) names.push_back(name);
  return names;
}

void RpcHost::start_call_to(std::string_view name, RpcPending& pending) {
  RpcStatus why_not(RpcCode::not_found, "no peer of that name");
  if (gone_) {
    why_not = {RpcCode::unavailable, "the server is gone"};
  } else if (const auto here = names_.find(name); here != names_.end()) {
    return send_to(*here->second, pending);
  } else if (shared_names_ != nullptr) {
    if (const auto peer = shared_names_->find(name)) return remote_calls_->start(pending, *peer);
  }
  pending.end_later(std::move(why_not));
  pending.release();
}

// What piles up for a peer that does not take it would cost it its connection, whoever has sent it.
void RpcHost::send_to(RpcConnection& connection, RpcPending& pending) {
  const std::size_t waits = connection.queued_bytes();
  const std::size_t most = connection.stream_options().max_write_buffer_size / 2;
  if (waits == 0 || waits + pending.message().size() <= most) return connection.start_call(pending);
  RpcStatus status(RpcCode::resource_exhausted, "the peer does not take what it is sent");
  status.retryable = true;
  pending.end_later(std::move(status));
  pending.release();
}

void RpcHost::start_call_on(RpcConnection& connection, RpcPending& pending, TimePoint deadline) {
  pending.set_host(*connection.host_);
  pending.as_of = connection.loop().now();
  pending.set_deadline(deadline);
  send_to(connection, pending);
}

void RpcHost::leave() {
  gone_ = true;
  name_events_ = {};
  if (remote_calls_ != nullptr) remote_calls_->close();
}

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
  host().start_call_to(to.node, pending);
  if (!is_notice_) add_nested(handle);
}

}  // namespace detail
}  // namespace twister
