// twister/codecs/any_payload.hpp - a payload that is chosen by name (target twister::json).
//
//   AnyPayload payload("msgpack");
//
// When not to use it: where the program knows its payload. This one has a virtual call and a
// nlohmann::json a message.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "twister/codecs/codec.hpp"

namespace twister {

// A payload whose values are nlohmann::json.
template <class P>
concept JsonPayload =
    Payload<P> && std::copy_constructible<P> && std::same_as<typename P::Message, nlohmann::json> &&
    std::same_as<typename P::Received, nlohmann::json&>;

struct AnyPayloadOptions {
  std::size_t max_depth = 64;  // of json and msgpack: levels of arrays and objects, both directions
};

class PayloadNames;

// Any JsonPayload, behind a pointer; a copy has a payload of its own. Frames as values:
//
//   bytes      binary; encoding takes a string, too
//   text       a string, checked to be UTF-8
//   json       what it says
//   msgpack    what it says, as Msgpack maps it
//
// and what a PayloadNames of the program adds.
//
// Limits, Errors: those of the payload; encoding a value that it has no place for is unencodable.
// Ownership: message() is the codec's, freed when the input runs dry; move from it to keep it.
class AnyPayload {
 public:
  using Message = nlohmann::json;
  using Received = nlohmann::json&;

  // `name` may have parameters behind a colon or a slash. Throws std::invalid_argument, with the names there
  // are, for one that is unknown.
  explicit AnyPayload(std::string_view name, const AnyPayloadOptions& options = {});
  AnyPayload(std::string_view name, const AnyPayloadOptions& options, const PayloadNames& names);
  // The first condition comes first: whether an AnyPayload can be copied may not depend on itself.
  template <class P>
  requires(!std::same_as<P, AnyPayload> && JsonPayload<P>) explicit AnyPayload(P payload)
      : model_(std::make_unique<ModelOf<P>>(std::move(payload))) {}

  AnyPayload(const AnyPayload& other) : model_(other.model_->clone()) {}
  AnyPayload(AnyPayload&&) noexcept = default;
  AnyPayload& operator=(AnyPayload other) noexcept {
    model_.swap(other.model_);
    return *this;
  }
  ~AnyPayload() = default;

  CodecError decode(ByteView frame) { return model_->decode(frame); }
  nlohmann::json& message() { return model_->message(); }
  CodecError encode(const nlohmann::json& value, ByteBuffer& out) {
    return model_->encode(value, out);
  }
  void forget() { model_->forget(); }

 private:
  class Model {
   public:
    virtual ~Model() = default;
    virtual std::unique_ptr<Model> clone() const = 0;
    virtual CodecError decode(ByteView frame) = 0;
    virtual nlohmann::json& message() = 0;
    virtual CodecError encode(const nlohmann::json& value, ByteBuffer& out) = 0;
    virtual void forget() = 0;
  };

  template <JsonPayload P>
  class ModelOf final : public Model {
   public:
    explicit ModelOf(P payload) : payload_(std::move(payload)) {}
    std::unique_ptr<Model> clone() const override { return std::make_unique<ModelOf>(payload_); }
    CodecError decode(ByteView frame) override { return payload_.decode(frame); }
    nlohmann::json& message() override { return payload_.message(); }
    CodecError encode(const nlohmann::json& value, ByteBuffer& out) override {
      return payload_.encode(value, out);
    }
    void forget() override {
      if constexpr (requires(P & payload) { payload.forget(); }) payload_.forget();
    }

   private:
    P payload_;
  };

  std::unique_ptr<Model> model_;
};

// Which payloads there are, and how one is made of what stands behind its name.
//
//   PayloadNames names;
//   names.add("zlib", [](std::string_view inner, const AnyPayloadOptions& options) {  // "zlib/json"
//     return AnyPayload(Compressed<Zlib, AnyPayload>(Zlib(), AnyPayload(inner, options)));
//   });
class PayloadNames {
 public:
  // `parameters` is what follows the name and a colon or a slash; a factory refuses what it does not
  // know by std::invalid_argument. There are no control characters in them.
  using Factory =
      std::function<AnyPayload(std::string_view parameters, const AnyPayloadOptions& options)>;

  // With bytes, text, json and msgpack.
  PayloadNames();
  // No more than these; made once.
  static const PayloadNames& built_in();

  // The last one of a name counts.
  void add(std::string name, Factory factory);
  AnyPayload make(std::string_view name, const AnyPayloadOptions& options = {}) const;
  // In the order in which they were added, for messages: "bytes, text, json, msgpack".
  std::string list() const;

 private:
  std::vector<std::pair<std::string, Factory>> factories_;
};

}  // namespace twister
