// Input: options, cut, then the stream. What is decoded is encoded and decoded again, and compared
// with what nlohmann's own parser and printer make of the same text.
#include "twister/codecs/json.hpp"

#include "cuts.hpp"

namespace {

using nlohmann::json;

struct Dump {
  std::string operator()(const json& value) const { return value.dump(); }
};

void check_frame(std::string_view text) {
  using namespace twister;
  Json payload;
  if (payload.decode(as_bytes(text))) {
    return;
  }
  fuzz::expect(payload.message() == json::parse(text), "parsed differently from nlohmann");
  ByteBuffer out;
  fuzz::expect(!payload.encode(payload.message(), out), "what was decoded cannot be encoded");
  fuzz::expect(json::parse(as_text(out.view())) == payload.message(), "written wrongly");
  fuzz::expect(as_text(out.view()).find('\n') == std::string_view::npos, "a line feed was written");
  Json again;
  fuzz::expect(!again.decode(out.view()), "what was encoded cannot be decoded");
  fuzz::expect(again.message().dump() == payload.message().dump(), "changed by the round trip");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const unsigned seed = choices.next();
  const JsonLines codec(Lines({.max_line_bytes = 512,
                               .on_oversize = (flags & 1u) != 0 ? Oversize::skip : Oversize::fail}),
                        Json({.max_depth = 8}),
                        (flags & 2u) != 0 ? BadPayload::skip : BadPayload::fail);
  fuzz::compare_cuts(codec, choices.rest(), seed, Dump());
  check_frame(choices.rest());
  return 0;
}
