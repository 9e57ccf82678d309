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

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include "twister/codecs/any_payload.hpp"
#include "twister/codecs/detail/protobuf_bytes.hpp"
#include "twister/codecs/detail/protobuf_holds_any.hpp"
#include "twister/codecs/json.hpp"

namespace twister {

// The wire form of one message type, as the value that protobuf's JSON mapping makes of it: names in
// lowerCamelCase, 64-bit integers as strings, bytes in base 64, fields without a value left out.
//
// Not for a google.protobuf.Any, nor for types that have one somewhere within: protobuf prints an Any
// that is in an Any by a call within a call, without any limit, and a peer would choose how deep.
//
// Limits: those of the framing; JSON's max_depth for the value, protobuf's 100 levels for the message.
// Errors: malformed_protobuf, too_deep; encoding unencodable, for a value that is not the message, and
//   frame_too_long over 2 GiB.
// Ownership: copies share the type's prototype and its factory. The pool of `type` outlives them.
class ProtobufJson {
 public:
  using Message = nlohmann::json;
  using Received = nlohmann::json&;

  // Throws std::invalid_argument for a type in which an Any may be.
  explicit ProtobufJson(const google::protobuf::Descriptor& type, const JsonOptions& options = {})
      : json_(options),
        factory_(std::make_shared<google::protobuf::DynamicMessageFactory>()),
        prototype_(factory_->GetPrototype(&without_any(type))) {}

  CodecError decode(ByteView frame) {
    const std::unique_ptr<google::protobuf::Message> message(prototype_->New());
    std::string text;
    if (const CodecError error = detail::parse_protobuf(*message, frame)) {
      return error;
    }
    if (!google::protobuf::util::MessageToJsonString(*message, &text).ok()) {
      return {CodecErrc::malformed_protobuf, frame.size()};
    }
    // The peer has sent no JSON: what is wrong with the text was wrong with the message.
    const CodecError error = json_.decode(as_bytes(text));
    return !error || error.code == CodecErrc::too_deep
               ? error
               : CodecError{CodecErrc::malformed_protobuf, frame.size()};
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
             .ok()) {
      return {CodecErrc::unencodable};
    }
    return detail::append_protobuf(*message, out);
  }

  void forget() noexcept { json_.forget(); }

 private:
  using Descriptor = google::protobuf::Descriptor;

  static const Descriptor& without_any(const Descriptor& type) {
    if (detail::may_hold_any(type)) {
      throw std::invalid_argument("ProtobufJson: " + std::string(type.full_name()) +
                                  " may hold a google.protobuf.Any, whose JSON has no limit");
    }
    return type;
  }

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
