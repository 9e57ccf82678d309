#include "json_bridge.hpp"

#include <optional>
#include <stdexcept>
#include <utility>

#include <google/protobuf/message.h>

#include <twister/codecs/detail/protobuf_holds_any.hpp>
#include <twister/rpc/services.hpp>

namespace twister::detail {

using google::protobuf::Message;
using google::protobuf::MessageLite;
using nlohmann::json;
namespace util = google::protobuf::util;

namespace {

// A peer of another wire may have chosen what is in a message that is answered here.
void refuse_any(const RpcMethod& method) {
  for (const MessageLite* type : {&method.request_type(), &method.reply_type()}) {
    const auto* const message = dynamic_cast<const Message*>(type);
    if (message == nullptr || !may_hold_any(*message->GetDescriptor())) continue;
    throw std::invalid_argument("add_services: " + method.name() + ": " +
                                std::string(message->GetTypeName()) +
                                " may hold a google.protobuf.Any, whose JSON has no limit");
  }
}

// Empty for an empty message.
RpcStatus write_request(const json& params, std::string& into) {
  if (params.is_null() || (params.is_array() && params.empty())) return {};
  if (params.is_array() && params.size() > 1) {
    return {RpcCode::invalid_argument, "there is one parameter: the request"};
  }
  try {
    into = params.is_array() ? params[0].dump() : params.dump();
  } catch (const json::type_error&) {  // which other wires may send
    return {RpcCode::invalid_argument, "a string is not UTF-8"};
  }
  return {};
}

class BridgedCall final : public SessionCall {
 public:
  BridgedCall(const std::shared_ptr<CallSession>& session, std::shared_ptr<JsonBridge> bridge,
              const RpcMethod& method, std::string text, JsonBridge::Answer answer)
      : SessionCall(session, method),
        bridge_(std::move(bridge)),
        bytes_(text.size()),
        text_(std::move(text)),
        answer_(std::move(answer)) {}

  using SessionCall::start;

  bool read_request(MessageLite& message) override {
    const RpcStatus status = bridge_->read(std::exchange(text_, {}), message);
    if (!status.ok()) finish(status);
    return status.ok();
  }
  std::size_t request_bytes() const noexcept override { return bytes_; }
  // The message, which takes about as much.
  std::size_t kept_bytes() const noexcept override { return bytes_; }

 private:
  std::optional<RpcStatus> write_response(const RpcStatus& status,
                                          const MessageLite* reply) override {
    json value;
    RpcStatus written = status;
    if (status.ok() && reply == nullptr) value = json::object();
    if (status.ok() && reply != nullptr) written = bridge_->write(*reply, value);
    answer_(written, std::move(value));
    if (written.ok() == status.ok()) return std::nullopt;
    return written;
  }

  std::shared_ptr<JsonBridge> bridge_;
  std::size_t bytes_;
  std::string text_;
  JsonBridge::Answer answer_;
};

}  // namespace

JsonBridge::JsonBridge(const RpcServices& services, const JsonRpcServicesOptions& options)
    : services_(services), options_(options.rpc) {
  print_.preserve_proto_field_names = options.proto_names;
  print_.always_print_primitive_fields = options.defaults;
  parse_.ignore_unknown_fields = options.ignores_unknown;
  for (const auto& method : services.methods()) {
    if (method->takes_stream() || method->sends_stream()) continue;
    refuse_any(*method);
    methods_.push_back(method.get());
  }
}

RpcStatus JsonBridge::read(const std::string& text, MessageLite& into) const {
  auto* const message = dynamic_cast<Message*>(&into);
  if (message == nullptr) return {RpcCode::unimplemented, "a message without reflection"};
  if (text.empty()) {
    message->Clear();
    if (message->IsInitialized()) return {};
    return {RpcCode::invalid_argument, "a required field is missing"};
  }
  const util::Status status = util::JsonStringToMessage(text, message, parse_);
  if (status.ok()) return {};
  return {RpcCode::invalid_argument, std::string(status.message())};
}

RpcStatus JsonBridge::write(const MessageLite& reply, json& into) const {
  const auto* const message = dynamic_cast<const Message*>(&reply);
  std::string text;
  if (message != nullptr && util::MessageToJsonString(*message, &text, print_).ok()) {
    into = json::parse(text, nullptr, false);
    if (!into.is_discarded()) return {};
    into = nullptr;
  }
  return {RpcCode::internal, "the reply has no form in JSON"};
}

void JsonBridge::serve(const std::shared_ptr<CallSession>& session, const RpcMethod& method,
                       const json& params, Answer answer) {
  std::string text;
  const RpcStatus written = write_request(params, text);
  if (!written.ok()) {
    session->host->count_refused(RpcRefusal::malformed);
    return answer(written, nullptr);
  }
  auto* const call =
      new BridgedCall(session, shared_from_this(), method, std::move(text), std::move(answer));
  call->start();
}

}  // namespace twister::detail
