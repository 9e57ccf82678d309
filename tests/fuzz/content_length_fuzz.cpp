// Input: options, cut, then the stream. The result is also compared with a decoder so simple that
// it can be seen to be right: it has the whole input.
#include <cctype>
#include <optional>

#include "twister/codecs/content_length.hpp"

#include "cuts.hpp"

namespace {

using twister::testing_codecs::Events;

constexpr std::size_t header_limit = 64;

// The number of a Content-Length, no number for another field, nothing for what is no field.
std::optional<std::optional<std::uint64_t>> simple_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == line.npos) return std::nullopt;
  std::string name;
  for (const char c : line.substr(0, colon)) {
    if (!std::isalnum(static_cast<unsigned char>(c)) &&
        std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) {
      return std::nullopt;
    }
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  std::string value(line.substr(colon + 1));
  for (const char c : value) {
    if (c != '\t' && std::iscntrl(static_cast<unsigned char>(c))) return std::nullopt;
  }
  if (name != "content-length") return std::optional<std::uint64_t>();
  value.erase(0, value.find_first_not_of(" \t"));
  value.erase(value.find_last_not_of(" \t") + 1);
  if (value.empty() || value.find_first_not_of("0123456789") != value.npos) return std::nullopt;
  value.erase(0, value.find_first_not_of('0'));
  if (value.size() > 20 || (value.size() == 20 && value > "18446744073709551615")) {
    return std::nullopt;
  }
  return value.empty() ? 0 : std::stoull(value);
}

std::string bad_length(std::size_t at) {
  return "error no length where one has to be, at byte " + std::to_string(at);
}

Events simple_decoder(std::string_view input, std::uint64_t limit, bool skip) {
  Events events;
  while (!input.empty()) {
    std::optional<std::uint64_t> length;
    std::size_t at = 0;
    for (bool complete = false; !complete;) {
      const std::size_t end = input.find('\n', at);
      if (end == input.npos || end >= header_limit) {
        if (input.size() >= header_limit) {
          events.push_back("error line of at least 65 bytes exceeds max_line_bytes 64");
        } else {
          events.push_back("end stream ended inside a message, " + std::to_string(input.size()) +
                           " bytes into it");
        }
        return events;
      }
      std::string_view line = input.substr(at, end - at);
      if (!line.ends_with('\r')) return events.push_back(bad_length(at)), events;
      line.remove_suffix(1);
      complete = line.empty();
      const auto field = complete ? std::nullopt : simple_field(line);
      if (complete ? !length : !field || (*field && length && **field != *length)) {
        return events.push_back(bad_length(at)), events;
      }
      if (!complete && *field) length = *field;
      at = end + 1;
    }
    const std::string too_long = "frame of " + std::to_string(*length) +
                                 " bytes exceeds max_frame_bytes " + std::to_string(limit);
    const std::string_view body = input.substr(at);
    if (*length > limit && !skip) return events.push_back("error " + too_long), events;
    if (*length > limit) events.push_back("skipped " + too_long);
    if (body.size() < *length) {
      events.push_back("end stream ended inside a message, " +
                       std::to_string(*length > limit ? 0 : input.size()) + " bytes into it");
      return events;
    }
    if (*length <= limit) events.push_back("message " + std::string(body.substr(0, *length)));
    input = body.substr(*length);
  }
  events.push_back("end");
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const bool skip = (choices.next() & 1u) != 0;
  const std::size_t limit = choices.next() % 64;
  const unsigned seed = choices.next();
  const ContentLength codec({.max_frame_bytes = limit,
                             .max_header_bytes = header_limit,
                             .on_oversize = skip ? Oversize::skip : Oversize::fail});
  fuzz::compare_cuts(codec, choices.rest(), seed);
  fuzz::expect(testing_codecs::decode_pieces(codec, {choices.rest()}) ==
                   simple_decoder(choices.rest(), limit, skip),
               "differs from the simple decoder");

  const auto again = fuzz::round_trip(codec, as_bytes(choices.rest()));
  fuzz::expect(again.empty() || again == Events{"message " + std::string(choices.rest()), "end"},
               "a body does not survive the round trip");
  return 0;
}
