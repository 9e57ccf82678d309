// Input: options, cut, then the stream, for either side. The result is also compared with decoders so
// simple that they can be seen to be right: they have the whole input, copy, and recurse. What was
// decoded is encoded, and has to read back the same.
#include "twister/codecs/resp.hpp"

#include <optional>

#include "cuts.hpp"
#include "resp_text.hpp"

namespace {

using namespace twister;
using testing_codecs::CommandText;
using testing_codecs::Events;
using testing_codecs::ReplyText;

// Reads from the front of the input. `bad` once something is wrong, `dry` once there is no more: all
// that is read then is empty.
class Reader {
 public:
  explicit Reader(std::string_view input, const RespOptions& options)
      : rest_(input), options_(options) {}

  bool failed() const { return bad_ || dry_; }
  bool bad() const { return bad_; }
  std::string_view rest() const { return rest_; }

  char type() {
    if (rest_.empty()) dry_ = true;
    return failed() ? '\0' : rest_[0];
  }

  // The rest of a line whose end is CRLF; LF alone, and CR before anything else, are wrong.
  std::string line() {
    std::string text;
    while (!failed()) {
      const char byte = take();
      if (failed() || byte == '\n') break;
      if (byte != '\r') {
        text += byte;
        continue;
      }
      const char next = take();
      if (!failed() && next == '\n') return text;
      break;
    }
    bad_ = !dry_;
    return {};
  }

  // A number on a line, as its decimal form says it; of what a cut leaves the beginning counts too.
  std::int64_t number() {
    const std::string_view whole = rest_;
    std::string digits;
    while (!failed() && !rest_.empty() && (std::isdigit(rest_[0]) != 0 || rest_[0] == '-')) {
      digits += take();
      if (!begins_number(digits)) bad_ = true;
    }
    if (rest_.empty() && !bad_) dry_ = true;
    if (failed()) return 0;
    if (digits.empty() || digits == "-" || digits == "-0" || !fits(digits)) bad_ = true;
    const std::string end = bad_ ? "" : line();
    if (!failed() && !end.empty()) bad_ = true;
    if (!failed() && whole.substr(0, digits.size() + 2) != digits + "\r\n") bad_ = true;
    if (dry_ && rest_.empty() && whole.size() > digits.size() && whole[digits.size()] != '\r') {
      bad_ = true;
    }
    return failed() ? 0 : std::stoll(digits);
  }

  std::string bulk(std::uint64_t size) {
    text_bytes_ += size;
    if (text_bytes_ > options_.max_frame_bytes) bad_ = true;
    if (!bad_ && rest_.size() <= size) dry_ = true;
    if (failed()) return {};
    const std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    if (!line().empty()) bad_ = true;
    return text;
  }

  void count_text(std::size_t size) {
    text_bytes_ += size;
    if (size > options_.max_line_bytes || text_bytes_ > options_.max_frame_bytes) bad_ = true;
  }

  void count_items(std::int64_t items) {
    items_ += static_cast<std::uint64_t>(items);
    if (items_ > options_.max_items) bad_ = true;
  }

  void spoil() { bad_ = true; }
  char take() {
    if (rest_.empty()) {
      dry_ = true;
      return '\0';
    }
    const char byte = rest_[0];
    rest_.remove_prefix(1);
    return byte;
  }

 private:
  static bool begins_number(std::string_view digits) {
    const std::string_view magnitude = digits.substr(digits[0] == '-' ? 1 : 0);
    if (magnitude.find('-') != magnitude.npos || magnitude.size() > 19) return false;
    return magnitude.size() < 2 || magnitude[0] != '0';
  }
  static bool fits(const std::string& digits) {
    const bool negative = digits[0] == '-';
    const std::string magnitude = digits.substr(negative ? 1 : 0);
    const std::string largest = negative ? "9223372036854775808" : "9223372036854775807";
    return magnitude.size() < largest.size() || magnitude <= largest;
  }

  std::string_view rest_;
  const RespOptions& options_;
  bool bad_ = false;
  bool dry_ = false;
  std::uint64_t text_bytes_ = 0;
  std::uint64_t items_ = 0;
};

// A reply as ReplyText says it.
std::string simple_reply(Reader& in, const RespOptions& options, std::size_t depth) {
  const char type = in.type();
  if (in.failed()) return {};
  in.take();
  if (type == '+' || type == '-') {
    const std::string_view before = in.rest();
    const std::string text = in.line();
    // Judged before its end has come.
    if (before.substr(0, options.max_line_bytes + 1).find_first_of("\r\n") == before.npos &&
        before.size() > options.max_line_bytes) {
      in.spoil();
    }
    if (!in.failed()) in.count_text(text.size());
    return type + text;
  }
  if (type != ':' && type != '$' && type != '*') in.spoil();
  const std::int64_t number = in.failed() ? 0 : in.number();
  if (in.failed()) return {};
  if (type == ':') return ":" + std::to_string(number);
  if (number == -1) return type == '$' ? "nil" : "nil-array";
  if (number < 0) in.spoil();
  if (in.failed()) return {};
  if (type == '$') return "$" + in.bulk(static_cast<std::uint64_t>(number));
  if (depth == options.max_depth) in.spoil();
  in.count_items(number);
  std::string text = "(";
  for (std::int64_t item = 0; item < number && !in.failed(); ++item) {
    if (item > 0) text += ' ';
    text += simple_reply(in, options, depth + 1);
  }
  return text + ")";
}

Events simple_replies(std::string_view input, const RespOptions& options) {
  Events events;
  while (!input.empty()) {
    Reader in(input, options);
    const std::string reply = simple_reply(in, options, 0);
    if (in.failed()) {
      events.emplace_back(in.bad() ? "error" : "end inside");
      return events;
    }
    events.push_back("message " + reply);
    input = in.rest();
  }
  events.emplace_back("end");
  return events;
}

std::optional<std::string> simple_array(Reader& in, const RespOptions& options) {
  in.take();
  const std::int64_t count = in.number();
  if (!in.failed() && count < -1) in.spoil();
  if (!in.failed() && count > 0) in.count_items(count);
  if (in.failed() || count <= 0) return std::nullopt;
  (void)options;
  std::string text;
  for (std::int64_t item = 0; item < count && !in.failed(); ++item) {
    if (in.type() != '$') {
      if (!in.failed()) in.spoil();
      break;
    }
    in.take();
    const std::int64_t size = in.number();
    if (!in.failed() && size < 0) in.spoil();
    if (!in.failed()) text += "[" + in.bulk(static_cast<std::uint64_t>(size)) + "]";
  }
  return text;
}

// Arrays only: inline commands are compared with a splitter of their own below.
Events simple_commands(std::string_view input, const RespOptions& options) {
  Events events;
  while (!input.empty()) {
    Reader in(input, options);
    if (input[0] != '*') {
      events.emplace_back("error");
      return events;
    }
    const auto command = simple_array(in, options);
    if (in.failed()) {
      events.emplace_back(in.bad() ? "error" : "end inside");
      return events;
    }
    if (command) events.push_back("message " + *command);
    input = in.rest();
  }
  events.emplace_back("end");
  return events;
}

// Without the reasons: which comes first of two is not for a simple decoder to say.
Events without_reasons(Events events) {
  std::string& last = events.back();
  if (last.rfind("error", 0) == 0) last = "error";
  if (last.rfind("end ", 0) == 0) last = "end inside";
  return events;
}

void check_replies(std::string_view input, const RespOptions& options) {
  RespReplies codec(options);
  ByteView rest = as_bytes(input);
  for (;;) {
    const DecodeResult result = codec.decode(rest);
    if (result.status != DecodeResult::Status::message) return;
    const RespValue value(codec.message());
    ByteBuffer out;
    fuzz::expect(!RespCommands(options).encode(value, out), "what was read cannot be written");
    fuzz::expect(as_text(out.view()) == as_text(result.frame), "written otherwise than read");
    rest = rest.subspan(result.consumed);
  }
}

void check_commands(std::string_view input, const RespOptions& options) {
  RespCommands codec(options);
  ByteView rest = as_bytes(input);
  for (;;) {
    const DecodeResult result = codec.decode(rest);
    if (result.status != DecodeResult::Status::message) return;
    fuzz::expect(!codec.message().empty(), "a command without a name");
    ByteBuffer out;
    RespOptions longer = options;
    longer.max_frame_bytes = input.size();  // of an inline command only the line is limited
    fuzz::expect(!RespReplies(longer).encode(codec.message(), out), "cannot be written");
    const auto again = testing_codecs::decode_pieces(RespCommands(longer), {as_text(out.view())},
                                                     CommandText());
    fuzz::expect(again == Events{"message " + CommandText()(codec.message()), "end"},
                 "a command does not survive the round trip");
    rest = rest.subspan(result.consumed);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const RespOptions options = {
      .max_frame_bytes = choices.next(),
      .max_items = 1 + choices.next() % 32,
      .max_line_bytes = choices.next() % 64,
      .max_depth = choices.next() % 8,
      .inline_commands = (flags & 1u) != 0 ? InlineCommands::refuse : InlineCommands::accept};
  const unsigned seed = choices.next();
  const std::string_view input = choices.rest().substr(0, 2048);
  if ((flags & 2u) != 0) {
    fuzz::compare_cuts(RespReplies(options), input, seed, ReplyText());
    const Events found = testing_codecs::decode_pieces(RespReplies(options), {input}, ReplyText());
    fuzz::expect(without_reasons(found) == simple_replies(input, options),
                 "replies differ from the simple decoder's");
    check_replies(input, options);
    return 0;
  }
  fuzz::compare_cuts(RespCommands(options), input, seed, CommandText());
  if (options.inline_commands == InlineCommands::refuse) {
    const Events found =
        testing_codecs::decode_pieces(RespCommands(options), {input}, CommandText());
    fuzz::expect(without_reasons(found) == simple_commands(input, options),
                 "commands differ from the simple decoder's");
  }
  check_commands(input, options);
  return 0;
}
