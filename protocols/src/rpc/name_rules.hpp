// src/rpc/name_rules.hpp - what a name may be, and how many a connection may have.
#pragma once

#include <cstddef>
#include <string_view>

namespace twister::detail {

constexpr std::size_t max_names = 16;
constexpr std::size_t max_name_bytes = 255;

constexpr bool is_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= max_name_bytes;
}

}  // namespace twister::detail
