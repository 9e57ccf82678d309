#include "utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace twister::detail {

namespace {

// Bytes of ASCII that `text` begins with, counted in eights: most text is nothing else.
std::size_t ascii_prefix_bytes(ByteView text) noexcept {
  std::size_t passed = 0;
  for (std::uint64_t eight = 0; text.size() - passed >= sizeof eight; passed += sizeof eight) {
    std::memcpy(&eight, text.data() + passed, sizeof eight);
    if ((eight & 0x8080808080808080u) != 0) {
      break;
    }
  }
  return passed;
}

}  // namespace

// The table of RFC 3629, section 4: the second byte's range depends on the first byte.
std::size_t utf8_character_bytes(ByteView text) noexcept {
  const auto at = [text](std::size_t i) { return std::to_integer<unsigned>(text[i]); };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xc0u) == 0x80u; };
  if (text.empty()) {
    return 0;
  }
  const unsigned lead = at(0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead < 0xc2 || lead > 0xf4 || text.size() < 2) {
    return 0;
  }
  if (lead < 0xe0) {
    return tail(1) ? 2 : 0;
  }
  const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  const bool second = at(1) >= low && at(1) <= high;
  if (lead < 0xf0) {
    return second && text.size() >= 3 && tail(2) ? 3 : 0;
  }
  return second && text.size() >= 4 && tail(2) && tail(3) ? 4 : 0;
}

std::size_t utf8_prefix_bytes(ByteView text) noexcept {
  std::size_t valid = 0;
  while (valid < text.size()) {
    const ByteView rest = text.subspan(valid);
    const std::size_t bytes = std::max(ascii_prefix_bytes(rest), utf8_character_bytes(rest));
    if (bytes == 0) {
      break;
    }
    valid += bytes;
  }
  return valid;
}

}  // namespace twister::detail
