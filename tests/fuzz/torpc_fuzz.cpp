// Input: options, cut, then the stream. What is decoded is encoded and decoded again, which must give
// the same; frames are also found by a reader so simple that it can be seen to be right.
#include <twister/rpc/torpc_codec.hpp>

#include "cuts.hpp"

namespace {

using nlohmann::json;

constexpr std::size_t limit = 512;

struct Describe {
  std::string operator()(const twister::TorpcMessage& message) const {
    return std::to_string(static_cast<int>(message.type)) + " " + std::to_string(message.id) + " " +
           message.body.dump(-1, ' ', false, json::error_handler_t::replace);
  }
};

// How many frames there are, whatever is in them, and whether a length ends the stream.
struct SimpleFrames {
  explicit SimpleFrames(std::string_view input) {
    while (input.size() >= 4) {
      std::uint32_t length = 0;
      for (std::size_t i = 0; i < 4; ++i)
        length = length << 8 | static_cast<unsigned char>(input[i]);
      if (length > limit && input.size() >= 9) too_long = true;
      if (length > limit || input.size() < 9 + length) return;
      ++count;
      input.remove_prefix(9 + length);
    }
  }
  std::size_t count = 0;
  bool too_long = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const unsigned seed = choices.next();
  const TorpcCodec codec = torpc_codec(limit, {.max_depth = 8, .max_items = 64});
  const std::string_view input = choices.rest().substr(0, 2048);
  fuzz::compare_cuts(codec, input, seed, Describe());

  std::size_t frames = 0;
  bool failed = false;
  for (const std::string& event : testing_codecs::decode_pieces(codec, {input}, Describe())) {
    failed = failed || event.rfind("error ", 0) == 0;
    if (event.rfind("end", 0) != 0 && event.rfind("error ", 0) != 0) ++frames;
  }
  const SimpleFrames simple(input);
  fuzz::expect(frames == simple.count, "other frames than the simple reader's");
  fuzz::expect(failed || !simple.too_long, "a length over the limit passed");

  TorpcCodec again = codec;
  for (std::string_view rest = input;;) {
    const DecodeResult result = again.decode(as_bytes(rest));
    if (result.status == DecodeResult::Status::error ||
        result.status == DecodeResult::Status::incomplete) {
      break;
    }
    rest.remove_prefix(result.consumed);
    if (result.status == DecodeResult::Status::skipped) continue;
    const TorpcMessage message = again.message();
    ByteBuffer wire;
    TorpcCodec other = torpc_codec(64 * limit, {.max_depth = 8, .max_items = 64});
    if (other.encode(message, wire)) continue;  // an ext has no old form
    fuzz::expect(other.decode(wire.view()).status == DecodeResult::Status::message,
                 "what was sent cannot be read");
    ByteBuffer second;
    fuzz::expect(!other.encode(TorpcMessage(other.message()), second), "not sent twice");
    fuzz::expect(as_text(second.view()) == as_text(wire.view()), "changed by the round trip");
  }
  return 0;
}
