// Input: options, cut, then the stream. The result is also compared with a decoder so simple that
// it can be seen to be right: it has the whole input.
#include <stdexcept>

#include "twister/codecs/lines.hpp"

#include "cuts.hpp"

namespace {

using namespace twister;
using testing_codecs::Events;

Events simple_lines(std::string_view input, const LinesOptions& options) {
  const std::size_t limit = options.max_line_bytes;
  const bool skip = options.on_oversize == Oversize::skip;
  const bool strict = options.accepted_ending == AcceptedEnding::crlf;
  const CodecError too_long = {CodecErrc::line_too_long, limit + 1, limit};
  Events events;
  while (!input.empty()) {
    const std::size_t found = input.find(strict ? "\r\n" : "\n");
    const bool ends = found != input.npos;
    const std::string_view whole = ends ? input.substr(0, found + (strict ? 2 : 1)) : input;
    std::string_view line = input.substr(0, found);
    const bool may_be_end = options.accepted_ending == AcceptedEnding::either || (strict && !ends);
    if (may_be_end && line.ends_with('\r')) {
      line.remove_suffix(1);  // the end of the line, or of the input, where it may become one
    }
    if (line.size() > limit) {
      events.push_back((skip ? "skipped " : "error ") + too_long.message());
      if (!skip) {
        return events;
      }
    } else if (ends) {
      events.push_back(fuzz::message_of(options.terminator == Terminator::keep ? whole : line));
    }
    if (!ends) {
      const std::size_t kept = strict && input.ends_with('\r') ? 1 : 0;
      events.push_back(fuzz::end_inside(line.size() > limit ? kept : input.size()));
      return events;
    }
    input.remove_prefix(whole.size());
  }
  events.emplace_back("end");
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr AcceptedEnding endings[] = {AcceptedEnding::either, AcceptedEnding::lf,
                                        AcceptedEnding::crlf, AcceptedEnding::either};
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const LinesOptions options = {
      .max_line_bytes = choices.next() % 64,
      .on_oversize = (flags & 1u) != 0 ? Oversize::skip : Oversize::fail,
      .line_ending = (flags & 2u) != 0 ? LineEnding::crlf : LineEnding::lf,
      .accepted_ending = endings[flags >> 2 & 3u],
      .terminator = (flags & 16u) != 0 ? Terminator::keep : Terminator::strip};
  try {
    const Lines codec(options);
    const unsigned seed = choices.next();
    fuzz::compare_cuts(codec, choices.rest(), seed);
    fuzz::expect_outcome(codec, choices.rest(), simple_lines(choices.rest(), options));
    fuzz::expect_round_trip(codec, choices.rest());
  } catch (const std::invalid_argument&) {
    // a line end that is sent and not understood
  }
  return 0;
}
