#include "twister/codecs/any_payload.hpp"

#include <algorithm>
#include <stdexcept>

#include "twister/codecs/json.hpp"
#include "twister/codecs/msgpack.hpp"
#include "twister/codecs/text.hpp"

#include "printable.hpp"

namespace twister {
namespace {

// Frames as binary values.
class BytesAsJson {
 public:
  using Message = nlohmann::json;
  using Received = nlohmann::json&;

  CodecError decode(ByteView frame) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(frame.data());
    value_ = nlohmann::json::binary({bytes, bytes + frame.size()});
    return {};
  }
  nlohmann::json& message() noexcept { return value_; }
  CodecError encode(const nlohmann::json& value, ByteBuffer& out) const {
    if (value.is_binary()) {
      const auto& bytes = value.get_binary();
      out.append(ByteView(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()));
    } else if (value.is_string()) {
      out.append(value.get_ref<const std::string&>());
    } else {
      return {CodecErrc::unencodable};
    }
    return {};
  }
  void forget() noexcept { value_ = nullptr; }

 private:
  nlohmann::json value_;
};

// Frames as strings.
class TextAsJson {
 public:
  using Message = nlohmann::json;
  using Received = nlohmann::json&;

  CodecError decode(ByteView frame) {
    const CodecError error = text_.decode(frame);
    if (!error) {
      value_ = text_.message();
    }
    return error;
  }
  nlohmann::json& message() noexcept { return value_; }
  CodecError encode(const nlohmann::json& value, ByteBuffer& out) const {
    if (!value.is_string()) {
      return {CodecErrc::unencodable};
    }
    return text_.encode(value.get_ref<const std::string&>(), out);
  }
  void forget() noexcept { value_ = nullptr; }

 private:
  Text text_;
  nlohmann::json value_;
};

// For a payload without parameters.
template <class Make>
PayloadNames::Factory without_parameters(const char* name, Make make) {
  return [name, make](std::string_view parameters, const AnyPayloadOptions& options) {
    if (!parameters.empty()) {
      throw std::invalid_argument("AnyPayload: " + std::string(name) +
                                  " takes no parameters, not \"" + std::string(parameters) + "\"");
    }
    return AnyPayload(make(options));
  };
}

}  // namespace

AnyPayload::AnyPayload(std::string_view name, const AnyPayloadOptions& options)
    : AnyPayload(name, options, PayloadNames::built_in()) {}

AnyPayload::AnyPayload(std::string_view name, const AnyPayloadOptions& options,
                       const PayloadNames& names)
    : AnyPayload(names.make(name, options)) {}

PayloadNames::PayloadNames() {
  add("bytes", without_parameters("bytes", [](const auto&) { return BytesAsJson(); }));
  add("text", without_parameters("text", [](const auto&) { return TextAsJson(); }));
  add("json", without_parameters("json", [](const AnyPayloadOptions& options) {
        return Json({.max_depth = options.max_depth});
      }));
  add("msgpack", without_parameters("msgpack", [](const AnyPayloadOptions& options) {
        return Msgpack({.max_depth = options.max_depth});
      }));
}

const PayloadNames& PayloadNames::built_in() {
  static const PayloadNames names;
  return names;
}

void PayloadNames::add(std::string name, Factory factory) {
  std::erase_if(factories_, [&name](const auto& each) { return each.first == name; });
  factories_.emplace_back(std::move(name), std::move(factory));
}

AnyPayload PayloadNames::make(std::string_view name, const AnyPayloadOptions& options) const {
  // Before anybody can repeat them.
  if (std::any_of(name.begin(), name.end(), detail::is_control)) {
    throw std::invalid_argument("AnyPayload: control characters in the name \"" +
                                detail::printable(name) + '"');
  }
  const std::size_t end = std::min(name.find_first_of(":/"), name.size());
  const std::string_view parameters = name.substr(std::min(end + 1, name.size()));
  for (const auto& [known, factory] : factories_) {
    if (known == name.substr(0, end)) {
      return factory(parameters, options);
    }
  }
  throw std::invalid_argument("AnyPayload: there is no payload \"" + std::string(name) +
                              "\"; there are " + list());
}

std::string PayloadNames::list() const {
  std::string text;
  for (const auto& [name, factory] : factories_) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

}  // namespace twister
