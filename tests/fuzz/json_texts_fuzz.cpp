// Input: options, cut, then the stream, which a simple decoder reads too.
#include "twister/codecs/json_texts.hpp"

#include "cuts.hpp"

namespace {

using namespace twister;
using testing_codecs::Events;

// The strings of a stream blotted out, so that every bracket that is left counts.
std::string without_strings(std::string_view input) {
  std::string text(input);
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char byte = text[i];
    if (byte == '"') {
      in_string = !in_string;
    } else if (in_string) {
      text[i] = '.';
      if (byte == '\\' && i + 1 < text.size()) {
        text[++i] = '.';
      }
    }
  }
  return text;
}

Events simple_json_texts(std::string_view input, const JsonTextsOptions& options) {
  const std::size_t limit = options.max_frame_bytes;
  const bool skip = options.on_oversize == Oversize::skip;
  const CodecError too_long = {CodecErrc::frame_too_long, limit + 1, limit};
  const std::size_t max_depth = options.max_depth.value_or(input.size());
  const CodecError too_deep = {CodecErrc::too_deep, max_depth + 1, max_depth};
  Events events;
  for (;;) {
    input.remove_prefix(std::min(input.find_first_not_of(" \t\r\n"), input.size()));
    if (input.empty()) {
      events.emplace_back("end");
      return events;
    }
    if (input.front() != '{' && input.front() != '[') {
      events.push_back("error " + CodecError{CodecErrc::malformed_json, 0}.message());
      return events;
    }
    const std::string text = without_strings(input);
    std::size_t depth = 0;
    std::size_t end = 0;
    std::size_t deep_at = text.size() + 1;  // bytes up to the bracket that leads too deep
    for (std::size_t i = 0; i < text.size() && end == 0; ++i) {
      if (text[i] == '{' || text[i] == '[') {
        if (++depth > max_depth) {
          deep_at = std::min(deep_at, i + 1);
        }
      } else if ((text[i] == '}' || text[i] == ']') && --depth == 0) {
        end = i + 1;
      }
    }
    const std::size_t at_least = end > 0 ? end : text.size() + 1;
    const bool is_deep = deep_at <= std::min(text.size(), std::max<std::size_t>(limit, 1));
    if (is_deep || at_least > limit) {
      events.push_back((skip ? "skipped " : "error ") + (is_deep ? too_deep : too_long).message());
      if (!skip) {
        return events;
      }
    } else if (end > 0) {
      events.push_back(fuzz::message_of(input.substr(0, end)));
    }
    if (end == 0) {
      events.push_back(fuzz::end_inside(is_deep || at_least > limit ? 0 : input.size()));
      return events;
    }
    input.remove_prefix(end);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  JsonTextsOptions options;
  options.max_frame_bytes = choices.next() % 64u;
  options.on_oversize = (flags & 1u) != 0 ? Oversize::skip : Oversize::fail;
  if ((flags & 2u) != 0) {
    options.max_depth = flags >> 2 & 7u;
  }
  const JsonTexts codec(options);
  const unsigned seed = choices.next();
  fuzz::compare_cuts(codec, choices.rest(), seed);
  fuzz::expect_outcome(codec, choices.rest(), simple_json_texts(choices.rest(), options));
  fuzz::expect_round_trip(codec, choices.rest());
  return 0;
}
