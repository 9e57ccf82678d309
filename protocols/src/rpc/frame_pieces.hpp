// src/rpc/frame_pieces.hpp - what stands before a message: pieces with their length, in little endian.
#pragma once

#include <cstdint>
#include <cstring>

#include <twister/rpc/frames.hpp>

namespace twister::detail {

inline constexpr std::uint16_t max_numbered_methods = 1024;

// Takes a length and so many bytes from the front; false when there are fewer.
template <class Length>
bool take_piece(ByteView& from, ByteView& piece) {
  if (from.size() < sizeof(Length)) return false;
  const std::size_t size = load_little<Length>(from.data());
  if (from.size() < sizeof(Length) + size) return false;
  piece = from.subspan(sizeof(Length), size);
  from = from.subspan(sizeof(Length) + size);
  return true;
}

inline std::byte* store_piece(std::byte* to, ByteView piece, std::size_t length_bytes) {
  if (length_bytes == 1) {
    *to = static_cast<std::byte>(piece.size());
  } else {
    store_little(to, static_cast<std::uint16_t>(piece.size()));
  }
  if (!piece.empty()) std::memcpy(to + length_bytes, piece.data(), piece.size());
  return to + length_bytes + piece.size();
}

}  // namespace twister::detail
