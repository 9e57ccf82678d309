#include "twister/codecs/resp_value.hpp"

#include <charconv>

namespace twister {

// Item by item, without recursion: an array's items have all their memory before the first is made,
// so that none moves.
RespValue::RespValue(const RespReply& reply) {
  struct Open {
    RespReply::Iterator next;
    RespReply::Iterator end;
    RespValue* value;
  };
  std::vector<Open> open;
  const auto take = [&open](RespValue& value, const RespReply& from) {
    value.type = from.type();
    value.number = from.integer();
    value.text = from.text();
    value.items.reserve(from.size());
    if (from.size() > 0) open.push_back({from.begin(), from.end(), &value});
  };
  take(*this, reply);
  while (!open.empty()) {
    if (open.back().next == open.back().end) {
      open.pop_back();
      continue;
    }
    const RespReply item = *open.back().next;
    ++open.back().next;
    take(open.back().value->items.emplace_back(), item);
  }
}

std::optional<std::int64_t> parse_resp_integer(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (text[text[0] == '-' ? 1 : 0] == '0' && text != "0") return std::nullopt;
  return value;
}

}  // namespace twister
