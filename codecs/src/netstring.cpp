#include "twister/codecs/netstring.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "twister/codecs/detail/rollback.hpp"

#include "late_header.hpp"

namespace twister {

namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t longest_header = 21;  // 20 digits and a colon
constexpr std::size_t reserved_header = 3;

// A length and its colon.
struct Header {
  explicit Header(std::size_t body) noexcept {
    char* const end = std::to_chars(text, text + longest_header - 1, body).ptr;
    *end = ':';
    size = static_cast<std::size_t>(end - text) + 1;
  }
  ByteView view() const noexcept { return as_bytes({text, size}); }

  char text[longest_header];
  std::size_t size;
};

}  // namespace

Netstring::Netstring(const NetstringOptions& options) noexcept
    // A frame with its header and its comma has to be countable in memory.
    : max_frame_bytes_(std::min(options.max_frame_bytes,
                                std::numeric_limits<std::size_t>::max() - longest_header - 1)),
      skips_oversize_(options.on_oversize == Oversize::skip) {}

DecodeResult Netstring::decode(ByteView input) {
  if (state_ == State::ready) {
    return decode_frame(input);
  }
  if (state_ != State::skipping) {
    return {.status = DecodeResult::Status::error, .error = sticky_error()};
  }
  const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(pending_, input.size()));
  pending_ -= passed;
  if (passed == input.size()) {
    // `needed` stays 0: nobody should make room for a frame that is not wanted.
    return {.status = DecodeResult::Status::incomplete, .consumed = passed};
  }
  if (input[passed] != std::byte{','}) {
    return fail(State::malformed);
  }
  state_ = State::ready;
  DecodeResult result = decode_frame(input.subspan(passed + 1));
  result.consumed += passed + 1;
  return result;
}

// The digits, of which there are at most 20, are read again until the body is there.
DecodeResult Netstring::decode_frame(ByteView input) {
  std::uint64_t length = 0;
  for (std::size_t at = 0; at < input.size(); ++at) {
    const auto byte = std::to_integer<unsigned char>(input[at]);
    if (byte == ':' && at > 0) {
      return decode_body(input, at + 1, length);
    }
    const bool follows_zero = at == 1 && length == 0;
    if (byte < '0' || byte > '9' || follows_zero) {
      return fail(State::malformed);
    }
    const std::uint64_t digit = byte - std::uint64_t{'0'};
    if (length > (largest - digit) / 10) {
      return fail(State::malformed);
    }
    length = 10 * length + digit;
    if (length > max_frame_bytes_ && !skips_oversize_) {
      return fail(State::too_long, length);
    }
  }
  // The shortest netstring is "0:,", the shortest end of one that has begun is ":,".
  return {.status = DecodeResult::Status::incomplete, .needed = input.empty() ? 3u : 2u};
}

DecodeResult Netstring::decode_body(ByteView input, std::size_t header, std::uint64_t length) {
  const std::size_t arrived = input.size() - header;
  if (length > max_frame_bytes_) {
    const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(length, arrived));
    pending_ = length - passed;
    state_ = State::skipping;  // at least the comma is still to come
    return {.status = DecodeResult::Status::skipped,
            .consumed = header + passed,
            .error = {CodecErrc::frame_too_long, length, max_frame_bytes_}};
  }
  const auto body = static_cast<std::size_t>(length);  // fits: it is within the limit
  if (arrived <= body) {
    return {.status = DecodeResult::Status::incomplete, .needed = body + 1 - arrived};
  }
  if (input[header + body] != std::byte{','}) {
    return fail(State::malformed);
  }
  frame_ = input.subspan(header, body);
  return {.status = DecodeResult::Status::message, .consumed = header + body + 1, .frame = frame_};
}

CodecError Netstring::encode(ByteView body, ByteBuffer& out) const {
  if (body.size() > max_frame_bytes_) {
    return {CodecErrc::frame_too_long, body.size(), max_frame_bytes_};
  }
  const Header header(body.size());
  detail::Rollback rollback(out);
  out.append(header.view(), body);
  out.push_back(std::byte{','});
  rollback.keep();
  return {};
}

std::size_t Netstring::begin_frame(ByteBuffer& out) const {
  const std::size_t mark = out.size();
  out.prepare(reserved_header);  // what is in it does not matter: end_frame fills it in
  out.commit(reserved_header);
  return mark;
}

CodecError Netstring::end_frame(ByteBuffer& out, std::size_t mark) const {
  const std::size_t body = out.size() - mark - reserved_header;
  if (body > max_frame_bytes_) {
    out.truncate(mark);
    return {CodecErrc::frame_too_long, body, max_frame_bytes_};
  }
  detail::Rollback rollback(out, mark);
  detail::put_header(out, mark, reserved_header, Header(body).view());
  out.push_back(std::byte{','});
  rollback.keep();
  return {};
}

CodecError Netstring::finish(ByteView rest) const noexcept {
  if (state_ == State::skipping || (state_ == State::ready && !rest.empty())) {
    return {CodecErrc::truncated, rest.size()};
  }
  return sticky_error();
}

DecodeResult Netstring::fail(State state, std::uint64_t size) {
  state_ = state;
  pending_ = size;
  return {.status = DecodeResult::Status::error, .error = sticky_error()};
}

CodecError Netstring::sticky_error() const noexcept {
  switch (state_) {
    case State::too_long:
      return {CodecErrc::frame_too_long, pending_, max_frame_bytes_};
    case State::malformed:
      return {CodecErrc::malformed_netstring};
    default:
      return {};
  }
}

}  // namespace twister
