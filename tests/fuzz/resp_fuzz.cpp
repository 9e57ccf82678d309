// Input: options, cut, then the stream, for either side. The result is also compared with decoders so
// simple that they can be seen to be right: they have the whole input, copy, and recurse. What was
// decoded is encoded, and has to read back the same.
#include <charconv>
#include <string>

#include "twister/codecs/resp.hpp"

#include "cuts.hpp"
#include "resp_text.hpp"

namespace {

using namespace twister;
using testing_codecs::CommandText;
using testing_codecs::Events;
using testing_codecs::ReplyText;

// What a simple decoder finds where it cannot go on: something is wrong, or missing.
enum class Stop { bad, missing };

// Takes from the front of the input, whole lines and whole texts only; throws a Stop.
class Reader {
 public:
  Reader(std::string_view input, const RespOptions& options) : rest_(input), options_(options) {}

  std::string_view rest() const { return rest_; }

  char type() {
    require(!rest_.empty(), Stop::missing);
    const char type = rest_[0];
    rest_.remove_prefix(1);
    return type;
  }

  std::string_view line() {
    const std::size_t end = rest_.find_first_of("\r\n");
    require(end != rest_.npos, Stop::missing);
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end);
    take_line_end();
    return text;
  }

  // Only the form in which it is written is right.
  std::int64_t number() {
    const std::string text(line());
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    require(std::to_string(value) == text);
    return value;
  }

  std::string bulk(std::int64_t size) {
    require(size >= 0);
    count_text(static_cast<std::uint64_t>(size));
    require(rest_.size() >= static_cast<std::uint64_t>(size), Stop::missing);
    const std::string text(rest_.substr(0, static_cast<std::size_t>(size)));
    rest_.remove_prefix(text.size());
    take_line_end();
    return text;
  }

  void count_text(std::uint64_t size) {
    text_bytes_ += size;
    require(text_bytes_ <= options_.max_frame_bytes);
  }

  void count_items(std::int64_t items) {
    items_ += static_cast<std::uint64_t>(items);
    require(items_ <= options_.max_items);
  }

  void require(bool ok, Stop otherwise = Stop::bad) const {
    if (!ok) throw otherwise;
  }

 private:
  void take_line_end() {
    for (const char expected : {'\r', '\n'}) require(type() == expected);
  }

  std::string_view rest_;
  const RespOptions& options_;
  std::uint64_t text_bytes_ = 0;
  std::uint64_t items_ = 0;
};

// A reply as ReplyText says it.
std::string simple_reply(Reader& in, const RespOptions& options, std::size_t depth = 0) {
  const char type = in.type();
  in.require(std::string_view("+-:$*").find(type) != std::string_view::npos);
  if (type == '+' || type == '-') {
    const std::string text(in.line());
    in.require(text.size() <= options.max_line_bytes);
    in.count_text(text.size());
    return type + text;
  }
  const std::int64_t number = in.number();
  if (type == ':') return ":" + std::to_string(number);
  if (number == -1) return type == '$' ? "nil" : "nil-array";
  in.require(number >= 0);
  if (type == '$') return "$" + in.bulk(number);
  in.require(depth < options.max_depth);
  in.count_items(number);
  std::string text = "(";
  for (std::int64_t item = 0; item < number; ++item) {
    text += (item > 0 ? " " : "") + simple_reply(in, options, depth + 1);
  }
  return text + ")";
}

// A command as CommandText says it, or nothing if it answers nothing. Arrays only.
std::string simple_command(Reader& in) {
  in.require(in.type() == '*');
  const std::int64_t count = in.number();
  if (count > 0) in.count_items(count);
  std::string text;
  for (std::int64_t item = 0; item < count; ++item) {
    in.require(in.type() == '$');
    text += "[" + in.bulk(in.number()) + "]";
  }
  return text;
}

// The same messages, and an error or the end for the same reason; only that of what is missing the
// codec may know already that it can never be right.
template <class Decode>
void compare_with_simple(const Events& found, std::string_view input, const RespOptions& options,
                         Decode decode) {
  Events messages;
  std::string last = "end";
  try {
    while (!input.empty()) {
      Reader in(input, options);
      const std::string message = decode(in);
      if (!message.empty()) messages.push_back("message " + message);
      input = in.rest();
    }
  } catch (const Stop stop) {
    last = stop == Stop::bad ? "error" : "missing";
  }
  const std::string said = found.back().substr(0, 5);
  fuzz::expect(Events(found.begin(), found.end() - 1) == messages, "other messages than simply");
  fuzz::expect(last == "missing" ? said == "end s" || said == "error" : said == last,
               "another end than simply");
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
    fuzz::expect(!RespReplies(options).encode(codec.message(), out), "cannot be written");
    const auto again =
        testing_codecs::decode_pieces(RespCommands(options), {as_text(out.view())}, CommandText());
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
    compare_with_simple(found, input, options,
                        [&](Reader& in) { return simple_reply(in, options); });
    check_replies(input, options);
    return 0;
  }
  fuzz::compare_cuts(RespCommands(options), input, seed, CommandText());
  if (options.inline_commands == InlineCommands::refuse) {
    const Events found =
        testing_codecs::decode_pieces(RespCommands(options), {input}, CommandText());
    compare_with_simple(found, input, options, simple_command);
  }
  check_commands(input, options);
  return 0;
}
