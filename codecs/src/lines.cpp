#include "twister/codecs/lines.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "twister/codecs/detail/rollback.hpp"

namespace twister {

namespace {

constexpr std::byte carriage_return{'\r'};
constexpr std::size_t not_found = std::numeric_limits<std::size_t>::max();

std::size_t find_line_feed(ByteView bytes, std::size_t from) noexcept {
  if (from == bytes.size()) {
    return not_found;
  }
  const void* found = std::memchr(bytes.data() + from, '\n', bytes.size() - from);
  return found == nullptr
             ? not_found
             : static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
}

// A line feed behind a carriage return.
[[gnu::noinline]] std::size_t find_both(ByteView bytes, std::size_t from) noexcept {
  std::size_t found = find_line_feed(bytes, from);
  while (found != not_found && (found == 0 || bytes[found - 1] != carriage_return)) {
    found = find_line_feed(bytes, found + 1);
  }
  return found;
}

}  // namespace

Lines::Lines(const LinesOptions& options)
    // A line with its end has to be countable in memory.
    : max_line_bytes_(
          std::min(options.max_line_bytes, std::numeric_limits<std::size_t>::max() - 2)),
      skips_oversize_(options.on_oversize == Oversize::skip),
      terminator_at_(options.line_ending == LineEnding::crlf ? 0 : 1),
      accepted_ending_(options.accepted_ending),
      keeps_terminator_(options.terminator == Terminator::keep) {
  if (keeps_terminator_) {
    terminator_at_ = 2;
    return;
  }
  const bool sends_crlf = options.line_ending == LineEnding::crlf;
  if (accepted_ending_ == (sends_crlf ? AcceptedEnding::lf : AcceptedEnding::crlf)) {
    throw std::invalid_argument(sends_crlf ? "Lines: line_ending crlf with accepted_ending lf"
                                           : "Lines: line_ending lf with accepted_ending crlf");
  }
}

// The verdict needs at most max_line_bytes + 2 bytes, so no more are looked at:
//   a line end within them, and the line before it within the limit     a message
//   a line end within them, and the line over the limit                 too long
//   all of them and no line end                                         too long
//   fewer, but max_line_bytes + 1, the last no carriage return          too long: it is in the line
//   fewer otherwise                                                     incomplete
DecodeResult Lines::decode(ByteView input) {
  if (state_ == State::too_long) {
    return {.status = DecodeResult::Status::error, .error = too_long()};
  }
  std::size_t passed = 0;
  if (state_ == State::skipping) {
    const std::size_t end = find_end(input, 0);
    if (end == not_found) {
      // A carriage return that may yet turn out to be part of the end is looked at again.
      const bool may_end = accepted_ending_ == AcceptedEnding::crlf && !input.empty() &&
                           input.back() == carriage_return;
      return {.status = DecodeResult::Status::incomplete,
              .consumed = may_end ? input.size() - 1 : input.size()};
    }
    passed = end + 1;
    input = input.subspan(passed);
    state_ = State::ready;
  }

  const ByteView window = input.first(std::min(input.size(), max_line_bytes_ + 2));
  const std::size_t end = find_end(window, std::min(scanned_, window.size()));
  if (end != not_found) {
    const std::size_t length = line_bytes(window, end);
    if (length <= max_line_bytes_) {
      scanned_ = 0;
      frame_ = window.first(keeps_terminator_ ? end + 1 : length);
      return {
          .status = DecodeResult::Status::message, .consumed = passed + end + 1, .frame = frame_};
    }
  } else if (window.size() <= max_line_bytes_ ||
             (window.size() == max_line_bytes_ + 1 && window.back() == carriage_return &&
              accepted_ending_ != AcceptedEnding::lf)) {
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
  if (!is_ordinary(line)) [[unlikely]] {
    if (const CodecError error = check(line)) {
      return error;
    }
  }
  out.append(line, terminator());
  return {};
}

CodecError Lines::end_frame(ByteBuffer& out, std::size_t mark) const {
  const ByteView line = out.view().subspan(mark);
  if (!is_ordinary(line)) [[unlikely]] {
    if (const CodecError error = check(line)) {
      out.truncate(mark);
      return error;
    }
  }
  detail::Rollback rollback(out, mark);
  out.append(terminator());
  rollback.keep();
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

// The line feed that ends a line, looked for from `from` on.
std::size_t Lines::find_end(ByteView bytes, std::size_t from) const noexcept {
  return accepted_ending_ == AcceptedEnding::crlf ? find_both(bytes, from)
                                                  : find_line_feed(bytes, from);
}

// Bytes of the line without its end, whose line feed is at `end`.
std::size_t Lines::line_bytes(ByteView bytes, std::size_t end) const noexcept {
  const bool has_carriage_return =
      end > 0 && bytes[end - 1] == carriage_return && accepted_ending_ != AcceptedEnding::lf;
  return has_carriage_return ? end - 1 : end;
}

// What nearly every line is: one that check() has nothing against, said in a register.
bool Lines::is_ordinary(ByteView line) const noexcept {
  return !keeps_terminator_ && line.size() <= max_line_bytes_ &&
         (line.empty() || line.back() != carriage_return) && find_end(line, 0) == not_found;
}

CodecError Lines::check(ByteView line) const noexcept {
  if (keeps_terminator_) [[unlikely]] {
    return check_with_end(line);
  }
  if (line.size() > max_line_bytes_) {
    return {CodecErrc::line_too_long, line.size(), max_line_bytes_};
  }
  const bool loses_its_last =
      !line.empty() && line.back() == carriage_return && accepted_ending_ == AcceptedEnding::either;
  if (loses_its_last || find_end(line, 0) != not_found) {
    return {CodecErrc::embedded_delimiter, line.size()};
  }
  return {};
}

CodecError Lines::check_with_end(ByteView line) const noexcept {
  const std::size_t end = find_end(line, 0);
  if (end == not_found) {
    return {CodecErrc::unencodable, line.size()};
  }
  if (end + 1 != line.size()) {
    return {CodecErrc::embedded_delimiter, line.size()};
  }
  if (const std::size_t length = line_bytes(line, end); length > max_line_bytes_) {
    return {CodecErrc::line_too_long, length, max_line_bytes_};
  }
  return {};
}

ByteView Lines::terminator() const noexcept {
  return as_bytes("\r\n").subspan(terminator_at_);
}

CodecError Lines::too_long() const noexcept {
  return {CodecErrc::line_too_long, std::uint64_t{max_line_bytes_} + 1, max_line_bytes_};
}

}  // namespace twister
