// src/text.hpp - text for others' formats.
#pragma once

#include <string>
#include <string_view>

namespace twister::detail {

// Without overlong forms, surrogates and what is beyond U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

// Appends a JSON string with its quotes. Whatever is not printable ASCII becomes \u00XX, a byte at a
// time: the result is valid JSON for any bytes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace twister::detail
