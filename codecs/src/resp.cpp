#include "twister/codecs/resp.hpp"

#include <algorithm>
#include <utility>

#include "hex_digit.hpp"
#include "resp_encode.hpp"
#include "resp_line.hpp"

namespace twister {

namespace {

using Number = detail::RespNumber;

// A connection between two commands keeps room for so many arguments.
constexpr std::size_t kept_arguments = 32;

constexpr bool is_blank(char byte) noexcept {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

char escaped(char letter) noexcept {
  switch (letter) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return letter;
  }
}

// Appends what stands between the quotation mark at `at` and its partner; returns the place behind
// that, or npos when there is none.
std::size_t unquote(std::string_view line, std::size_t at, std::string& out) {
  const char quote = line[at++];
  for (; at < line.size() && line[at] != quote; ++at) {
    if (line[at] != '\\' || at + 1 == line.size() || (quote == '\'' && line[at + 1] != '\'')) {
      out += line[at];
    } else if (line[++at] == 'x' && at + 2 < line.size() && detail::hex_digit(line[at + 1]) >= 0 &&
               detail::hex_digit(line[at + 2]) >= 0) {
      out +=
          static_cast<char>(detail::hex_digit(line[at + 1]) * 16 + detail::hex_digit(line[at + 2]));
      at += 2;
    } else {
      out += escaped(line[at]);
    }
  }
  return at < line.size() ? at + 1 : std::string_view::npos;
}

}  // namespace

RespCommands::RespCommands(const RespOptions& options)
    : options_(detail::checked(options, "RespCommands")),
      lines_({.max_line_bytes = options.max_line_bytes}) {}

// A command that answers nothing is incomplete and consumed: the loop goes on behind it.
DecodeResult RespCommands::decode(ByteView input) {
  if (error_) [[unlikely]] {
    return {.status = DecodeResult::Status::error, .error = error_};
  }
  std::size_t passed = 0;
  while (passed < input.size()) {
    const ByteView rest = input.subspan(passed);
    DecodeResult result = rest[0] == std::byte{'*'} ? decode_array(rest) : decode_line(rest);
    const bool stepped_over =
        result.status == DecodeResult::Status::incomplete && result.consumed > 0;
    result.consumed += passed;
    if (!stepped_over) return result;
    passed = result.consumed;
  }
  return {.consumed = passed};
}

DecodeResult RespCommands::decode_array(ByteView input) {
  const std::string_view text = as_text(input);
  if (missing_ == 0) {
    const Number count = detail::read_number(text);
    if (count.status == Number::Status::incomplete) return {};
    if (count.status == Number::Status::malformed) [[unlikely]] {
      return fail({CodecErrc::malformed_resp, count.bytes}, Fault::count);
    }
    if (count.value <= 0) return {.consumed = count.bytes};
    const auto items = static_cast<std::uint64_t>(count.value);
    if (items > options_.max_items) [[unlikely]] {
      return fail({CodecErrc::too_many_items, items, options_.max_items}, Fault::count);
    }
    missing_ = static_cast<std::size_t>(items);  // fits: it is within the limit
    at_ = count.bytes;
    text_bytes_ = 0;
    args_.clear();
    args_.reserve(std::min(missing_, kept_arguments));
  }
  for (; missing_ > 0; --missing_) {
    if (at_ == text.size()) return pause(input);
    if (text[at_] != '$') [[unlikely]] {
      found_ = text[at_];
      return fail({CodecErrc::malformed_resp, at_}, Fault::type);
    }
    const Number length = detail::read_number(text.substr(at_));
    if (length.status == Number::Status::incomplete) return pause(input);
    if (length.status == Number::Status::malformed || length.value < 0) [[unlikely]] {
      return fail({CodecErrc::malformed_resp, at_ + (length.value < 0 ? 1 : length.bytes)},
                  Fault::length);
    }
    const auto announced = static_cast<std::uint64_t>(length.value);
    if (announced > options_.max_frame_bytes - text_bytes_) [[unlikely]] {
      return fail({CodecErrc::frame_too_long, text_bytes_ + announced, options_.max_frame_bytes},
                  Fault::length);
    }
    const auto size = static_cast<std::size_t>(announced);  // fits: it is within the limit
    const std::size_t begin = at_ + length.bytes;
    const std::size_t arrived = text.size() - begin;
    if (arrived <= size) return pause(input, size - arrived + 2);
    const std::size_t ending = detail::matching_end(text.substr(begin + size, 2));
    if (ending < 2) [[unlikely]] {
      if (ending == arrived - size) return pause(input, 1);
      return fail({CodecErrc::malformed_resp, begin + size + ending});
    }
    args_.push_back(text.substr(begin, size));
    at_ = begin + size + 2;
    text_bytes_ += size;
  }
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    args_[i] = text.substr(offsets_[i], args_[i].size());
  }
  offsets_.clear();
  return {.status = DecodeResult::Status::message, .consumed = at_, .frame = input.first(at_)};
}

// The input may lie elsewhere at the next call: what points into it is remembered by its place, each
// argument once.
DecodeResult RespCommands::pause(ByteView input, std::size_t needed) {
  for (std::size_t i = offsets_.size(); i < args_.size(); ++i) {
    offsets_.push_back(static_cast<std::size_t>(args_[i].data() - as_text(input).data()));
  }
  return {.needed = needed};
}

DecodeResult RespCommands::decode_line(ByteView input) {
  if (options_.inline_commands == InlineCommands::refuse) {
    return fail({CodecErrc::malformed_resp, 0});
  }
  DecodeResult result = lines_.decode(input);
  if (result.status == DecodeResult::Status::error) return fail(result.error, Fault::line);
  if (result.status != DecodeResult::Status::message) return result;
  if (const CodecError error = split(as_text(result.frame))) {
    return fail(error, error.code == CodecErrc::malformed_resp ? Fault::quotes : Fault::other);
  }
  if (args_.empty()) return {.consumed = result.consumed};
  result.frame = input.first(result.consumed);
  return result;
}

CodecError RespCommands::split(std::string_view line) {
  args_.clear();
  unquoted_.clear();
  std::size_t text_bytes = 0;
  for (std::size_t at = 0;;) {
    if (!args_.empty()) text_bytes += args_.back().size();
    if (text_bytes > options_.max_frame_bytes) {
      return {CodecErrc::frame_too_long, text_bytes, options_.max_frame_bytes};
    }
    while (at < line.size() && is_blank(line[at])) ++at;
    if (at == line.size()) return {};
    if (args_.size() == options_.max_items) {
      return {CodecErrc::too_many_items, args_.size() + 1, options_.max_items};
    }
    const std::size_t begin = at;
    while (at < line.size() && !is_blank(line[at]) && line[at] != '"' && line[at] != '\'') ++at;
    const std::string_view plain = line.substr(begin, at - begin);
    if (at == line.size() || is_blank(line[at])) {
      args_.push_back(plain);
      continue;
    }
    unquoted_.reserve(line.size());  // once: the arguments are views into it
    const std::size_t stored = unquoted_.size();
    unquoted_ += plain;
    const std::size_t behind = unquote(line, at, unquoted_);
    if (behind == std::string_view::npos || (behind < line.size() && !is_blank(line[behind]))) {
      return {CodecErrc::malformed_resp, std::min(behind, line.size())};
    }
    at = behind;
    args_.push_back(std::string_view(unquoted_).substr(stored));
  }
}

CodecError RespCommands::encode(const RespValue& reply, ByteBuffer& out) const {
  return detail::encode_value(reply, options_, out);
}

CodecError RespCommands::finish(ByteView rest) const noexcept {
  if (error_ || rest.empty()) return error_;
  return {CodecErrc::truncated, rest.size()};
}

void RespCommands::forget() noexcept {
  if (missing_ > 0) return;
  if (args_.capacity() > kept_arguments) std::vector<std::string_view>().swap(args_);
  std::vector<std::size_t>().swap(offsets_);
  std::string().swap(unquoted_);
}

std::string RespCommands::error_text() const {
  switch (fault_) {
    case Fault::count:
      return "invalid multibulk length";
    case Fault::type:
      return std::string("expected '$', got '") + found_ + "'";
    case Fault::length:
      return "invalid bulk length";
    case Fault::line:
      return "too big inline request";
    case Fault::quotes:
      return "unbalanced quotes in request";
    case Fault::other:
      break;
  }
  return error_.message();
}

DecodeResult RespCommands::fail(const CodecError& error, Fault fault) {
  error_ = error;
  fault_ = fault;
  return {.status = DecodeResult::Status::error, .error = error};
}

}  // namespace twister
