// Input: options, cut, then the stream, which a simple decoder reads too.
#include <stdexcept>

#include "twister/codecs/length_prefixed.hpp"

#include "cuts.hpp"

namespace {

using namespace twister;
using testing_codecs::Events;
using Wide = __int128;  // holds every sum that there can be

Events simple_length_prefixed(std::string_view input, const LengthPrefixedOptions& options) {
  const std::size_t header = options.length_offset + options.width;
  const std::size_t stripped = options.stripped_bytes.value_or(header);
  const std::size_t limit = LengthPrefixed(options).max_frame_bytes();
  const bool skip = options.on_oversize == Oversize::skip;
  Events events;
  while (!input.empty()) {
    if (input.size() < header) {
      events.push_back(fuzz::end_inside(input.size()));
      return events;
    }
    Wide length = 0;
    for (std::size_t i = 0; i < options.width; ++i) {
      const std::size_t place = options.order == ByteOrder::big ? i : options.width - 1 - i;
      length = length << 8 | static_cast<unsigned char>(input[options.length_offset + place]);
    }
    const Wide less = options.includes_itself ? Wide(options.width) : 0;
    const Wide body = length + options.length_adjustment - less;
    const Wide least = std::max<Wide>(0, Wide(stripped) - Wide(header));
    if (body < least) {
      const CodecError error = {
          CodecErrc::bad_length, static_cast<std::uint64_t>(length),
          static_cast<std::uint64_t>(least + less - options.length_adjustment)};
      events.push_back("error " + error.message());
      return events;
    }
    if (body > Wide(limit)) {
      const auto told = static_cast<std::uint64_t>(std::min<Wide>(body, ~std::uint64_t{0}));
      const CodecError error = {CodecErrc::frame_too_long, told, limit};
      events.push_back((skip ? "skipped " : "error ") + error.message());
      if (!skip) {
        return events;
      }
    }
    const Wide arrived = Wide(input.size()) - Wide(header);
    if (arrived < body) {
      events.push_back(fuzz::end_inside(body > Wide(limit) ? 0 : input.size()));
      return events;
    }
    const std::size_t frame = header + static_cast<std::size_t>(body);
    if (body <= Wide(limit)) {
      events.push_back(fuzz::message_of(input.substr(stripped, frame - stripped)));
    }
    input.remove_prefix(frame);
  }
  events.emplace_back("end");
  return events;
}

LengthPrefixedOptions options_from(fuzz::Choices& choices) {
  constexpr std::size_t widths[] = {1, 2, 3, 4, 8};
  const unsigned flags = choices.next();
  LengthPrefixedOptions options;
  options.width = widths[choices.next() % 5];
  options.order = (flags & 1u) != 0 ? ByteOrder::little : ByteOrder::big;
  options.includes_itself = (flags & 2u) != 0;
  options.max_frame_bytes = (flags & 4u) != 0 ? ~std::size_t{0} : choices.next();
  options.on_oversize = (flags & 8u) != 0 ? Oversize::skip : Oversize::fail;
  if ((flags & 16u) != 0) {
    options.length_offset = choices.next() % 8;
    // Around zero, or as far from it as can be.
    options.length_adjustment = static_cast<std::int32_t>(choices.next()) - 128;
    if ((flags & 32u) != 0) {
      options.length_adjustment *= 1 << 24;
    }
    if ((flags & 64u) != 0) {
      options.stripped_bytes = choices.next() % 24;
    }
  }
  return options;
}

// Room for a header and the length in it are the codec's: the rest has to come back.
void check_message(const LengthPrefixed& codec, const LengthPrefixedOptions& options,
                   std::string_view message) {
  const auto again = fuzz::round_trip(codec, as_bytes(message));
  if (again.empty()) {
    return;
  }
  const std::size_t header = options.length_offset + options.width;
  const std::size_t kept = header - std::min(header, options.stripped_bytes.value_or(header));
  fuzz::expect(again.size() == 2 && again[1] == "end" && again[0].size() == 8 + message.size() &&
                   again[0].substr(8 + kept) == message.substr(kept),
               "a message does not survive the round trip");
  const auto twice = fuzz::round_trip(codec, as_bytes(std::string_view(again[0]).substr(8)));
  fuzz::expect(twice == again, "what was decoded is not encoded as it was");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(data, size);
  const LengthPrefixedOptions options = options_from(choices);
  try {
    const LengthPrefixed codec(options);
    const unsigned seed = choices.next();
    fuzz::compare_cuts(codec, choices.rest(), seed);
    fuzz::expect_outcome(codec, choices.rest(), simple_length_prefixed(choices.rest(), options));
    check_message(codec, options, choices.rest());
  } catch (const std::invalid_argument&) {
    // options that no frame can meet
  }
  return 0;
}
