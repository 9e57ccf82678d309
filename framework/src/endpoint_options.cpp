#include "endpoint_options.hpp"

#include <algorithm>
#include <charconv>

#include "ip_text.hpp"
#include "lookup.hpp"

namespace twister::detail {
namespace {

constexpr std::size_t max_label_bytes = 63;
constexpr std::size_t max_zone_bytes = 15;  // of an interface's name
constexpr std::size_t max_alpn_bytes = 255;
constexpr unsigned max_backlog = 65'535;
constexpr unsigned max_mode = 0777;
constexpr std::chrono::milliseconds max_time = std::chrono::hours(24);

// Digits alone: no sign, no space.
std::optional<unsigned> parse_number(std::string_view text, int base) noexcept {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool are_names(std::string_view text) {
  for (;;) {
    const std::string_view name = text.substr(0, text.find(','));
    if (name.empty() || name.size() > max_alpn_bytes) return false;
    if (name.size() == text.size()) return true;
    text.remove_prefix(name.size() + 1);
  }
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_hex_digit(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_name_character(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

// "127.1" and "0x7f000001" are addresses to some resolvers and names to nobody.
bool is_number(std::string_view label) noexcept {
  const bool is_hex = label.starts_with("0x") || label.starts_with("0X");
  if (is_hex) label.remove_prefix(2);
  return std::all_of(label.begin(), label.end(), is_hex ? is_hex_digit : is_digit);
}

}  // namespace

const SchemeName& entry_of(Endpoint::Scheme scheme) noexcept {
  return *std::find_if(schemes.begin(), schemes.end(),
                       [scheme](const SchemeName& entry) { return entry.scheme == scheme; });
}

std::string_view describe(OptionValue kind) noexcept {
  switch (kind) {
    case OptionValue::file:
      return "the name of a file";
    case OptionValue::names:
      return "names of 1 to 255 bytes with commas between them";
    case OptionValue::host:
      return "a host's name or IP address";
    case OptionValue::ip:
      return "an IP address";
    case OptionValue::flag:
      return "yes or no";
    case OptionValue::demand:
      return "optional or required";
    case OptionValue::count:
      return "a number from 1 to 65535";
    case OptionValue::mode:
      return "an octal number up to 0777";
    case OptionValue::time:
      return "a time from 1ms to 86400s, in ms or s";
  }
  return {};
}

bool is_possible(OptionValue kind, std::string_view value) {
  switch (kind) {
    case OptionValue::file:
      return !value.empty();
    case OptionValue::names:
      return are_names(value);
    case OptionValue::host:
      return parse_ip(value) || (!value.empty() && check_host_name(value) == value.size());
    case OptionValue::ip:
      return parse_ip(value).has_value();
    case OptionValue::flag:
      return parse_flag(value).has_value();
    case OptionValue::demand:
      return value == "optional" || value == "required";
    case OptionValue::count:
      return parse_count(value).has_value();
    case OptionValue::mode:
      return parse_mode(value).has_value();
    case OptionValue::time:
      return parse_time(value).has_value();
  }
  return false;
}

std::optional<unsigned> parse_count(std::string_view text) noexcept {
  const auto number = parse_number(text, 10);
  return number && *number >= 1 && *number <= max_backlog ? number : std::nullopt;
}

std::optional<unsigned> parse_mode(std::string_view text) noexcept {
  const auto number = parse_number(text, 8);
  return number && *number <= max_mode ? number : std::nullopt;
}

std::optional<bool> parse_flag(std::string_view text) noexcept {
  if (text == "yes") return true;
  if (text == "no") return false;
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_time(std::string_view text) noexcept {
  const bool is_milliseconds = text.ends_with("ms");
  if (!is_milliseconds && !text.ends_with('s')) return std::nullopt;
  const auto number = parse_number(text.substr(0, text.size() - (is_milliseconds ? 2 : 1)), 10);
  if (!number) return std::nullopt;
  const std::chrono::milliseconds time =
      is_milliseconds ? std::chrono::milliseconds(*number) : std::chrono::seconds(*number);
  if (time.count() < 1 || time > max_time) return std::nullopt;
  return time;
}

bool is_ipv4(std::string_view text) {
  return text.find(':') == text.npos && parse_ip(text);
}

bool is_ipv6(std::string_view text) {
  const std::size_t percent = text.find('%');
  const std::string_view ip = text.substr(0, percent);
  if (ip.find(':') == ip.npos || !parse_ip(ip)) return false;
  if (percent == text.npos) return true;
  const std::string_view zone = text.substr(percent + 1);
  return !zone.empty() && zone.size() <= max_zone_bytes &&
         std::all_of(zone.begin(), zone.end(),
                     [](char c) { return is_name_character(c) || c == '.'; });
}

std::size_t check_host_name(std::string_view name) noexcept {
  std::string_view last;
  for (std::size_t at = 0; at < name.size(); at += last.size() + 1) {
    last = name.substr(at, name.find('.', at) - at);
    const auto wrong = std::find_if_not(last.begin(), last.end(), is_name_character);
    if (last.empty()) return at;
    if (wrong != last.end()) return at + static_cast<std::size_t>(wrong - last.begin());
    if (last.size() > max_label_bytes) return at + max_label_bytes;
  }
  if (name.size() > max_host_bytes) return max_host_bytes;
  return is_number(last) ? 0 : name.size();
}

}  // namespace twister::detail
