// Input: options, cut, then the stream. Compared with a decoder that has the whole input, too.
#include "twister/rpc/frames.hpp"

#include "cuts.hpp"

namespace {

using twister::RpcFrame;
using twister::testing_codecs::Events;

constexpr std::size_t limit = 64;

std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = width; i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  }
  return value;
}

std::string text(unsigned kind, unsigned flags, std::uint32_t number, std::uint32_t id,
                 std::string_view body) {
  return std::to_string(kind) + " " + std::to_string(flags) + " " + std::to_string(number) + " " +
         std::to_string(id) + " " + std::string(body);
}

struct Describe {
  std::string operator()(const RpcFrame& frame) const {
    return text(static_cast<unsigned>(frame.kind), frame.flags, frame.number, frame.id,
                twister::as_text(frame.body));
  }
};

// Messages up to the first error or the end, which is not said.
Events simple_frames(std::string_view input, bool begins_with_preface) {
  const std::string_view magic("twister\x01", 8);
  Events events;
  for (bool first = begins_with_preface; input.size() >= 12; first = false) {
    const bool preface = input.starts_with(magic);
    const std::size_t length = number_at(input, preface ? 8 : 0, 4);
    const auto kind = static_cast<unsigned char>(input[4]);
    if ((first && !preface) || length > limit || (!preface && kind == 0x74)) break;
    if (input.size() - 12 < length) break;
    events.push_back("message " + (preface ? text(0x74, 0, 0, 0, input.substr(12, length))
                                           : text(kind, static_cast<unsigned char>(input[5]),
                                                  number_at(input, 6, 2), number_at(input, 8, 4),
                                                  input.substr(12, length))));
    input.remove_prefix(12 + length);
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const bool begins_with_preface = (choices.next() & 1u) != 0;
  const unsigned seed = choices.next();
  const RpcFrames codec({.max_frame_bytes = limit,
                         .max_preface_bytes = limit,
                         .begins_with_preface = begins_with_preface});
  const std::string_view input = choices.rest().substr(0, 2048);
  fuzz::compare_cuts(codec, input, seed, Describe());

  Events found = testing_codecs::decode_pieces(codec, {input}, Describe());
  found.pop_back();  // the end, or an error
  fuzz::expect(found == simple_frames(input, begins_with_preface),
               "not what the simple decoder finds");

  const RpcFrames plain({.max_frame_bytes = limit, .begins_with_preface = false});
  const RpcFrame frame{
      .kind = RpcFrameKind::data, .flags = 7, .number = 8, .id = 9, .body = as_bytes(input)};
  const Events again = fuzz::round_trip(plain, frame, Describe());
  fuzz::expect(
      input.size() > limit ? again.empty() : again.front() == "message " + Describe()(frame),
      "a frame does not survive the round trip");
  return 0;
}
