// twister/codecs/byte_view.hpp - bytes that belong to somebody else.
//
//   connection.write(twister::as_bytes("hello\n"));
//   std::string_view line = twister::as_text(frame);
//
// Ownership: a view owns nothing and copies nothing; it is valid as long as the bytes it was made
// from.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace twister {

// What travels: received chunks, frames, bodies to send.
using ByteView = std::span<const std::byte>;

// The characters of `text`, looked at as bytes.
inline ByteView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// The bytes of `bytes`, looked at as characters. Nothing is checked: they need not be UTF-8.
inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace twister
