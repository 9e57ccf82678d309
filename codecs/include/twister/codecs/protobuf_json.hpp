// twister/codecs/protobuf_json.hpp - protobuf frames as nlohmann::json, by protobuf's JSON mapping
// (needs the targets twister::protobuf and twister::json both).
//
//   PayloadNames names;
//   add_protobuf(names);
//   AnyCodec codec("lp32/protobuf:game.Move", {}, names);
//
// For tools that learn the message type at run time. When not to use it: where the type is known,
// see protobuf.hpp; the detour by text costs some ten times as much.
#pragma once

#include <climits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include "twister/codecs/any_payload.hpp"
#include "twister/codecs/json.hpp"

namespace twister {

// The wire form of one message type, as the value that protobuf's JSON mapping makes of it: names in
// lowerCamelCase, 64-bit integers as strings, bytes in base 64, fields without a value left out.
//
// Limits: those of the framing; JSON's max_depth for the value, protobuf's 100 levels for the message.
// Errors: malformed_protobuf, too_deep; encoding unencodable, for a value that is not the message.
// Ownership: copies share the type's prototype and its factory. The pool of `type` outlives them.
class ProtobufJson {
 public:
  using Message = nlohmann::json;
  using Received = nlohmann::json&;

  explicit ProtobufJson(const google::protobuf::Descriptor& type, const JsonOptions& options = {})
      : json_(options),
        factory_(std::make_shared<google::protobuf::DynamicMessageFactory>()),
        prototype_(factory_->GetPrototype(&type)) {}

  CodecError decode(ByteView frame) {
    const std::unique_ptr<google::protobuf::Message> message(prototype_->New());
    std::string text;
    if (frame.size() > INT_MAX ||
        !message->ParsePartialFromArray(frame.data(), static_cast<int>(frame.size())) ||
        !message->IsInitialized() ||
        !google::protobuf::util::MessageToJsonString(*message, &text).ok()) {
      return {CodecErrc::malformed_protobuf, frame.size()};
    }
    return json_.decode(as_bytes(text));
  }

  nlohmann::json& message() noexcept { return json_.message(); }

  CodecError encode(const nlohmann::json& value, ByteBuffer& out) const {
    ByteBuffer text;
    if (const CodecError error = json_.encode(value, text)) {
      return error;
    }
    const std::unique_ptr<google::protobuf::Message> message(prototype_->New());
    const std::string_view view = as_text(text.view());
    if (!google::protobuf::util::JsonStringToMessage({view.data(), view.size()}, message.get())
             .ok() ||
        !message->IsInitialized()) {
      return {CodecErrc::unencodable};
    }
    out.append(message->SerializePartialAsString());
    return {};
  }

  void forget() noexcept { json_.forget(); }

 private:
  Json json_;
  std::shared_ptr<google::protobuf::DynamicMessageFactory> factory_;
  const google::protobuf::Message* prototype_;
};

// Adds "protobuf:TYPE" for every type of `pool`, which outlives the names.
inline void add_protobuf(PayloadNames& names,
                         const google::protobuf::DescriptorPool& pool =
                             *google::protobuf::DescriptorPool::generated_pool()) {
  names.add("protobuf", [&pool](std::string_view type, const AnyPayloadOptions& options) {
    const auto* const found = pool.FindMessageTypeByName(std::string(type));
    if (found == nullptr) {
      throw std::invalid_argument("AnyPayload: there is no protobuf message type \"" +
                                  std::string(type) + "\" in this program: protobuf:PACKAGE.TYPE");
    }
    return AnyPayload(ProtobufJson(*found, {.max_depth = options.max_depth}));
  });
}

}  // namespace twister
