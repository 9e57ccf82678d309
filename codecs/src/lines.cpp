#include "twister/codecs/lines.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace twister {

namespace {

constexpr std::byte carriage_return{'\r'};
constexpr std::size_t not_found = std::numeric_limits<std::size_t>::max();

std::size_t find_line_feed(ByteView bytes) noexcept {
  if (bytes.empty()) {
    return not_found;
  }
  const void* found = std::memchr(bytes.data(), '\n', bytes.size());
  return found == nullptr
             ? not_found
             : static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
}

}  // namespace

Lines::Lines(const LinesOptions& options)
    // A line with its end has to be countable in memory.
    : max_line_bytes_(
          std::min(options.max_line_bytes, std::numeric_limits<std::size_t>::max() - 2)),
      skips_oversize_(options.on_oversize == Oversize::skip),
      line_ending_(options.line_ending) {}

// The verdict needs at most max_line_bytes + 2 bytes, so no more are looked at:
//   a line feed within them, and the line before it within the limit    a message
//   a line feed within them, and the line over the limit                too long
//   all of them and no line feed                                        too long
//   fewer, but max_line_bytes + 1, the last no carriage return          too long: it is in the line
//   fewer otherwise                                                     incomplete
DecodeResult Lines::decode(ByteView input) {
  if (state_ == State::too_long) {
    return {.status = DecodeResult::Status::error, .error = too_long()};
  }
  std::size_t passed = 0;
  if (state_ == State::skipping) {
    const std::size_t end = find_line_feed(input);
    if (end == not_found) {
      return {.status = DecodeResult::Status::incomplete, .consumed = input.size()};
    }
    passed = end + 1;
    input = input.subspan(passed);
    state_ = State::ready;
  }

  const ByteView window = input.first(std::min(input.size(), max_line_bytes_ + 2));
  const std::size_t from = std::min(scanned_, window.size());
  const std::size_t found = find_line_feed(window.subspan(from));
  if (found != not_found) {
    const std::size_t end = from + found;
    const std::size_t length = end > 0 && window[end - 1] == carriage_return ? end - 1 : end;
    if (length <= max_line_bytes_) {
      scanned_ = 0;
      frame_ = window.first(length);
      return {
          .status = DecodeResult::Status::message, .consumed = passed + end + 1, .frame = frame_};
    }
  } else if (window.size() <= max_line_bytes_ ||
             (window.size() == max_line_bytes_ + 1 && window.back() == carriage_return)) {
    scanned_ = window.size();
    return {.status = DecodeResult::Status::incomplete, .consumed = passed};
  }

  scanned_ = 0;
  if (!skips_oversize_) {
    state_ = State::too_long;
    return {.status = DecodeResult::Status::error, .error = too_long()};
  }
  state_ = State::skipping;  // its end is not among the bytes consumed here
  return {.status = DecodeResult::Status::skipped,
          .consumed = passed + max_line_bytes_ + 1,
          .error = too_long()};
}

CodecError Lines::encode(ByteView line, ByteBuffer& out) const {
  if (const CodecError error = check(line)) {
    return error;
  }
  out.append(line, terminator());
  return {};
}

CodecError Lines::end_frame(ByteBuffer& out, std::size_t mark) const {
  if (const CodecError error = check(out.view().subspan(mark))) {
    out.truncate(mark);
    return error;
  }
  out.append(terminator());
  return {};
}

CodecError Lines::finish(ByteView rest) const noexcept {
  if (state_ == State::too_long) {
    return too_long();
  }
  if (state_ == State::skipping || !rest.empty()) {
    return {CodecErrc::truncated, rest.size()};
  }
  return {};
}

CodecError Lines::check(ByteView line) const noexcept {
  if (line.size() > max_line_bytes_) {
    return {CodecErrc::line_too_long, line.size(), max_line_bytes_};
  }
  if (find_line_feed(line) != not_found || (!line.empty() && line.back() == carriage_return)) {
    return {CodecErrc::embedded_delimiter, line.size()};
  }
  return {};
}

ByteView Lines::terminator() const noexcept {
  return as_bytes(line_ending_ == LineEnding::crlf ? "\r\n" : "\n");
}

CodecError Lines::too_long() const noexcept {
  return {CodecErrc::line_too_long, std::uint64_t{max_line_bytes_} + 1, max_line_bytes_};
}

}  // namespace twister
