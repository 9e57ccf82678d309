// twister/rpc/detail/little_endian.hpp - integers at the front of bytes, least significant byte first.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace twister::detail {

template <std::unsigned_integral T>
T load_little(const std::byte* from) noexcept {
  T value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, from, sizeof value);
  } else {
    for (std::size_t i = sizeof value; i > 0; --i) {
      value = static_cast<T>(value << 8 | std::to_integer<T>(from[i - 1]));
    }
  }
  return value;
}

template <std::unsigned_integral T>
void store_little(std::byte* to, T value) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &value, sizeof value);
  } else {
    for (std::size_t i = 0; i < sizeof value; ++i) {
      to[i] = static_cast<std::byte>(value >> (8 * i) & 0xff);
    }
  }
}

}  // namespace twister::detail
