// Input: options, cut, then the stream, which a simple decoder reads too.
#include "twister/codecs/netstring.hpp"

#include "cuts.hpp"

namespace {

using namespace twister;
using testing_codecs::Events;

constexpr unsigned __int128 largest = ~std::uint64_t{0};

Events simple_netstrings(std::string_view input, std::size_t limit, bool skip) {
  const std::string malformed = "error " + CodecError{CodecErrc::malformed_netstring}.message();
  Events events;
  while (!input.empty()) {
    unsigned __int128 length = 0;
    std::size_t digits = 0;
    for (; digits < input.size() && input[digits] >= '0' && input[digits] <= '9'; ++digits) {
      length = 10 * length + static_cast<unsigned>(input[digits] - '0');
      if (length > largest || (digits == 1 && input[0] == '0')) {
        events.push_back(malformed);
        return events;
      }
      if (length > limit && !skip) {
        const CodecError error = {CodecErrc::frame_too_long, static_cast<std::uint64_t>(length),
                                  limit};
        events.push_back("error " + error.message());
        return events;
      }
    }
    if (digits == input.size()) {
      events.push_back(fuzz::end_inside(input.size()));
      return events;
    }
    if (digits == 0 || input[digits] != ':') {
      events.push_back(malformed);
      return events;
    }
    const std::string_view after = input.substr(digits + 1);
    if (length > limit) {
      const CodecError error = {CodecErrc::frame_too_long, static_cast<std::uint64_t>(length),
                                limit};
      events.push_back("skipped " + error.message());
    }
    if (after.size() <= length) {
      events.push_back(fuzz::end_inside(length > limit ? 0 : input.size()));
      return events;
    }
    const auto body = static_cast<std::size_t>(length);
    if (after[body] != ',') {
      events.push_back(malformed);
      return events;
    }
    if (length <= limit) {
      events.push_back(fuzz::message_of(after.substr(0, body)));
    }
    input = after.substr(body + 1);
  }
  events.emplace_back("end");
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const bool skip = (flags & 1u) != 0;
  const std::size_t limit = (flags & 2u) != 0 ? std::size_t{1} << 62 : choices.next();
  const Netstring codec(
      {.max_frame_bytes = limit, .on_oversize = skip ? Oversize::skip : Oversize::fail});
  const unsigned seed = choices.next();
  fuzz::compare_cuts(codec, choices.rest(), seed);
  fuzz::expect_outcome(codec, choices.rest(), simple_netstrings(choices.rest(), limit, skip));
  fuzz::expect_round_trip(codec, choices.rest());
  return 0;
}
