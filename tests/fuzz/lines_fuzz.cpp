// Input: options, cut, then the stream. The result is also compared with a decoder so simple that
// it can be seen to be right: it has the whole input.
#include "twister/codecs/lines.hpp"

#include "cuts.hpp"

namespace {

using twister::testing_codecs::Events;

Events simple_lines(std::string_view input, std::size_t limit, bool skip) {
  const std::string reason = " line of at least " + std::to_string(limit + 1) +
                             " bytes exceeds max_line_bytes " + std::to_string(limit);
  Events events;
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    std::string_view line = input.substr(0, end);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);  // the end of the line, or of the input, where it may become one
    }
    if (line.size() > limit) {
      events.push_back((skip ? "skipped" : "error") + reason);
      if (!skip) {
        return events;
      }
    } else if (end != input.npos) {
      events.push_back("message " + std::string(line));
    }
    if (end == input.npos) {
      const std::size_t pending = line.size() > limit ? 0 : input.size();
      events.push_back("end stream ended inside a message, " + std::to_string(pending) +
                       " bytes into it");
      return events;
    }
    input.remove_prefix(end + 1);
  }
  events.push_back("end");
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const std::size_t limit = choices.next() % 64;
  const bool skip = (flags & 1u) != 0;
  const Lines codec(
      {.max_line_bytes = limit, .on_oversize = skip ? Oversize::skip : Oversize::fail});
  const unsigned seed = choices.next();
  fuzz::compare_cuts(codec, choices.rest(), seed);
  fuzz::expect(testing_codecs::decode_pieces(codec, {choices.rest()}) ==
                   simple_lines(choices.rest(), limit, skip),
               "differs from the simple decoder");

  const auto again = fuzz::round_trip(codec, as_bytes(choices.rest()));
  fuzz::expect(again.empty() || again == Events{"message " + std::string(choices.rest()), "end"},
               "a line does not survive the round trip");
  return 0;
}
