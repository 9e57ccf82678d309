// What the fuzz targets have in common: an input says how it is cut, and the cut must not matter.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "outcome.hpp"

namespace twister::fuzz {

// Takes bytes from the front of a fuzz input, for options; zeros when there are no more.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  unsigned next() {
    if (rest_.empty()) {
      return 0;
    }
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

inline void expect(bool ok, const char* rule) {
  if (!ok) {
    std::fprintf(stderr, "broken: %s\n", rule);
    std::abort();
  }
}

// Pieces of 0 to 15 bytes by a generator seeded with `seed`; 0 cuts between any two bytes.
inline testing_codecs::Pieces cut(std::string_view input, unsigned seed) {
  testing_codecs::Pieces pieces;
  for (unsigned state = seed; !input.empty(); state = state * 1103515245u + 12345u) {
    const std::size_t size = seed == 0 ? 1 : std::min<std::size_t>(state >> 16 & 15u, input.size());
    pieces.push_back(input.substr(0, size));
    input.remove_prefix(size);
  }
  return pieces;
}

// Decodes `input` whole and cut, and aborts if that is not the same or the contract is broken.
template <Codec C, class Describe = testing_codecs::FrameText>
void compare_cuts(const C& codec, std::string_view input, unsigned seed, Describe describe = {}) {
  input = input.substr(0, 2048);  // a copy is made for each call: keep the square of this small
  const auto whole = testing_codecs::decode_pieces(codec, {input}, describe);
  expect(testing_codecs::decode_pieces(codec, cut(input, seed), describe) == whole,
         "the result depends on the cut");
  for (const std::string& event : whole) {
    expect(event.rfind("BROKEN", 0) != 0, event.c_str());
  }
}

// Encodes `message` alone and gives what is decoded from that, or nothing if it cannot be encoded.
template <Codec C, class Describe = testing_codecs::FrameText>
testing_codecs::Events round_trip(C codec, const typename C::Message& message,
                                  Describe describe = {}) {
  ByteBuffer out;
  if (codec.encode(message, out)) {
    expect(out.empty(), "something is left after a failed encode");
    return {};
  }
  return testing_codecs::decode_pieces(codec, {as_text(out.view())}, describe);
}

// A framing gives back what it has sent, or else refuses to send it.
template <Framing F>
void expect_round_trip(const F& framing, std::string_view message) {
  const auto again = round_trip(framing, as_bytes(message));
  expect(again.empty() || again == testing_codecs::Events{"message " + std::string(message), "end"},
         "a message does not survive the round trip");
}

// What `framing` makes of the whole input is what a decoder so simple makes of it that it can be
// seen to be right.
template <Framing F>
void expect_outcome(const F& framing, std::string_view input,
                    const testing_codecs::Events& expected) {
  expect(testing_codecs::decode_pieces(framing, {input}) == expected,
         "differs from the simple decoder");
}

// The lines that decode_pieces() writes.
inline std::string message_of(std::string_view frame) {
  return "message " + std::string(frame);
}
inline std::string end_inside(std::size_t bytes) {
  return "end " + CodecError{CodecErrc::truncated, bytes}.message();
}

}  // namespace twister::fuzz
