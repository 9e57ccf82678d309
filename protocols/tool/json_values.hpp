// json_values.hpp - values of AnyPayload as text, bytes among them, which JSON does not have.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace twister::tool {

// One line of JSON. Bytes are {"hex": "00ff"}; those that are a whole message and UTF-8, a string.
std::string json_text(const nlohmann::json& value);
// A string, or bytes, as they are; anything else as JSON.
std::string plain_text(const nlohmann::json& value);
// The bytes that {"hex": "00ff"} says; nothing for other values.
std::optional<nlohmann::json> bytes_of(const nlohmann::json& value);

}  // namespace twister::tool
