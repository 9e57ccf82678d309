#include "twister/codecs/varint.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "twister/codecs/detail/rollback.hpp"

#include "late_header.hpp"

namespace twister {

namespace {

std::uint8_t checked_length_bytes(std::size_t bytes) {
  if (bytes != 5 && bytes != 10) {
    throw std::invalid_argument("Varint: max_length_bytes " + std::to_string(bytes) +
                                " is neither 5 nor 10");
  }
  return static_cast<std::uint8_t>(bytes);
}

}  // namespace

Varint::Varint(const VarintOptions& options)
    : max_length_bytes_(checked_length_bytes(options.max_length_bytes)),
      skips_oversize_(options.on_oversize == Oversize::skip) {
  // A frame with its header has to be countable in memory, however large the limit is said to be.
  const std::size_t countable = std::numeric_limits<std::size_t>::max() - detail::max_varint_bytes;
  const std::uint64_t sayable = max_length_bytes_ == 5 ? std::numeric_limits<std::uint32_t>::max()
                                                       : std::numeric_limits<std::uint64_t>::max();
  max_frame_bytes_ = static_cast<std::size_t>(
      std::min<std::uint64_t>({options.max_frame_bytes, countable, sayable}));
}

CodecError Varint::end_frame(ByteBuffer& out, std::size_t mark) const {
  const std::size_t body = out.size() - mark - 1;
  if (body > max_frame_bytes_) {
    out.truncate(mark);
    return {CodecErrc::frame_too_long, body, max_frame_bytes_};
  }
  std::byte length[detail::max_varint_bytes];
  detail::Rollback rollback(out, mark);
  detail::put_header(out, mark, 1, ByteView(length, detail::store_varint(length, body)));
  rollback.keep();
  return {};
}

CodecError Varint::finish(ByteView rest) const noexcept {
  if (state_ == State::skipping || (state_ == State::ready && !rest.empty())) {
    return {CodecErrc::truncated, rest.size()};
  }
  return sticky_error();
}

// A length of any width. All of it has to be there before it is judged: a last byte of zero makes
// malformed what the others say.
DecodeResult Varint::decode_long(ByteView input) {
  // The last byte that there may be is not all used: 5 * 7 bits are 3 more than 32, 10 * 7 are 6
  // more than 64.
  const std::uint64_t largest_last = max_length_bytes_ == 5 ? 0x0f : 0x01;
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const auto byte = std::to_integer<std::uint64_t>(input[i]);
    if ((i + 1 == max_length_bytes_ && byte > largest_last) || (i > 0 && byte == 0)) {
      return fail(State::malformed, i);
    }
    length |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      return take(input, i + 1, length);
    }
  }
  return {.status = DecodeResult::Status::incomplete, .needed = 1};
}

DecodeResult Varint::resume(ByteView input) {
  if (state_ == State::ready) {
    return {.status = DecodeResult::Status::incomplete, .needed = 1};
  }
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

DecodeResult Varint::refuse(std::size_t width, std::uint64_t body, std::size_t arrived) {
  if (!skips_oversize_) {
    return fail(State::too_long, body);
  }
  const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(body, arrived));
  pending_ = body - passed;
  state_ = pending_ > 0 ? State::skipping : State::ready;
  return {.status = DecodeResult::Status::skipped,
          .consumed = width + passed,
          .error = {CodecErrc::frame_too_long, body, max_frame_bytes_}};
}

DecodeResult Varint::fail(State state, std::uint64_t size) {
  state_ = state;
  pending_ = size;
  return {.status = DecodeResult::Status::error, .error = sticky_error()};
}

CodecError Varint::sticky_error() const noexcept {
  switch (state_) {
    case State::too_long:
      return {CodecErrc::frame_too_long, pending_, max_frame_bytes_};
    case State::malformed:
      return {CodecErrc::malformed_varint, pending_, max_length_bytes_};
    default:
      return {};
  }
}

}  // namespace twister
