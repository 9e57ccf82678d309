#include "json_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "utf8.hpp"

namespace twister::detail {

using nlohmann::json;

CodecError JsonWriter::write(const json& value, std::size_t depth) {
  switch (value.type()) {
    case json::value_t::null:
      out_.append("null");
      return {};
    case json::value_t::boolean:
      out_.append(value.get<bool>() ? "true" : "false");
      return {};
    case json::value_t::number_integer:
      write_integer(value.get<json::number_integer_t>());
      return {};
    case json::value_t::number_unsigned:
      write_integer(value.get<json::number_unsigned_t>());
      return {};
    case json::value_t::number_float:
      return write_double(value.get<json::number_float_t>());
    case json::value_t::string:
      return write_string(value.get_ref<const json::string_t&>());
    case json::value_t::array:
      return write_array(value.get_ref<const json::array_t&>(), depth + 1);
    case json::value_t::object:
      return write_object(value.get_ref<const json::object_t&>(), depth + 1);
    case json::value_t::binary:
    case json::value_t::discarded:
      break;
  }
  return {CodecErrc::unencodable};
}

CodecError JsonWriter::write_array(const json::array_t& array, std::size_t depth) {
  if (depth > max_depth_) {
    return {CodecErrc::too_deep, depth, max_depth_};
  }
  std::string_view before = "[";
  for (const json& element : array) {
    out_.append(before);
    before = ",";
    if (const CodecError error = write(element, depth)) {
      return error;
    }
  }
  out_.append(array.empty() ? "[]" : "]");
  return {};
}

CodecError JsonWriter::write_object(const json::object_t& object, std::size_t depth) {
  if (depth > max_depth_) {
    return {CodecErrc::too_deep, depth, max_depth_};
  }
  std::string_view before = "{";
  for (const auto& [key, member] : object) {
    out_.append(before);
    before = ",";
    if (const CodecError error = write_string(key)) {
      return error;
    }
    out_.append(":");
    if (const CodecError error = write(member, depth)) {
      return error;
    }
  }
  out_.append(object.empty() ? "{}" : "}");
  return {};
}

// What needs no escape is copied in runs.
CodecError JsonWriter::write_string(const std::string& text) {
  const ByteView bytes = as_bytes(text);
  out_.append("\"");
  std::size_t run = 0;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto character = std::to_integer<unsigned>(bytes[at]);
    if (character >= 0x80) {
      const std::size_t count = utf8_character_bytes(bytes.subspan(at));
      if (count == 0) {
        return {CodecErrc::invalid_utf8, at};
      }
      at += count;
    } else if (character < 0x20 || character == '"' || character == '\\') {
      out_.append(bytes.subspan(run, at - run));
      write_escaped(character);
      run = ++at;
    } else {
      ++at;
    }
  }
  out_.append(bytes.subspan(run), as_bytes("\""));
  return {};
}

void JsonWriter::write_escaped(unsigned character) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (character) {
    case '"':
      out_.append("\\\"");
      break;
    case '\\':
      out_.append("\\\\");
      break;
    case '\b':
      out_.append("\\b");
      break;
    case '\f':
      out_.append("\\f");
      break;
    case '\n':
      out_.append("\\n");
      break;
    case '\r':
      out_.append("\\r");
      break;
    case '\t':
      out_.append("\\t");
      break;
    default: {
      const char hex[] = {digits[character >> 4], digits[character & 15u]};
      out_.append(as_bytes("\\u00"), as_bytes({hex, sizeof hex}));
    }
  }
}

// The shortest digits that read back as the same double; with a point or an exponent, so that it
// reads back as a double.
CodecError JsonWriter::write_double(double number) {
  if (!std::isfinite(number)) {
    return {CodecErrc::unencodable};
  }
  constexpr std::size_t longest = 24;  // -2.2250738585072014e-308
  char* const first = reinterpret_cast<char*>(out_.prepare(longest).data());
  char* const last = std::to_chars(first, first + longest, number).ptr;
  out_.commit(static_cast<std::size_t>(last - first));
  if (std::none_of(first, last, [](char c) { return c == '.' || c == 'e'; })) {
    out_.append(".0");
  }
  return {};
}

template <class Integer>
void JsonWriter::write_integer(Integer number) {
  constexpr std::size_t longest = 20;  // -9223372036854775808
  char* const first = reinterpret_cast<char*>(out_.prepare(longest).data());
  char* const last = std::to_chars(first, first + longest, number).ptr;
  out_.commit(static_cast<std::size_t>(last - first));
}

}  // namespace twister::detail
