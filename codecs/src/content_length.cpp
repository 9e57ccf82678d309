#include "twister/codecs/content_length.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

#include "late_header.hpp"

namespace twister {

namespace {

constexpr std::string_view name = "Content-Length";
constexpr std::string_view sent_name = "Content-Length: ";
constexpr std::string_view header_end = "\r\n\r\n";
constexpr std::size_t most_digits = std::numeric_limits<std::uint64_t>::digits10 + 1;
constexpr std::size_t longest_sent = sent_name.size() + most_digits + header_end.size();
// Most bodies have a length of three digits: their header is in its place at once.
constexpr std::size_t reserved = sent_name.size() + 3 + header_end.size();

// What begin_frame() leaves room for.
class SentHeader {
 public:
  explicit SentHeader(std::size_t body) noexcept {
    put(sent_name);
    end_ = std::to_chars(end_, end_ + most_digits, body).ptr;
    put(header_end);
  }
  ByteView view() const noexcept {
    return as_bytes({bytes_, static_cast<std::size_t>(end_ - bytes_)});
  }

 private:
  void put(std::string_view text) noexcept { end_ = std::copy(text.begin(), text.end(), end_); }

  char bytes_[longest_sent];
  char* end_ = bytes_;
};

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

// The characters of a name of a header field: RFC 9110, 5.6.2.
bool is_token(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

bool is_control(char c) noexcept {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

char small(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_name(std::string_view field) noexcept {
  return std::equal(field.begin(), field.end(), name.begin(), name.end(),
                    [](char a, char b) { return small(a) == small(b); });
}

}  // namespace

ContentLength::ContentLength(const ContentLengthOptions& options)
    // A frame with its header has to be countable in memory, however large the limits are said to be.
    : max_frame_bytes_(
          std::min(options.max_frame_bytes, std::numeric_limits<std::size_t>::max() / 2)),
      max_header_bytes_(
          std::min(options.max_header_bytes, std::numeric_limits<std::size_t>::max() / 2)),
      skips_oversize_(options.on_oversize == Oversize::skip) {
  if (options.max_header_bytes < longest_sent) {
    throw std::invalid_argument("ContentLength: max_header_bytes " +
                                std::to_string(options.max_header_bytes) + " is under " +
                                std::to_string(longest_sent));
  }
}

DecodeResult ContentLength::decode(ByteView input) {
  if (state_ == State::skipping) {
    return skip(input);
  }
  if (state_ == State::header) {
    const Header header = read_header(input);
    if (header == Header::open) {
      return {};
    }
    if (header == Header::complete && length_ <= max_frame_bytes_) {
      state_ = State::body;
    } else if (header == Header::complete) {
      if (skips_oversize_) {
        const CodecError error = too_long(length_);
        const std::size_t passed = line_at_;
        state_ = State::skipping;
        return {.status = DecodeResult::Status::skipped, .consumed = passed, .error = error};
      }
      state_ = State::too_long;
    }
  }
  if (state_ != State::body) {
    return {.status = DecodeResult::Status::error, .error = sticky_error()};
  }
  const auto body = static_cast<std::size_t>(length_);  // fits: it is within the limit
  const std::size_t whole = line_at_ + body;
  if (input.size() < whole) {
    return {.status = DecodeResult::Status::incomplete, .needed = whole - input.size()};
  }
  frame_ = input.subspan(line_at_, body);
  state_ = State::header;
  line_at_ = scanned_ = 0;
  has_length_ = false;
  return {.status = DecodeResult::Status::message, .consumed = whole, .frame = frame_};
}

DecodeResult ContentLength::skip(ByteView input) {
  const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(length_, input.size()));
  length_ -= passed;
  if (length_ > 0) {
    // `needed` stays 0: nobody should make room for a frame that is not wanted.
    return {.status = DecodeResult::Status::incomplete, .consumed = passed};
  }
  state_ = State::header;
  line_at_ = scanned_ = 0;
  has_length_ = false;
  DecodeResult result = decode(input.subspan(passed));  // one level deep: the state is header
  result.consumed += passed;
  return result;
}

// Goes through the lines that have come since the last call.
ContentLength::Header ContentLength::read_header(ByteView input) noexcept {
  const ByteView window = input.first(std::min(input.size(), max_header_bytes_));
  for (;;) {
    const ByteView rest = window.subspan(scanned_);
    const void* found = rest.empty() ? nullptr : std::memchr(rest.data(), '\n', rest.size());
    if (found == nullptr) {
      scanned_ = window.size();
      return window.size() < max_header_bytes_ ? Header::open
                                               : refuse_header(State::header_too_long);
    }
    const auto end = static_cast<std::size_t>(static_cast<const std::byte*>(found) - window.data());
    if (end == line_at_ || window[end - 1] != std::byte{'\r'}) {
      return refuse_header(State::malformed);
    }
    const ByteView line = window.subspan(line_at_, end - 1 - line_at_);
    if (line.empty() ? !has_length_ : !take_line(line)) {
      return refuse_header(State::malformed);
    }
    line_at_ = scanned_ = end + 1;
    if (line.empty()) {
      return Header::complete;
    }
  }
}

// A line of the header without its end. False when it is no field.
bool ContentLength::take_line(ByteView line) noexcept {
  const std::string_view text = as_text(line);
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos) {
    return false;
  }
  const std::string_view field = text.substr(0, colon);
  std::string_view value = text.substr(colon + 1);
  if (!std::all_of(field.begin(), field.end(), is_token) ||
      std::any_of(value.begin(), value.end(), is_control)) {
    return false;
  }
  if (!is_name(field)) {
    return true;
  }
  while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  return take_length(as_bytes(value));
}

bool ContentLength::take_length(ByteView value) noexcept {
  const std::string_view digits = as_text(value);
  std::uint64_t length = 0;
  const char* const end = digits.data() + digits.size();
  // Takes no sign, no blank and no empty text.
  const auto [stop, error] = std::from_chars(digits.data(), end, length);
  if (error != std::errc{} || stop != end || (has_length_ && length != length_)) {
    return false;
  }
  length_ = length;
  has_length_ = true;
  return true;
}

ContentLength::Header ContentLength::refuse_header(State state) noexcept {
  state_ = state;
  return Header::refused;
}

CodecError ContentLength::encode(ByteView body, ByteBuffer& out) const {
  if (body.size() > max_frame_bytes_) {
    return too_long(body.size());
  }
  out.append(SentHeader(body.size()).view(), body);
  return {};
}

std::size_t ContentLength::begin_frame(ByteBuffer& out) const {
  const std::size_t mark = out.size();
  out.prepare(reserved);  // what is in it does not matter: end_frame puts the header there
  out.commit(reserved);
  return mark;
}

CodecError ContentLength::end_frame(ByteBuffer& out, std::size_t mark) const {
  const std::size_t body = out.size() - mark - reserved;
  if (body > max_frame_bytes_) {
    out.truncate(mark);
    return too_long(body);
  }
  detail::put_header(out, mark, reserved, SentHeader(body).view());
  return {};
}

CodecError ContentLength::finish(ByteView rest) const noexcept {
  const bool is_sound = state_ == State::header || state_ == State::body;
  if (state_ == State::skipping || (is_sound && !rest.empty())) {
    return {CodecErrc::truncated, rest.size()};
  }
  return sticky_error();
}

CodecError ContentLength::too_long(std::uint64_t body) const noexcept {
  return {CodecErrc::frame_too_long, body, max_frame_bytes_};
}

CodecError ContentLength::sticky_error() const noexcept {
  switch (state_) {
    case State::too_long:
      return too_long(length_);
    case State::header_too_long:
      return {CodecErrc::line_too_long, std::uint64_t{max_header_bytes_} + 1, max_header_bytes_};
    case State::malformed:
      return {CodecErrc::bad_length, line_at_};
    default:
      return {};
  }
}

}  // namespace twister
