// Input: options, cut, then the stream.
#include "twister/codecs/length_prefixed.hpp"

#include "cuts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  constexpr std::size_t widths[] = {1, 2, 3, 4, 8};
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const LengthPrefixed codec(
      {.width = widths[choices.next() % 5],
       .order = (flags & 1u) != 0 ? ByteOrder::little : ByteOrder::big,
       .includes_itself = (flags & 2u) != 0,
       .max_frame_bytes = (flags & 4u) != 0 ? ~std::size_t{0} : choices.next(),
       .on_oversize = (flags & 8u) != 0 ? Oversize::skip : Oversize::fail});
  const unsigned seed = choices.next();
  fuzz::compare_cuts(codec, choices.rest(), seed);

  const auto again = fuzz::round_trip(codec, as_bytes(choices.rest()));
  fuzz::expect(choices.rest().size() > codec.max_frame_bytes()
                   ? again.empty()
                   : again.front() == "message " + std::string(choices.rest()),
               "a body does not survive the round trip");
  return 0;
}
