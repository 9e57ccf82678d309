// printable.hpp - names from outside, in the texts of exceptions.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace twister::detail {

// What would end an exception's text, or play tricks with a terminal.
constexpr bool is_control(char c) noexcept {
  return (c >= '\0' && c < ' ') || c == '\x7f';
}

// With question marks in the place of control characters.
inline std::string printable(std::string_view name) {
  std::string text(name);
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

}  // namespace twister::detail
