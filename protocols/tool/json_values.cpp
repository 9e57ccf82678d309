#include "json_values.hpp"

#include <nlohmann/json.hpp>

#include <twister/codecs/text.hpp>

namespace twister::tool {

namespace {

using nlohmann::json;

constexpr std::string_view digits = "0123456789abcdef";

json hex_of(const json::binary_t& bytes) {
  std::string hex;
  for (const unsigned byte : bytes) {
    hex.push_back(digits[byte >> 4]);
    hex.push_back(digits[byte & 0xF]);
  }
  return {{"hex", hex}};
}

bool has_bytes(const json& value) {
  if (!value.is_structured()) return value.is_binary();
  for (const json& each : value) {
    if (has_bytes(each)) return true;
  }
  return false;
}

// As deep as the payload lets a value be.
json without_bytes(const json& value) {
  if (value.is_binary()) return hex_of(value.get_binary());
  json copy = value;
  if (copy.is_structured()) {
    for (json& each : copy) each = without_bytes(each);
  }
  return copy;
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string string_of(const json::binary_t& bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::string json_text(const json& value) {
  if (value.is_binary()) {
    const std::string text = string_of(value.get_binary());
    Text utf8;
    if (!utf8.decode(as_bytes(text))) return dump(text);
  }
  return dump(has_bytes(value) ? without_bytes(value) : value);
}

std::string plain_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_binary() ? string_of(value.get_binary()) : json_text(value);
}

std::optional<json> bytes_of(const json& value) {
  if (!value.is_object() || value.size() != 1 || !value.contains("hex") ||
      !value["hex"].is_string()) {
    return std::nullopt;
  }
  const std::string& hex = value["hex"].get_ref<const std::string&>();
  json::binary_t bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const std::size_t high = digits.find(hex[i]);
    const std::size_t low = i + 1 < hex.size() ? digits.find(hex[i + 1]) : std::string_view::npos;
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return json(std::move(bytes));
}

}  // namespace twister::tool
