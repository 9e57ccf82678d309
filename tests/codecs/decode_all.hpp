// Decodes an input whole, byte by byte and cut in two anywhere, and expects the same each time.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "outcome.hpp"

namespace twister::testing_codecs {

// What `codec` makes of `input`, however it is cut. A long input is cut at some 60 places only.
template <Codec C, class Describe = FrameText>
Events decode_all(const C& codec, std::string_view input, Describe describe = {}) {
  const Events whole = decode_pieces(codec, {input}, describe);
  const std::size_t step = input.size() <= 600 ? 1 : input.size() / 60;
  EXPECT_EQ(decode_pieces(codec, cut_every(input, step), describe), whole)
      << "in steps of " << step;
  for (std::size_t at = 0; at <= input.size(); at += step) {
    const Pieces halves = {input.substr(0, at), input.substr(at)};
    EXPECT_EQ(decode_pieces(codec, halves, describe), whole) << "cut at " << at;
  }
  for (const std::string& event : whole) {
    EXPECT_NE(event.rfind("BROKEN", 0), 0u) << event;
  }
  return whole;
}

// "00 0c 48" -> three bytes. Blanks are ignored.
inline std::string hex(std::string_view digits) {
  std::string bytes;
  std::string pair;
  for (const char digit : digits) {
    if (digit != ' ') {
      pair += digit;
    }
    if (pair.size() == 2) {
      bytes += static_cast<char>(std::stoi(pair, nullptr, 16));
      pair.clear();
    }
  }
  return bytes;
}

inline std::string to_hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += digits[std::to_integer<std::size_t>(byte) >> 4];
    text += digits[std::to_integer<std::size_t>(byte) & 15u];
  }
  return text;
}

inline std::string text_of(const ByteBuffer& buffer) {
  return std::string(as_text(buffer.view()));
}

}  // namespace twister::testing_codecs
