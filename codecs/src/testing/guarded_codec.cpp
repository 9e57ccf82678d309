#include "guarded_codec.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

namespace twister::testing::detail {
namespace {

class GuardedCodec final : public TriedCodec {
 public:
  GuardedCodec(std::unique_ptr<TriedCodec> codec, Watch& watch)
      : codec_(std::move(codec)), watch_(watch) {}

  DecodeResult decode(ByteView input) override {
    DecodeResult result = codec_->decode(input);
    if (result.status == DecodeResult::Status::error) {
      result.consumed = 0;  // it means nothing
    } else if (result.consumed > input.size()) {
      watch_.breach = "consumed more than there was";
      result.consumed = input.size();
    }
    if (result.status == DecodeResult::Status::incomplete && result.needed > 0) {
      const std::size_t there = input.size() - result.consumed;
      const std::size_t most = std::numeric_limits<std::size_t>::max() - there;
      watch_.most_needed = std::max(watch_.most_needed, there + std::min(result.needed, most));
    }
    return result;
  }

  std::string describe() override { return codec_->describe(); }
  CodecError finish(ByteView rest) const override { return codec_->finish(rest); }
  CodecError encode(std::size_t message, ByteBuffer& out) override {
    return codec_->encode(message, out);
  }
  CodecError encode_in_place(std::size_t message, ByteBuffer& out) override {
    return codec_->encode_in_place(message, out);
  }
  std::optional<bool> equals(std::size_t message) override { return codec_->equals(message); }

 private:
  const std::unique_ptr<TriedCodec> codec_;
  Watch& watch_;
};

}  // namespace

CodecTrial::Make guarded(CodecTrial::Make make, Watch& watch) {
  if (!make) {
    return {};
  }
  return [make = std::move(make), &watch] { return std::make_unique<GuardedCodec>(make(), watch); };
}

}  // namespace twister::testing::detail
