// Input: options, delimiters (a count, then a size and so many bytes for each), cut, then the
// stream, which a simple decoder reads too.
#include <stdexcept>

#include "twister/codecs/delimited.hpp"

#include "cuts.hpp"

namespace {

using namespace twister;
using testing_codecs::Events;

struct Found {
  std::size_t at = std::string_view::npos;
  std::size_t size = 0;
};

// The delimiter that begins first, and of those the first in the list.
Found find(std::string_view input, const std::vector<std::string>& delimiters) {
  Found first;
  for (const std::string& each : delimiters) {
    if (const std::size_t at = input.find(each); at < first.at) {
      first = {at, each.size()};
    }
  }
  return first;
}

// Bytes at the end of `input` that may be the beginning of a delimiter.
std::size_t begun(std::string_view input, const std::vector<std::string>& delimiters) {
  std::size_t most = 0;
  for (const std::string& each : delimiters) {
    for (std::size_t size = 1; size < each.size(); ++size) {
      if (input.ends_with(std::string_view(each).substr(0, size))) {
        most = std::max(most, size);
      }
    }
  }
  return most;
}

Events simple_delimited(std::string_view input, const DelimitedOptions& options) {
  const std::size_t limit = options.max_frame_bytes;
  const bool skip = options.on_oversize == Oversize::skip;
  const CodecError too_long = {CodecErrc::frame_too_long, limit + 1, limit};
  Events events;
  while (!input.empty()) {
    const Found end = find(input, options.delimiters);
    const bool ends = end.size > 0;
    const std::size_t frame = ends ? end.at : input.size() - begun(input, options.delimiters);
    if (frame > limit) {
      events.push_back((skip ? "skipped " : "error ") + too_long.message());
      if (!skip) {
        return events;
      }
    } else if (ends) {
      const bool keep = options.terminator == Terminator::keep;
      events.push_back(fuzz::message_of(input.substr(0, keep ? end.at + end.size : end.at)));
    }
    if (!ends) {
      events.push_back(fuzz::end_inside(frame > limit ? 0 : input.size()));
      return events;
    }
    input.remove_prefix(end.at + end.size);
  }
  events.emplace_back("end");
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  DelimitedOptions options;
  options.on_oversize = (flags & 1u) != 0 ? Oversize::skip : Oversize::fail;
  options.terminator = (flags & 2u) != 0 ? Terminator::keep : Terminator::strip;
  options.max_frame_bytes = choices.next() % 64;
  for (unsigned count = choices.next() % 5; count > 0; --count) {
    std::string& delimiter = options.delimiters.emplace_back();
    for (unsigned bytes = choices.next() % 6; bytes > 0; --bytes) {
      delimiter += static_cast<char>(choices.next());
    }
  }
  try {
    const Delimited codec(options);
    const unsigned seed = choices.next();
    fuzz::compare_cuts(codec, choices.rest(), seed);
    fuzz::expect_outcome(codec, choices.rest(), simple_delimited(choices.rest(), options));
    fuzz::expect_round_trip(codec, choices.rest());
  } catch (const std::invalid_argument&) {
    // delimiters that do not go together
  }
  return 0;
}
