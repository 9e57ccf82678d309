// The names of framings, parameter by parameter.
#include "twister/codecs/any_framing.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hex_digit.hpp"
#include "printable.hpp"

namespace twister {

namespace {

using Choice = std::variant<LengthPrefixed, Varint, Lines, Delimited, Fixed, Netstring, JsonTexts,
                            ContentLength>;

// Names that stand for others with parameters.
struct Alias {
  std::string_view name;
  std::size_t width;
  ByteOrder order;
};
constexpr Alias aliases[] = {
    {"lp8", 1, ByteOrder::big},       {"lp16", 2, ByteOrder::big},
    {"lp24", 3, ByteOrder::big},      {"lp32", 4, ByteOrder::big},
    {"lp64", 8, ByteOrder::big},      {"lp16le", 2, ByteOrder::little},
    {"lp24le", 3, ByteOrder::little}, {"lp32le", 4, ByteOrder::little},
    {"lp64le", 8, ByteOrder::little},
};

constexpr std::string_view all_names =
    "length-prefixed[:WIDTH[be|le],offset=N,adjustment=N,strip=N,includes-itself], lp8, lp16[le], "
    "lp24[le], lp32[le], lp64[le], varint[:5|10], lines[:either|lf|crlf,send=lf|crlf,keep], "
    "delimited:HEX[,HEX...,keep], fixed:BYTES, netstring, json-texts[:depth=N], "
    "content-length[:header=N]";

// One of the words between commas: "keep", or "strip=3" with a value.
struct Parameter {
  std::string_view key;
  std::optional<std::string_view> value;
  std::size_t at;  // of the whole name
};

class NameParser {
 public:
  NameParser(std::string_view name, const AnyFramingOptions& options)
      : name_(name), options_(options) {}

  Choice parse() {
    const std::size_t colon = std::min(name_.find(':'), name_.size());
    const std::string_view family = name_.substr(0, colon);
    if (colon < name_.size()) {
      split(colon + 1);
    }
    try {
      return make(family);
    } catch (const BadName&) {
      throw;
    } catch (const std::invalid_argument& error) {  // of the framing: its options do not fit
      fail(parameters_.empty() ? 0 : parameters_.front().at, error.what());
    }
  }

 private:
  struct BadName : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
  };

  [[noreturn]] void fail(std::size_t at, const std::string& why) const {
    throw BadName(detail::printable("AnyFraming: bad name \"" + std::string(name_) +
                                    "\" at character " + std::to_string(at + 1) + ": " + why +
                                    "; there are: " + std::string(all_names)));
  }

  static std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

  void split(std::size_t at) {
    for (;;) {
      const std::size_t comma = std::min(name_.find(',', at), name_.size());
      const std::string_view word = name_.substr(at, comma - at);
      if (word.empty()) {
        fail(at, "a parameter is missing");
      }
      const std::size_t equals = word.find('=');
      if (equals == word.npos) {
        parameters_.push_back({word, {}, at});
      } else {
        parameters_.push_back({word.substr(0, equals), word.substr(equals + 1), at});
      }
      if (comma == name_.size()) {
        return;
      }
      at = comma + 1;
    }
  }

  Choice make(std::string_view family) {
    const auto* const alias = std::find_if(std::begin(aliases), std::end(aliases),
                                           [&](const Alias& each) { return each.name == family; });
    if (alias != std::end(aliases)) {
      seen_.emplace_back("width");
      return length_prefixed({.width = alias->width, .order = alias->order});
    }
    if (family == "length-prefixed") {
      return length_prefixed({});
    }
    if (family == "varint") {
      return varint();
    }
    if (family == "lines") {
      return lines();
    }
    if (family == "delimited") {
      return delimited();
    }
    if (family == "fixed") {
      return fixed();
    }
    if (family == "netstring") {
      return netstring();
    }
    if (family == "json-texts") {
      return json_texts();
    }
    if (family == "content-length") {
      return content_length();
    }
    fail(0, "no framing " + quoted(family));
  }

  LengthPrefixed length_prefixed(LengthPrefixedOptions options) {
    for (const Parameter& each : parameters_) {
      if (!each.value && detail::hex_digit(each.key.front()) >= 0 && each.key.front() <= '9') {
        once(each, "width");
        set_width(each, options);
      } else if (is_flag(each, "includes-itself")) {
        options.includes_itself = true;
      } else if (is_option(each, "offset")) {
        options.length_offset = number<std::size_t>(each, *each.value);
      } else if (is_option(each, "adjustment")) {
        options.length_adjustment = number<std::int32_t>(each, *each.value);
      } else if (is_option(each, "strip")) {
        options.stripped_bytes = number<std::size_t>(each, *each.value);
      } else {
        unknown(each, "a width as in 4be, offset=, adjustment=, strip= and includes-itself");
      }
    }
    return LengthPrefixed(limited(options));
  }

  void set_width(const Parameter& parameter, LengthPrefixedOptions& options) const {
    std::string_view digits = parameter.key;
    if (digits.ends_with("be") || digits.ends_with("le")) {
      options.order = digits.ends_with("le") ? ByteOrder::little : ByteOrder::big;
      digits.remove_suffix(2);
    }
    options.width = number<std::size_t>(parameter, digits);
  }

  Varint varint() {
    VarintOptions options;
    for (const Parameter& each : parameters_) {
      if (each.value) {
        unknown(each, "5 or 10");
      }
      once(each, "the length");
      options.max_length_bytes = number<std::size_t>(each, each.key);
    }
    return Varint(limited(options));
  }

  Lines lines() {
    LinesOptions options;
    std::optional<LineEnding> sent;
    for (const Parameter& each : parameters_) {
      if (!each.value && (each.key == "either" || each.key == "lf" || each.key == "crlf")) {
        once(each, "the line end");
        options.accepted_ending = each.key == "lf"     ? AcceptedEnding::lf
                                  : each.key == "crlf" ? AcceptedEnding::crlf
                                                       : AcceptedEnding::either;
      } else if (is_option(each, "send")) {
        if (*each.value != "lf" && *each.value != "crlf") {
          fail(each.at, "send= takes lf or crlf, not " + quoted(*each.value));
        }
        sent = *each.value == "lf" ? LineEnding::lf : LineEnding::crlf;
      } else if (is_flag(each, "keep")) {
        options.terminator = Terminator::keep;
      } else {
        unknown(each, "either, lf, crlf, send=lf, send=crlf and keep");
      }
    }
    const bool crlf = options.accepted_ending == AcceptedEnding::crlf;
    options.line_ending = sent.value_or(crlf ? LineEnding::crlf : LineEnding::lf);
    options.max_line_bytes = options_.max_frame_bytes.value_or(options.max_line_bytes);
    options.on_oversize = options_.on_oversize;
    return Lines(options);
  }

  Delimited delimited() {
    DelimitedOptions options;
    for (const Parameter& each : parameters_) {
      if (is_flag(each, "keep")) {
        options.terminator = Terminator::keep;
      } else if (!each.value) {
        options.delimiters.push_back(bytes(each));
      } else {
        unknown(each, "delimiters in hexadecimal digits, and keep");
      }
    }
    return Delimited(limited(options));
  }

  Fixed fixed() {
    if (parameters_.size() != 1 || parameters_.front().value) {
      fail(std::min<std::size_t>(name_.size(), 5), "fixed takes one number of bytes");
    }
    const Parameter& parameter = parameters_.front();
    const auto size = number<std::size_t>(parameter, parameter.key);
    if (options_.max_frame_bytes && size > *options_.max_frame_bytes) {
      fail(parameter.at, std::to_string(size) + " bytes exceed max_frame_bytes " +
                             std::to_string(*options_.max_frame_bytes));
    }
    return Fixed(size);
  }

  Netstring netstring() {
    if (!parameters_.empty()) {
      unknown(parameters_.front(), "none");
    }
    return Netstring(limited(NetstringOptions{}));
  }

  JsonTexts json_texts() {
    JsonTextsOptions options;
    for (const Parameter& each : parameters_) {
      if (!is_option(each, "depth")) {
        unknown(each, "depth=");
      }
      options.max_depth = number<std::size_t>(each, *each.value);
    }
    return JsonTexts(limited(options));
  }

  ContentLength content_length() {
    ContentLengthOptions options;
    for (const Parameter& each : parameters_) {
      if (!is_option(each, "header")) {
        unknown(each, "header=");
      }
      options.max_header_bytes = number<std::size_t>(each, *each.value);
    }
    return ContentLength(limited(options));
  }

  template <class Options>
  Options limited(Options options) const {
    options.max_frame_bytes = options_.max_frame_bytes.value_or(options.max_frame_bytes);
    options.on_oversize = options_.on_oversize;
    return options;
  }

  [[noreturn]] void unknown(const Parameter& parameter, const std::string& known) const {
    fail(parameter.at, "no parameter " + quoted(parameter.key) + " here, only " + known);
  }

  void once(const Parameter& parameter, std::string_view what) {
    if (std::find(seen_.begin(), seen_.end(), what) != seen_.end()) {
      fail(parameter.at, std::string(what) + " is said twice");
    }
    seen_.push_back(what);
  }

  bool is_flag(const Parameter& parameter, std::string_view name) {
    if (parameter.key != name || parameter.value) {
      return false;
    }
    once(parameter, name);
    return true;
  }

  bool is_option(const Parameter& parameter, std::string_view name) {
    if (parameter.key != name || !parameter.value) {
      return false;
    }
    once(parameter, name);
    return true;
  }

  template <class Number>
  Number number(const Parameter& parameter, std::string_view digits) const {
    Number value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range) {
      fail(parameter.at, quoted(digits) + " is too large");
    }
    if (error != std::errc() || end != digits.data() + digits.size()) {
      fail(parameter.at, quoted(digits) + " is no number");
    }
    return value;
  }

  std::string bytes(const Parameter& parameter) const {
    const std::string_view digits = parameter.key;
    std::string result;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
      const int high = detail::hex_digit(digits[i]);
      const int low = i + 1 < digits.size() ? detail::hex_digit(digits[i + 1]) : -1;
      if (high < 0 || low < 0) {
        fail(parameter.at, quoted(digits) + " is no bytes in hexadecimal digits, two for each");
      }
      result += static_cast<char>(high * 16 + low);
    }
    return result;
  }

  std::string_view name_;
  const AnyFramingOptions& options_;
  std::vector<Parameter> parameters_;
  std::vector<std::string_view> seen_;  // parameters that may come once
};

}  // namespace

AnyFraming::AnyFraming(std::string_view name, const AnyFramingOptions& options)
    : framing_(NameParser(name, options).parse()) {}

std::string_view AnyFraming::names() noexcept {
  return all_names;
}

}  // namespace twister
