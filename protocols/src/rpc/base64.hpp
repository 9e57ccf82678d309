// src/rpc/base64.hpp - bytes as text, for wires that have text alone (RFC 4648, padded).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace twister::detail {

std::string to_base64(std::string_view bytes);
// Nothing for what to_base64() does not make.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace twister::detail
