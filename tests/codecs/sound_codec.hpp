// A codec without faults, to derive one with a fault from, and what the kit tries both with.
#pragma once

#include <string>
#include <vector>

#include "twister/codecs/length_prefixed.hpp"
#include <twister/testing/codec_conformance.hpp>

#include "support/allocation_counter.hpp"

namespace twister::testing_codecs {

inline constexpr LengthPrefixedOptions sound_options{.width = 2, .max_frame_bytes = 60'000};

class Sound {
 public:
  using Message = ByteView;
  using Received = ByteView;

  DecodeResult decode(ByteView input) { return inner_.decode(input); }
  ByteView message() const { return inner_.message(); }
  CodecError encode(ByteView body, ByteBuffer& out) { return inner_.encode(body, out); }
  CodecError finish(ByteView rest) const { return inner_.finish(rest); }

 protected:
  LengthPrefixed inner_{sound_options};
};

template <class C>
testing::CodecCases<C> cases() {
  static const std::string large(60'000, 'x');
  static const std::string too_large(60'001, 'x');
  return {.messages = {as_bytes("one"), as_bytes(""), as_bytes("three")},
          .longest = as_bytes(large),
          .unencodable = {as_bytes(too_large)},
          .too_long = {"\xff\xff"},
          .announcements = {{"\xea\x60", 2}},
          .allocated_bytes = testing::allocated_bytes,
          .own_bytes = 1024};
}

// The rules that were found broken, each once.
inline std::vector<std::string> broken_rules(const testing::ConformanceReport& report) {
  std::vector<std::string> rules;
  for (const auto& finding : report.broken) rules.push_back(finding.rule);
  return rules;
}

template <class C>
std::vector<std::string> broken_by() {
  return broken_rules(testing::check_codec<C>(cases<C>()));
}

}  // namespace twister::testing_codecs
