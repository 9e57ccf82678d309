// Input: options, cut, a name up to a NUL, then the stream. No name does anything but throw what is
// promised.
#include <stdexcept>

#include "twister/codecs/any_framing.hpp"

#include "cuts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const unsigned seed = choices.next();
  AnyFramingOptions options;
  if ((flags & 1u) != 0) {
    options.max_frame_bytes = flags >> 2;
  }
  options.on_oversize = (flags & 2u) != 0 ? Oversize::skip : Oversize::fail;
  std::string_view input = choices.rest();
  const std::string_view name = input.substr(0, input.find('\0'));
  input.remove_prefix(std::min(name.size() + 1, input.size()));
  try {
    const AnyFraming codec(name, options);
    fuzz::compare_cuts(codec, input, seed);
    const auto once = fuzz::round_trip(codec, as_bytes(input));
    fuzz::expect(once.empty() || (once.size() == 2 && once[1] == "end"),
                 "a message does not survive the round trip");
  } catch (const std::invalid_argument& error) {
    fuzz::expect(std::string_view(error.what()).find("; there are: ") != std::string_view::npos,
                 "the text does not say what names there are");
  }
  return 0;
}
