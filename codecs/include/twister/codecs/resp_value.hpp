// twister/codecs/resp_value.hpp - what a Redis server answers: as it was received, and as a value.
//
//   for (const RespReply item : reply) use(item.text());                      // received: a view
//   send(RespValue::array({RespValue::bulk("a"), RespValue::integer(1)}));    // a value
//
// When not to use it: to write a reply as fast as can be, see resp_writer.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "twister/codecs/byte_view.hpp"

namespace twister {

enum class RespType : std::uint8_t {
  simple,      // a short text, "OK" for instance
  error,       // the same, and something went wrong
  integer,     // 64 bits with a sign
  bulk,        // any bytes
  array,       // items of any type
  null,        // no value
  null_array,  // the same where an array was asked for
};

namespace detail {

// An item of a reply that was received. An array's items follow it, each with all that is in it.
struct RespNode {
  RespType type;
  std::size_t nodes = 1;    // this one and all within
  std::int64_t number = 0;  // an integer; of a text, where it begins in the reply
  std::size_t size = 0;     // of a text in bytes, of an array in items
};

}  // namespace detail

// A reply, or an item of one, where it was received: nothing is copied.
//
// Ownership: a view, valid until the next decode() of the codec that gave it. RespValue(reply) keeps.
class RespReply {
 public:
  class Iterator;

  RespType type() const noexcept { return node_->type; }
  bool is_error() const noexcept { return type() == RespType::error; }
  bool is_null() const noexcept { return type() >= RespType::null; }

  // Of a simple string, an error or a bulk string; otherwise empty.
  std::string_view text() const noexcept {
    if (type() > RespType::bulk || type() == RespType::integer) return {};
    return as_text(bytes_).substr(static_cast<std::size_t>(node_->number), node_->size);
  }
  // Of an integer; otherwise 0.
  std::int64_t integer() const noexcept { return type() == RespType::integer ? node_->number : 0; }
  // How many items an array has; otherwise 0.
  std::size_t size() const noexcept { return type() == RespType::array ? node_->size : 0; }
  // The items of an array; of anything else none.
  Iterator begin() const noexcept;
  Iterator end() const noexcept;

 private:
  friend class RespReplies;
  RespReply(const detail::RespNode* node, ByteView bytes) noexcept : node_(node), bytes_(bytes) {}

  const detail::RespNode* node_;
  ByteView bytes_;
};

class RespReply::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = RespReply;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = RespReply;

  explicit Iterator(const RespReply& item) noexcept : item_(item) {}
  RespReply operator*() const noexcept { return item_; }
  const RespReply* operator->() const noexcept { return &item_; }
  Iterator& operator++() noexcept {
    item_.node_ += item_.node_->nodes;
    return *this;
  }
  void operator++(int) noexcept { ++*this; }
  bool operator==(const Iterator& other) const noexcept { return item_.node_ == other.item_.node_; }

 private:
  RespReply item_;
};

inline RespReply::Iterator RespReply::begin() const noexcept {
  return Iterator(RespReply(node_ + 1, bytes_));
}
inline RespReply::Iterator RespReply::end() const noexcept {
  return Iterator(RespReply(node_ + node_->nodes, bytes_));
}

// A reply as a value, with all that is in it.
//
// Limits: comparing, copying and destroying recurse, a level for each level of arrays. The codecs
//   neither make nor take one that is deeper than their max_depth.
struct RespValue {
  RespType type = RespType::null;
  std::int64_t number = 0;         // of an integer
  std::string text{};              // of a simple string, an error or a bulk string
  std::vector<RespValue> items{};  // of an array

  RespValue() = default;
  RespValue(RespType its_type, std::int64_t its_number, std::string its_text)
      : type(its_type), number(its_number), text(std::move(its_text)) {}
  explicit RespValue(const RespReply& reply);

  static RespValue simple(std::string text) { return {RespType::simple, 0, std::move(text)}; }
  static RespValue error(std::string text) { return {RespType::error, 0, std::move(text)}; }
  static RespValue integer(std::int64_t number) { return {RespType::integer, number, {}}; }
  static RespValue bulk(std::string bytes) { return {RespType::bulk, 0, std::move(bytes)}; }
  static RespValue null() { return {}; }
  static RespValue null_array() { return {RespType::null_array, 0, {}}; }
  static RespValue array(std::vector<RespValue> items) {
    RespValue value(RespType::array, 0, {});
    value.items = std::move(items);
    return value;
  }

  friend bool operator==(const RespValue&, const RespValue&) = default;
};

// A number that was sent as a text, an argument for instance, as Redis reads it: decimal, and only in
// the form in which it is written, without blanks, a plus or leading zeros.
std::optional<std::int64_t> parse_resp_integer(std::string_view text) noexcept;

}  // namespace twister
