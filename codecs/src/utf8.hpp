// utf8.hpp - UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing over U+10FFFF.
#pragma once

#include <cstddef>

#include "twister/codecs/byte_view.hpp"

namespace twister::detail {

// Bytes of the character that `text` begins with; 0 if it begins with none.
std::size_t utf8_character_bytes(ByteView text) noexcept;

// Bytes of the longest valid text that `text` begins with; all of them if it is UTF-8.
std::size_t utf8_prefix_bytes(ByteView text) noexcept;

}  // namespace twister::detail
