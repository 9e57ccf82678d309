// Input: the size, cut, then the stream.
#include "twister/codecs/fixed.hpp"

#include "cuts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const std::size_t frame = choices.next() + std::size_t{1};
  const Fixed codec(frame);
  const unsigned seed = choices.next();
  fuzz::compare_cuts(codec, choices.rest(), seed);

  testing_codecs::Events expected;
  std::string_view input = choices.rest();
  for (; input.size() >= frame; input.remove_prefix(frame)) {
    expected.push_back(fuzz::message_of(input.substr(0, frame)));
  }
  expected.push_back(input.empty() ? "end" : fuzz::end_inside(input.size()));
  fuzz::expect_outcome(codec, choices.rest(), expected);
  fuzz::expect_round_trip(codec, choices.rest());
  return 0;
}
