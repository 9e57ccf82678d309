// twister/codecs/byte_order.hpp - which byte of a number comes first.
#pragma once

#include <cstdint>

namespace twister {

enum class ByteOrder : std::uint8_t {
  big,  // network order
  little,
};

}  // namespace twister
