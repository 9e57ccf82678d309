#include "twister/codecs/resp_value.hpp"

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

}  // namespace twister
