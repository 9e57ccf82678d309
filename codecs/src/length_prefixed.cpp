#include "twister/codecs/length_prefixed.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace twister {

namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

// Of a header, before the length field or stripped: more would be a body.
constexpr std::size_t max_header_bytes = 1024;

constexpr std::byte zeros[max_header_bytes]{};

std::uint8_t checked_width(std::size_t width) {
  if (width != 1 && width != 2 && width != 3 && width != 4 && width != 8) {
    throw std::invalid_argument("LengthPrefixed: width " + std::to_string(width) +
                                " is none of 1, 2, 3, 4 and 8");
  }
  return static_cast<std::uint8_t>(width);
}

std::uint16_t checked_bytes(const char* option, std::size_t bytes) {
  if (bytes > max_header_bytes) {
    throw std::invalid_argument(std::string("LengthPrefixed: ") + option + " " +
                                std::to_string(bytes) + " is over " +
                                std::to_string(max_header_bytes));
  }
  return static_cast<std::uint16_t>(bytes);
}

// length + adjustment, or the nearest number that there is.
std::uint64_t adjusted(std::uint64_t length, std::int64_t adjustment) noexcept {
  if (adjustment < 0) {
    const auto less = static_cast<std::uint64_t>(-adjustment);
    return length < less ? 0 : length - less;
  }
  const auto more = static_cast<std::uint64_t>(adjustment);
  return length > largest - more ? largest : length + more;
}

}  // namespace

LengthPrefixed::LengthPrefixed(const LengthPrefixedOptions& options)
    : adjustment_(options.length_adjustment),
      offset_(checked_bytes("length_offset", options.length_offset)),
      width_(checked_width(options.width)),
      self_bytes_(options.includes_itself ? width_ : 0),
      order_(options.order),
      skips_oversize_(options.on_oversize == Oversize::skip) {
  stripped_ = checked_bytes("stripped_bytes", options.stripped_bytes.value_or(header_bytes()));
  is_plain_ = offset_ == 0 && adjustment_ == 0 && stripped_ == width_;
  state_ = is_plain_ ? State::ready : State::ready_with_header;

  // A frame with its header has to be countable in memory, however large the limit is said to be.
  const std::size_t countable = std::numeric_limits<std::size_t>::max() - header_bytes();
  const std::uint64_t largest_length = largest >> (64 - 8 * width_);
  max_frame_bytes_ = static_cast<std::size_t>(std::min<std::uint64_t>(
      {options.max_frame_bytes, countable, adjusted(largest_length, adjustment())}));
  if (least_length() > largest_length ||
      adjusted(least_length(), adjustment()) > max_frame_bytes_) {
    throw std::invalid_argument("LengthPrefixed: no frame meets length_adjustment " +
                                std::to_string(adjustment_) + " and stripped_bytes " +
                                std::to_string(stripped_) + " within max_frame_bytes " +
                                std::to_string(max_frame_bytes_));
  }
}

CodecError LengthPrefixed::end_frame(ByteBuffer& out, std::size_t mark) const {
  if (!is_plain_) [[unlikely]] {
    return end_frame_with_header(out, mark);
  }
  const std::size_t body = out.size() - mark - width_;
  if (body > max_frame_bytes_) {
    out.truncate(mark);
    return {CodecErrc::frame_too_long, body, max_frame_bytes_};
  }
  store(out.data() + mark, body);
  return {};
}

CodecError LengthPrefixed::finish(ByteView rest) const noexcept {
  const bool is_ready = state_ == State::ready || state_ == State::ready_with_header;
  if (state_ == State::skipping || (is_ready && !rest.empty())) {
    return {CodecErrc::truncated, rest.size()};
  }
  return sticky_error();
}

DecodeResult LengthPrefixed::resume(ByteView input) {
  if (state_ == State::ready_with_header) {
    return decode_with_header(input);
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
  state_ = is_plain_ ? State::ready : State::ready_with_header;
  DecodeResult result = decode(input.subspan(passed));  // does not come back here to skip
  result.consumed += passed;
  return result;
}

DecodeResult LengthPrefixed::decode_with_header(ByteView input) {
  const std::size_t header = header_bytes();
  if (input.size() < header) {
    return {.status = DecodeResult::Status::incomplete, .needed = header - input.size()};
  }
  const std::uint64_t length = load(input.data() + offset_);
  if (length < least_length()) {
    return fail(State::bad_length, length);
  }
  const std::uint64_t following = adjusted(length, adjustment());
  const std::size_t arrived = input.size() - header;
  if (following > max_frame_bytes_) {
    return refuse(header, following, arrived);
  }
  const auto body = static_cast<std::size_t>(following);  // fits: it is within the limit
  if (arrived < body) {
    return {.status = DecodeResult::Status::incomplete, .needed = body - arrived};
  }
  frame_ = input.subspan(stripped_, header + body - stripped_);
  return {.status = DecodeResult::Status::message, .consumed = header + body, .frame = frame_};
}

CodecError LengthPrefixed::encode_with_header(ByteView message, ByteBuffer& out) const {
  if (const CodecError error = check(message.size())) {
    return error;
  }
  const std::size_t mark = out.size();
  const std::size_t size = message.size();
  out.append(ByteView(zeros, stripped_), message);
  store_with_header(out.data() + mark, size);
  return {};
}

CodecError LengthPrefixed::end_frame_with_header(ByteBuffer& out, std::size_t mark) const {
  const std::size_t message = out.size() - mark - stripped_;
  if (const CodecError error = check(message)) {
    out.truncate(mark);
    return error;
  }
  std::byte* const frame = out.data() + mark;
  std::fill_n(frame, stripped_, std::byte{});
  store_with_header(frame, message);
  return {};
}

DecodeResult LengthPrefixed::refuse(std::size_t header, std::uint64_t body, std::size_t arrived) {
  if (!skips_oversize_) {
    return fail(State::too_long, body);
  }
  const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(body, arrived));
  pending_ = body - passed;
  if (pending_ > 0) {
    state_ = State::skipping;
  }
  return {.status = DecodeResult::Status::skipped,
          .consumed = header + passed,
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
      return {CodecErrc::bad_length, pending_, least_length()};
    default:
      return {};
  }
}

// What a length has to be at least, so that it counts what it has to count and all that is stripped
// is there.
std::uint64_t LengthPrefixed::least_length() const noexcept {
  const std::size_t header = header_bytes();
  const std::int64_t stripped_body = stripped_ > header ? std::int64_t(stripped_ - header) : 0;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(stripped_body - adjustment(), 0));
}

// Whether a message of so many bytes can be sent. A part of the length field that is not stripped is
// among them.
CodecError LengthPrefixed::check(std::size_t message) const noexcept {
  const std::size_t header = header_bytes();
  if (message + stripped_ < header) {
    return {CodecErrc::unencodable, message, header - stripped_};
  }
  const std::size_t body = message + stripped_ - header;
  if (body > max_frame_bytes_) {
    return {CodecErrc::frame_too_long, body, max_frame_bytes_};
  }
  if (adjustment() > 0 && body < static_cast<std::uint64_t>(adjustment())) {
    return {CodecErrc::unencodable, message, static_cast<std::uint64_t>(adjustment())};
  }
  return {};
}

void LengthPrefixed::store_with_header(std::byte* frame, std::size_t message) const noexcept {
  const std::uint64_t body = message + stripped_ - header_bytes();
  const std::uint64_t length = adjusted(body, -adjustment());
  store(frame + offset_, length - self_bytes_);  // store() adds them again, modulo 2^64
}

}  // namespace twister
