#include "twister/codecs/length_prefixed.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace twister {

namespace {

// The largest body that a length field of `width` bytes can announce.
std::uint64_t largest_body(std::size_t width, bool includes_itself) noexcept {
  const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max() >> (64 - 8 * width);
  return includes_itself ? largest - width : largest;
}

std::uint8_t checked_width(std::size_t width) {
  if (width != 1 && width != 2 && width != 3 && width != 4 && width != 8) {
    throw std::invalid_argument("LengthPrefixed: width must be 1, 2, 3, 4 or 8");
  }
  return static_cast<std::uint8_t>(width);
}

}  // namespace

LengthPrefixed::LengthPrefixed(const LengthPrefixedOptions& options)
    : width_(checked_width(options.width)),
      order_(options.order),
      includes_itself_(options.includes_itself),
      skips_oversize_(options.on_oversize == Oversize::skip) {
  // A frame with its header has to be countable in memory, however large the limit is said to be.
  const std::size_t countable = std::numeric_limits<std::size_t>::max() - width_;
  const std::uint64_t sayable = largest_body(width_, includes_itself_);
  max_frame_bytes_ = static_cast<std::size_t>(
      std::min<std::uint64_t>({options.max_frame_bytes, countable, sayable}));
}

CodecError LengthPrefixed::end_frame(ByteBuffer& out, std::size_t mark) const {
  const std::size_t body = out.size() - mark - width_;
  if (body > max_frame_bytes_) {
    out.truncate(mark);
    return {CodecErrc::frame_too_long, body, max_frame_bytes_};
  }
  store(out.data() + mark, body);
  return {};
}

CodecError LengthPrefixed::finish(ByteView rest) const noexcept {
  if (state_ == State::skipping || (state_ == State::ready && !rest.empty())) {
    return {CodecErrc::truncated, rest.size()};
  }
  return sticky_error();
}

DecodeResult LengthPrefixed::resume(ByteView input) {
  if (state_ != State::skipping) {
    return {.status = DecodeResult::Status::error, .error = sticky_error()};
  }
  const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(pending_, input.size()));
  pending_ -= passed;
  if (pending_ > 0) {
    // `needed` stays 0: nobody should make room for a frame that is not wanted.
    return {.status = DecodeResult::Status::incomplete, .consumed = passed};
  }
  state_ = State::ready;
  DecodeResult result = decode(input.subspan(passed));  // one level deep: the state is ready
  result.consumed += passed;
  return result;
}

DecodeResult LengthPrefixed::refuse(std::uint64_t body, std::size_t arrived) {
  if (!skips_oversize_) {
    return fail(State::too_long, body);
  }
  const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(body, arrived));
  pending_ = body - passed;
  state_ = pending_ > 0 ? State::skipping : State::ready;
  return {.status = DecodeResult::Status::skipped,
          .consumed = width_ + passed,
          .error = {CodecErrc::frame_too_long, body, max_frame_bytes_}};
}

DecodeResult LengthPrefixed::fail(State state, std::uint64_t size) {
  state_ = state;
  pending_ = size;
  return {.status = DecodeResult::Status::error, .error = sticky_error()};
}

CodecError LengthPrefixed::sticky_error() const noexcept {
  switch (state_) {
    case State::too_long:
      return {CodecErrc::frame_too_long, pending_, max_frame_bytes_};
    case State::bad_length:
      return {CodecErrc::bad_length, pending_, width_};
    default:
      return {};
  }
}

}  // namespace twister
