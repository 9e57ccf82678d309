// MessagePack values as JSON text, for those that JSON cannot say too: {"$bin": HEX},
// {"$ext": [TYPE, HEX]}, {"$float": "nan"}. No GoogleTest: the fuzz target uses it too.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace twister::testing_codecs {

inline std::vector<std::uint8_t> bytes_of_hex(const std::string& digits) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

inline std::string hex_of_bytes(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15u];
  }
  return text;
}

// The value that `text`, parsed, stands for.
inline nlohmann::json msgpack_value(const nlohmann::json& text) {
  using nlohmann::json;
  if (text.is_object() && text.contains("$bin")) {
    return json::binary(bytes_of_hex(text.at("$bin")));
  }
  if (text.is_object() && text.contains("$ext")) {
    const auto type = text.at("$ext").at(0).get<std::int64_t>();
    const bool is_byte = type >= -128 && type <= 127;  // or what cannot be sent
    return json::binary(
        bytes_of_hex(text.at("$ext").at(1)),
        is_byte ? static_cast<std::uint8_t>(type) : static_cast<std::uint64_t>(type));
  }
  if (text.is_object() && text.contains("$float")) {
    const std::string name = text.at("$float");
    const double infinity = std::numeric_limits<double>::infinity();
    return name == "inf"    ? infinity
           : name == "-inf" ? -infinity
                            : std::numeric_limits<double>::quiet_NaN();
  }
  json value = text;
  if (value.is_structured()) {
    for (json& member : value) {
      member = msgpack_value(member);
    }
  }
  return value;
}

// The text of a value, the same for the same values only: 1 and 1.0 differ, and every NaN is one.
inline std::string msgpack_text(const nlohmann::json& value) {
  using nlohmann::json;
  std::string text;
  switch (value.type()) {
    case json::value_t::binary: {
      const std::string body = "\"" + hex_of_bytes(value.get_binary()) + "\"";
      if (!value.get_binary().has_subtype()) {
        return "{\"$bin\": " + body + "}";
      }
      const auto type = static_cast<std::int8_t>(value.get_binary().subtype());
      return "{\"$ext\": [" + std::to_string(type) + ", " + body + "]}";
    }
    case json::value_t::number_float:
      if (const double number = value; !std::isfinite(number)) {
        const std::string name = std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
        return "{\"$float\": \"" + name + "\"}";
      }
      return value.dump();
    case json::value_t::array:
      for (const json& element : value) {
        text += (text.empty() ? "" : ", ") + msgpack_text(element);
      }
      return "[" + text + "]";
    case json::value_t::object:
      for (const auto& [key, member] : value.items()) {
        text += (text.empty() ? "" : ", ") + json(key).dump() + ": " + msgpack_text(member);
      }
      return "{" + text + "}";
    default:
      return value.dump();
  }
}

}  // namespace twister::testing_codecs
