#include "twister/codecs/json_texts.hpp"

#include <algorithm>
#include <limits>

namespace twister {

namespace {

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

bool is_blank(std::byte byte) noexcept {
  return byte == std::byte{' '} || byte == std::byte{'\n'} || byte == std::byte{'\r'} ||
         byte == std::byte{'\t'};
}

std::size_t blanks(ByteView bytes) noexcept {
  std::size_t count = 0;
  while (count < bytes.size() && is_blank(bytes[count])) {
    ++count;
  }
  return count;
}

}  // namespace

JsonTexts::JsonTexts(const JsonTextsOptions& options) noexcept
    // One byte more has to be countable.
    : max_frame_bytes_(std::min(options.max_frame_bytes, no_limit - 1)),
      max_depth_(options.max_depth.value_or(no_limit)),
      skips_oversize_(options.on_oversize == Oversize::skip) {}

// Between calls `position_` counts from the first byte that was not consumed.
DecodeResult JsonTexts::decode(ByteView input) {
  if (state_ == State::failed) {
    return {.status = DecodeResult::Status::error, .error = error_of(failure_)};
  }
  std::size_t passed = 0;
  if (state_ == State::skipping) {
    const Verdict verdict = find_end(input, position_, no_limit, no_limit);
    passed = position_.at;
    position_.at = 0;
    if (verdict == Verdict::open) {
      return {.status = DecodeResult::Status::incomplete, .consumed = passed};
    }
    position_ = {};
    state_ = State::ready;
  }
  if (position_.at == 0) {
    passed += blanks(input.subspan(passed));
  }

  const ByteView text = input.subspan(passed);
  const Verdict verdict = find_end(text, position_, max_frame_bytes_, max_depth_);
  if (verdict == Verdict::open) {
    return {.status = DecodeResult::Status::incomplete, .consumed = passed};
  }
  if (verdict != Verdict::ended) {
    return refuse(passed, verdict);
  }
  frame_ = text.first(position_.at);
  position_ = {};
  return {
      .status = DecodeResult::Status::message, .consumed = passed + frame_.size(), .frame = frame_};
}

// What was looked at of the text is stepped over.
DecodeResult JsonTexts::refuse(std::size_t passed, Verdict verdict) {
  if (!skips_oversize_ || verdict == Verdict::malformed) {
    state_ = State::failed;
    failure_ = verdict;
    return {.status = DecodeResult::Status::error, .error = error_of(verdict)};
  }
  passed += position_.at;
  position_.at = 0;
  state_ = State::skipping;
  return {.status = DecodeResult::Status::skipped, .consumed = passed, .error = error_of(verdict)};
}

// Goes on at `position` until the text at the front of `text` ends, or cannot be within the limits.
// No more than `max_bytes` are looked at, but one.
JsonTexts::Verdict JsonTexts::find_end(ByteView text, Position& position, std::size_t max_bytes,
                                       std::size_t max_depth) noexcept {
  const std::size_t end = std::min(text.size(), std::max<std::size_t>(max_bytes, 1));
  Position now = position;  // a copy that may live in registers
  Verdict verdict = Verdict::open;
  if (now.depth == 0 && end > 0 && text[0] != std::byte{'{'} && text[0] != std::byte{'['}) {
    return Verdict::malformed;
  }
  while (now.at < end && verdict == Verdict::open) {
    const auto byte = std::to_integer<unsigned char>(text[now.at]);
    ++now.at;
    if (now.in_string) {
      if (now.escaped) {
        now.escaped = false;
      } else if (byte == '\\') {
        now.escaped = true;
      } else if (byte == '"') {
        now.in_string = false;
      }
    } else if (byte == '"') {
      now.in_string = true;
    } else if (byte == '{' || byte == '[') {
      ++now.depth;
      verdict = now.depth > max_depth ? Verdict::too_deep : Verdict::open;
    } else if (byte == '}' || byte == ']') {
      --now.depth;
      verdict = now.depth == 0 ? Verdict::ended : Verdict::open;
    }
  }
  position = now;
  return verdict == Verdict::open && now.at > 0 && now.at >= max_bytes ? Verdict::too_long
                                                                       : verdict;
}

CodecError JsonTexts::encode(ByteView text, ByteBuffer& out) const {
  if (const CodecError error = check(text)) {
    return error;
  }
  out.append(text);
  return {};
}

CodecError JsonTexts::end_frame(ByteBuffer& out, std::size_t mark) const {
  const CodecError error = check(out.view().subspan(mark));
  if (error) {
    out.truncate(mark);
  }
  return error;
}

CodecError JsonTexts::finish(ByteView rest) const noexcept {
  if (state_ == State::failed) {
    return error_of(failure_);
  }
  if (state_ == State::skipping || !rest.empty()) {
    return {CodecErrc::truncated, rest.size()};
  }
  return {};
}

CodecError JsonTexts::check(ByteView text) const noexcept {
  if (text.size() > max_frame_bytes_) {
    return {CodecErrc::frame_too_long, text.size(), max_frame_bytes_};
  }
  Position position;
  const Verdict verdict = find_end(text, position, no_limit, max_depth_);
  if (verdict == Verdict::too_deep) {
    return error_of(verdict);
  }
  const bool is_one_text = verdict == Verdict::ended && position.at == text.size();
  return is_one_text ? CodecError{} : CodecError{CodecErrc::unencodable, text.size()};
}

CodecError JsonTexts::error_of(Verdict verdict) const noexcept {
  switch (verdict) {
    case Verdict::too_long:
      return {CodecErrc::frame_too_long, std::uint64_t{max_frame_bytes_} + 1, max_frame_bytes_};
    case Verdict::too_deep:
      return {CodecErrc::too_deep, std::uint64_t{max_depth_} + 1, max_depth_};
    case Verdict::malformed:
      return {CodecErrc::malformed_json, 0};
    default:
      return {};
  }
}

}  // namespace twister
