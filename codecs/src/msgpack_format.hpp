// msgpack_format.hpp - the first byte of a MessagePack value, by the names of the specification.
#pragma once

#include <cstdint>

namespace twister::detail::msgpack {

// The first bytes that hold a small number or size themselves begin at these. Below 0x80 the byte
// is the number, and from 0xe0 on the number less 256.
constexpr std::uint8_t fixmap = 0x80;    // 4 bits
constexpr std::uint8_t fixarray = 0x90;  // 4 bits
constexpr std::uint8_t fixstr = 0xa0;    // 5 bits
constexpr std::uint8_t nil = 0xc0;
constexpr std::uint8_t negative_fixint = 0xe0;  // 5 bits

// The others. Those that are followed by a number or a size come in rows, each twice as wide as the
// one before it.
enum Type : std::uint8_t {
  never_used = 0xc1,
  false_,
  true_,
  bin8,
  bin16,
  bin32,
  ext8,
  ext16,
  ext32,
  float32,
  float64,
  uint8,
  uint16,
  uint32,
  uint64,
  int8,
  int16,
  int32,
  int64,
  fixext1,
  fixext2,
  fixext4,
  fixext8,
  fixext16,
  str8,
  str16,
  str32,
  array16,
  array32,
  map16,
  map32,
};
static_assert(map32 == negative_fixint - 1);

}  // namespace twister::detail::msgpack
