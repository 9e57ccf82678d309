#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <twister/codecs/detail/holds_any.hpp>
#include <twister/io_loop.hpp>
#include <twister/protocol.hpp>
#include <twister/rpc/call.hpp>
#include <twister/rpc/detail/host.hpp>
#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/rpc/json_rpc_services.hpp>

namespace twister {

using google::protobuf::Message;
using google::protobuf::MessageLite;
using nlohmann::json;
namespace util = google::protobuf::util;

namespace {

class JsonCall;

// The calls of one connection: a part of its peer, destroyed when the connection is lost.
struct Session {
  explicit Session(std::shared_ptr<detail::RpcHost> shared) : host(std::move(shared)) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::shared_ptr<detail::RpcHost> host;
  std::unordered_set<JsonCall*> calls;  // that go on after dispatch()
};

// What all methods of one add_services() have in common.
class Bridge {
 public:
  Bridge(const RpcServices& services, const JsonRpcServicesOptions& options)
      : services_(services), options_(options) {
    print_.preserve_proto_field_names = options.proto_names;
    print_.always_print_primitive_fields = options.defaults;
    parse_.ignore_unknown_fields = options.ignores_unknown;
  }

  Session& session(JsonRpcPeer& peer) {
    std::shared_ptr<void>& part = peer.part(this);
    if (part == nullptr) part = std::make_shared<Session>(host(peer.loop()));
    return *static_cast<Session*>(part.get());
  }

  RpcStatus read(const std::string& text, MessageLite& into) const {
    auto* const message = dynamic_cast<Message*>(&into);
    if (message == nullptr) return {RpcCode::unimplemented, "a message without reflection"};
    const util::Status status = util::JsonStringToMessage(text, message, parse_);
    if (status.ok()) return {};
    return {RpcCode::invalid_argument, std::string(status.message())};
  }

  json write(const MessageLite* reply) const {
    const auto* const message = dynamic_cast<const Message*>(reply);
    if (message == nullptr) return json::object();
    std::string text;
    if (!util::MessageToJsonString(*message, &text, print_).ok()) {
      throw RpcError(RpcCode::internal, "the reply has no form in JSON");
    }
    return json::parse(text);
  }

 private:
  // One for each loop, as long as any connection of the loop needs it.
  std::shared_ptr<detail::RpcHost> host(IOLoop& loop) {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<detail::RpcHost>& kept = hosts_[&loop];
    auto host = kept.lock();
    if (host == nullptr) {
      host = std::make_shared<detail::RpcHost>(loop, &services_, options_.rpc);
      kept = host;
    }
    return host;
  }

  const RpcServices& services_;
  JsonRpcServicesOptions options_;
  util::JsonPrintOptions print_;
  util::JsonParseOptions parse_;
  std::mutex mutex_;
  std::map<IOLoop*, std::weak_ptr<detail::RpcHost>> hosts_;
};

class JsonCall final : public RpcCall {
 public:
  JsonCall(std::shared_ptr<Bridge> bridge, Session& session, const RpcMethod& method,
           const JsonRpcContext& context, const json& params, JsonRpcReply reply)
      : RpcCall(*session.host, method),
        bridge_(std::move(bridge)),
        session_(&session),
        host_(session.host),
        text_(params.is_null() ? "{}" : params.dump()),
        reply_(std::move(reply)) {
    if (context.connection() != nullptr) address_ = context.connection()->peer_address();
  }

  bool read_request(MessageLite& message) override {
    const RpcStatus status = bridge_->read(text_, message);
    if (!status.ok()) finish(status);
    return status.ok();
  }
  std::size_t request_bytes() const noexcept override { return text_.size(); }
  Address peer() const override { return address_; }
  IOLoop& loop() const noexcept override { return host_->loop(); }

  // It goes on: the session has it until it ends.
  void list() { session_->calls.insert(this); }
  void lose_session() noexcept { session_ = nullptr; }

 private:
  std::optional<RpcStatus> write_response(const RpcStatus& status,
                                          const MessageLite* reply) override {
    if (!status.ok()) {
      reply_.fail(status);
      return std::nullopt;
    }
    try {
      reply_(bridge_->write(reply));
      return std::nullopt;
    } catch (...) {
      reply_.fail(std::current_exception());
      return RpcStatus(RpcCode::internal, "the reply cannot be written");
    }
  }
  void on_ended() noexcept override {
    if (session_ != nullptr) session_->calls.erase(this);
  }
  void recycle() noexcept override { delete this; }

  std::shared_ptr<Bridge> bridge_;
  Session* session_;
  std::shared_ptr<detail::RpcHost> host_;
  std::string text_;
  JsonRpcReply reply_;
  Address address_;
};

Session::~Session() {
  const auto left = std::exchange(calls, {});
  for (JsonCall* const call : left) {
    call->lose_session();
    call->abandon({RpcCode::cancelled, "the connection is lost"}, false);
  }
}

void serve(const std::shared_ptr<Bridge>& bridge, const RpcMethod& method,
           const JsonRpcContext& context, const json& params, const JsonRpcReply& reply) {
  if (params.is_array()) {
    throw JsonRpcError(JsonRpcCode::invalid_params, "params are an object: the request");
  }
  Session& session = bridge->session(*context.peer());
  auto* const call = new JsonCall(bridge, session, method, context, params, reply);
  session.host->dispatch(*call);
  if (call->ended()) {
    call->release();
  } else {
    call->list();
  }
}

// A peer of another wire may have chosen what is in a message that is answered here.
void refuse_any(const RpcMethod& method) {
  for (const MessageLite* type : {&method.request_type(), &method.reply_type()}) {
    const auto* const message = dynamic_cast<const Message*>(type);
    if (message == nullptr || !detail::may_hold_any(*message->GetDescriptor())) continue;
    throw std::invalid_argument("add_services: " + method.name() + ": " +
                                std::string(message->GetTypeName()) +
                                " may hold a google.protobuf.Any, whose JSON has no limit");
  }
}

}  // namespace

void add_services(JsonRpcMethods& methods, const RpcServices& services,
                  const JsonRpcServicesOptions& options) {
  const auto bridge = std::make_shared<Bridge>(services, options);
  for (const auto& method : services.methods()) {
    if (method->takes_stream() || method->sends_stream()) continue;
    refuse_any(*method);
    methods.on(method->name(), [bridge, each = method.get()](JsonRpcContext& context, json& params,
                                                             JsonRpcReply reply) {
      serve(bridge, *each, context, params, reply);
    });
  }
}

}  // namespace twister
