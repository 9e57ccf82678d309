// examination.hpp - one check of one codec: what the rules have to work with, and what they report to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "twister/testing/codec_conformance.hpp"
#include "twister/testing/decode_pieces.hpp"

#include "guarded_codec.hpp"

namespace twister::testing::detail {

// Repeatable, the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t end) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::size_t>(state_ >> 11) % end;
  }

 private:
  std::uint64_t state_;
};

// From one cut to the next: 1, but for a long stream, which is cut at some 60 places, so that time
// grows with its length and no faster.
std::size_t step_of(std::string_view stream);

class Examination {
 public:
  // Throws std::invalid_argument for cases that nothing can be tried with.
  explicit Examination(CodecTrial trial);
  Examination(const Examination&) = delete;
  Examination& operator=(const Examination&) = delete;

  // Tries one rule; `examine` says broken() or untried(), or the rule was kept.
  void rule(const char* name, void (*examine)(Examination&));
  const ConformanceReport& report() const { return report_; }

  // Once a rule: the first breach says most.
  void broken(std::string what);
  void untried(std::string what);

  // Its codecs are guarded.
  const CodecTrial& trial() const { return trial_; }
  const Watch& watch() const { return watch_; }
  std::unique_ptr<TriedCodec> make() const { return trial_.make(); }
  // Each message on the wire, and all of them.
  const std::vector<std::string>& wires() const { return wires_; }
  const std::string& stream() const { return stream_; }
  // What the first `messages` on the wire give, up to the end of the stream.
  Events expected(std::size_t messages) const;
  std::string expected_message(std::size_t message) const;
  // The first message that is not as message 0 is.
  std::size_t other() const { return other_; }
  // Empty when there is none, or it is refused.
  const std::string& longest_wire() const { return longest_wire_; }

  // The same events however `stream` is cut, and the contract kept.
  Events same_at_every_cut(const CodecTrial::Make& make, std::string_view stream);
  void same_at_some_cuts(const CodecTrial::Make& make, std::string_view stream, Random& random);

 private:
  void encode_messages();
  bool keeps_the_contract(const Events& events, std::string_view stream);

  Watch watch_;
  CodecTrial trial_;
  ConformanceReport report_;
  std::string rule_;
  std::vector<std::string> wires_;
  std::string stream_;
  std::string longest_wire_;
  std::size_t other_ = 0;
};

// Decodes the next message at the front of `rest`; empty when there is none.
std::string take(TriedCodec& codec, std::string_view& rest);

}  // namespace twister::testing::detail
