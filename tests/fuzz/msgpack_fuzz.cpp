// Input: options, cut, then the stream. One frame is also compared with what nlohmann's own reader and
// writer make of it, which accept more: any depth, and strings that are not UTF-8.
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/msgpack.hpp"

#include "cuts.hpp"
#include "msgpack_values.hpp"

namespace {

using nlohmann::json;
using twister::testing_codecs::msgpack_text;

struct ValueText {
  std::string operator()(const json& value) const { return msgpack_text(value); }
};

bool is_limit_or_text(twister::CodecErrc code) {
  using twister::CodecErrc;
  return code == CodecErrc::too_deep || code == CodecErrc::too_many_items ||
         code == CodecErrc::invalid_utf8;
}

void check_frame(std::string_view frame) {
  using namespace twister;
  Msgpack payload;
  const CodecError error = payload.decode(as_bytes(frame));
  const json theirs = json::from_msgpack(frame, true, false);
  if (error) {
    fuzz::expect(theirs.is_discarded() || is_limit_or_text(error.code), "refused without a reason");
    return;
  }
  const std::string text = msgpack_text(payload.message());
  fuzz::expect(!theirs.is_discarded() && text == msgpack_text(theirs),
               "read differently from nlohmann");

  ByteBuffer out;
  fuzz::expect(!payload.encode(payload.message(), out), "what was decoded cannot be encoded");
  fuzz::expect(out.size() <= frame.size(), "not the shortest form");
  if (text.find("$float") == text.npos) {  // infinities and NaN, which nlohmann writes in 64 bits
    const auto written = json::to_msgpack(payload.message());
    fuzz::expect(
        as_text(out.view()) ==
            std::string_view(reinterpret_cast<const char*>(written.data()), written.size()),
        "written differently from nlohmann");
  }
  Msgpack again;
  fuzz::expect(!again.decode(out.view()), "what was encoded cannot be decoded");
  fuzz::expect(msgpack_text(again.message()) == text, "changed by the round trip");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const unsigned seed = choices.next();
  const Framed<LengthPrefixed, Msgpack> codec(
      LengthPrefixed({.width = 1,
                      .max_frame_bytes = 200,
                      .on_oversize = (flags & 1u) != 0 ? Oversize::skip : Oversize::fail}),
      Msgpack({.max_depth = 4, .max_items = 20}),
      (flags & 2u) != 0 ? BadPayload::skip : BadPayload::fail);
  fuzz::compare_cuts(codec, choices.rest(), seed, ValueText());
  check_frame(choices.rest().substr(0, 1024));  // nlohmann recurses
  return 0;
}
