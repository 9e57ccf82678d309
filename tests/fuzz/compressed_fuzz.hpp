// What the fuzz targets of compressors have in common. An oracle says what is right for one whole
// compressed message, with all of the memory that it likes.
#pragma once

#include <optional>
#include <string>

#include "twister/codecs/bytes.hpp"
#include "twister/codecs/compressed.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"

#include "cuts.hpp"

namespace twister::fuzz {

// What `oracle` inflated, at most `limit` + 1 bytes of it; nothing if it is malformed before that.
using Inflated = std::optional<std::string>;

template <Compressor C>
void compare_with(const C& compressor, std::size_t limit, std::string_view compressed,
                  const Inflated& oracle) {
  ByteBuffer out;
  out.append("before");
  const CodecError error = compressor.decompress(as_bytes(compressed), out);
  const std::string_view got = as_text(out.view()).substr(6);
  expect(as_text(out.view()).starts_with("before"), "what was there has changed");
  expect(!error || got.empty(), "something is left after an error");
  if (oracle && oracle->size() > limit) {
    expect(error == CodecError{CodecErrc::inflated_too_long, limit + 1, limit} ||
               (error.code == CodecErrc::inflated_too_long && error.size > limit),
           "more than the limit was not refused as that");
  } else if (oracle) {
    expect(!error && got == *oracle, "inflated differently from the library by itself");
  } else {
    expect(error.code == CodecErrc::malformed_compression ||
               error.code == CodecErrc::inflated_too_long,
           "what the library refuses was taken");
  }
}

template <Compressor C>
void check_round_trip(const C& compressor, std::size_t limit, std::string_view plain) {
  ByteBuffer wire;
  const CodecError error = compressor.compress(as_bytes(plain), wire);
  if (plain.size() > limit) {
    expect(error == CodecError{CodecErrc::inflated_too_long, plain.size(), limit} && wire.empty(),
           "compressed what is over the limit");
    return;
  }
  ByteBuffer back;
  expect(!error && !compressor.decompress(wire.view(), back), "does not read what it wrote");
  expect(as_text(back.view()) == plain, "changed by the round trip");
}

template <Compressor C>
void check_cuts(const C& compressor, std::string_view stream, unsigned seed) {
  const Framed<LengthPrefixed, Compressed<C, Bytes>> codec(
      LengthPrefixed({.width = 1}), Compressed<C, Bytes>(compressor), BadPayload::skip);
  compare_cuts(codec, stream, seed);
}

}  // namespace twister::fuzz
