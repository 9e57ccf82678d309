// Input: options, cut, then the stream, which a simple decoder reads too.
#include "twister/codecs/varint.hpp"

#include "cuts.hpp"

namespace {

using namespace twister;
using testing_codecs::Events;

Events simple_varint(std::string_view input, unsigned longest, std::size_t limit, bool skip) {
  Events events;
  while (!input.empty()) {
    std::size_t digits = 1;
    while (digits < longest && digits <= input.size() && (input[digits - 1] & 0x80) != 0) {
      ++digits;
    }
    if (digits > input.size()) {
      events.push_back(fuzz::end_inside(input.size()));
      return events;
    }
    unsigned __int128 length = 0;
    for (std::size_t i = digits; i-- > 0;) {
      length = length << 7 | (static_cast<unsigned char>(input[i]) & 0x7f);
    }
    const bool goes_on = (input[digits - 1] & 0x80) != 0;
    if (goes_on || (digits > 1 && input[digits - 1] == 0) ||
        length >> (longest == 5 ? 32 : 64) != 0) {
      events.push_back("error " +
                       CodecError{CodecErrc::malformed_varint, digits - 1, longest}.message());
      return events;
    }
    const std::size_t arrived = input.size() - digits;
    if (length > limit) {
      const CodecError error = {CodecErrc::frame_too_long, static_cast<std::uint64_t>(length),
                                limit};
      events.push_back((skip ? "skipped " : "error ") + error.message());
      if (!skip) {
        return events;
      }
    }
    if (arrived < length) {
      events.push_back(fuzz::end_inside(length > limit ? 0 : input.size()));
      return events;
    }
    const auto body = static_cast<std::size_t>(length);
    if (body <= limit) {
      events.push_back(fuzz::message_of(input.substr(digits, body)));
    }
    input.remove_prefix(digits + body);
  }
  events.emplace_back("end");
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const bool skip = (flags & 1u) != 0;
  const unsigned longest = (flags & 2u) != 0 ? 10 : 5;
  const std::size_t limit = (flags & 4u) != 0 ? std::size_t{1} << 31 : choices.next();
  const Varint codec({.max_length_bytes = longest,
                      .max_frame_bytes = limit,
                      .on_oversize = skip ? Oversize::skip : Oversize::fail});
  const unsigned seed = choices.next();
  fuzz::compare_cuts(codec, choices.rest(), seed);
  fuzz::expect_outcome(codec, choices.rest(), simple_varint(choices.rest(), longest, limit, skip));
  fuzz::expect_round_trip(codec, choices.rest());
  return 0;
}
