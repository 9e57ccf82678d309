#include "msgpack_reader.hpp"

#include <bit>
#include <string>

#include "msgpack_format.hpp"
#include "utf8.hpp"

namespace twister::detail {

using nlohmann::json;

CodecError MsgpackReader::read(json& root) {
  for (json* place = &root; place != nullptr;) {
    if (const CodecError error = read_value(*place)) {
      return error;
    }
    if (const CodecError error = find_next(place)) {
      return error;
    }
  }
  return rest_.empty() ? CodecError{} : CodecError{CodecErrc::malformed_msgpack, position()};
}

CodecError MsgpackReader::find_next(json*& place) {
  while (!open_.empty() && open_.back().left == 0) {
    open_.pop_back();
  }
  if (open_.empty()) {
    place = nullptr;
    return {};
  }
  Level& level = open_.back();
  --level.left;
  if (level.container->is_array()) {
    owed_ -= 1;
    place = &level.container->get_ref<json::array_t&>().emplace_back();
    return {};
  }
  owed_ -= 2;
  std::string_view key;
  const CodecError error = read_key(key);
  if (!error) {
    place = &level.container->get_ref<json::object_t&>()[std::string(key)];
  }
  return error;
}

// The first byte, or the one that is never used when there is none.
std::uint8_t MsgpackReader::begin_value() {
  value_at_ = position();
  std::uint64_t type = msgpack::never_used;
  take_number(1, type);
  return static_cast<std::uint8_t>(type);
}

CodecError MsgpackReader::read_value(json& place) {
  const std::uint8_t type = begin_value();
  if (type < msgpack::fixmap) {
    place = std::uint64_t{type};
    return {};
  }
  if (type < msgpack::fixarray) {
    return open(json::value_t::object, type - msgpack::fixmap, place);
  }
  if (type < msgpack::fixstr) {
    return open(json::value_t::array, type - msgpack::fixarray, place);
  }
  if (type < msgpack::nil) {
    return read_string(type - msgpack::fixstr, place);
  }
  if (type >= msgpack::negative_fixint) {
    place = std::int64_t{type} - 256;
    return {};
  }
  return read_typed(type, place);
}

CodecError MsgpackReader::read_typed(std::uint8_t type, json& place) {
  using namespace msgpack;
  std::size_t width = 1;
  std::uint64_t number = 0;
  // Reads the number or size behind a type of a row; that behind the first one is `narrowest` wide.
  const auto take = [&](std::uint8_t first, std::size_t narrowest) {
    width = narrowest << (type - first);
    return take_number(width, number);
  };
  switch (type) {
    case nil:
      place = nullptr;
      return {};
    case false_:
    case true_:
      place = type == true_;
      return {};
    case bin8:
    case bin16:
    case bin32:
      return take(bin8, 1) ? read_binary(number, place) : malformed();
    case ext8:
    case ext16:
    case ext32:
      return take(ext8, 1) ? read_ext(number, place) : malformed();
    case float32:
    case float64:
      return take(float32, 4) ? keep_real(width, number, place) : malformed();
    case uint8:
    case uint16:
    case uint32:
    case uint64:
      return take(uint8, 1) ? keep_unsigned(number, place) : malformed();
    case int8:
    case int16:
    case int32:
    case int64:
      return take(int8, 1) ? keep_signed(width, number, place) : malformed();
    case fixext1:
    case fixext2:
    case fixext4:
    case fixext8:
    case fixext16:
      return read_ext(std::uint64_t{1} << (type - fixext1), place);
    case str8:
    case str16:
    case str32:
      return take(str8, 1) ? read_string(number, place) : malformed();
    case array16:
    case array32:
      return take(array16, 2) ? open(json::value_t::array, number, place) : malformed();
    case map16:
    case map32:
      return take(map16, 2) ? open(json::value_t::object, number, place) : malformed();
    default:
      return malformed();
  }
}

CodecError MsgpackReader::keep_unsigned(std::uint64_t number, json& place) {
  place = number;
  return {};
}

// `bits` in their low `width` bytes, the two's complement of that width.
CodecError MsgpackReader::keep_signed(std::size_t width, std::uint64_t bits, json& place) {
  const std::size_t above = 64 - 8 * width;
  const auto number = static_cast<std::int64_t>(bits << above) >> above;
  if (number >= 0) {
    return keep_unsigned(bits, place);
  }
  place = number;
  return {};
}

CodecError MsgpackReader::keep_real(std::size_t width, std::uint64_t bits, json& place) {
  if (width == 4) {
    place = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  } else {
    place = std::bit_cast<double>(bits);
  }
  return {};
}

CodecError MsgpackReader::read_string(std::uint64_t bytes, json& place) {
  std::string_view text;
  const CodecError error = take_text(bytes, text);
  if (!error) {
    place = text;
  }
  return error;
}

CodecError MsgpackReader::read_binary(std::uint64_t bytes, json& place) {
  if (bytes > rest_.size()) {
    return malformed();
  }
  const ByteView body = rest_.first(static_cast<std::size_t>(bytes));
  rest_ = rest_.subspan(body.size());
  const auto* const first = reinterpret_cast<const std::uint8_t*>(body.data());
  place = json::binary(json::binary_t::container_type(first, first + body.size()));
  return {};
}

CodecError MsgpackReader::read_ext(std::uint64_t bytes, json& place) {
  std::uint64_t type = 0;
  if (!take_number(1, type)) {
    return malformed();
  }
  const CodecError error = read_binary(bytes, place);
  if (!error) {
    place.get_binary().set_subtype(type);
  }
  return error;
}

CodecError MsgpackReader::read_key(std::string_view& key) {
  const std::uint8_t type = begin_value();
  if (type >= msgpack::fixstr && type < msgpack::nil) {
    return take_text(type - msgpack::fixstr, key);
  }
  std::uint64_t bytes = 0;
  if (type < msgpack::str8 || type > msgpack::str32 ||
      !take_number(std::size_t{1} << (type - msgpack::str8), bytes)) {
    return malformed();
  }
  return take_text(bytes, key);
}

CodecError MsgpackReader::take_text(std::uint64_t bytes, std::string_view& text) {
  if (bytes > rest_.size()) {
    return malformed();
  }
  const ByteView body = rest_.first(static_cast<std::size_t>(bytes));
  if (options_.strings == MsgpackStrings::utf8) {
    if (const std::size_t valid = utf8_prefix_bytes(body); valid < body.size()) {
      return {CodecErrc::invalid_utf8, position() + valid};
    }
  }
  rest_ = rest_.subspan(body.size());
  text = as_text(body);
  return {};
}

bool MsgpackReader::take_number(std::size_t width, std::uint64_t& number) {
  if (width > rest_.size()) {
    return false;
  }
  number = 0;
  for (const std::byte byte : rest_.first(width)) {
    number = number << 8 | std::to_integer<std::uint64_t>(byte);
  }
  rest_ = rest_.subspan(width);
  return true;
}

CodecError MsgpackReader::open(json::value_t type, std::uint64_t count, json& place) {
  if (open_.size() >= options_.max_depth) {
    return {CodecErrc::too_deep, open_.size() + 1, options_.max_depth};
  }
  items_ += count;
  if (items_ > options_.max_items) {
    return {CodecErrc::too_many_items, items_, options_.max_items};
  }
  owed_ += type == json::value_t::array ? count : 2 * count;
  if (owed_ > rest_.size()) {
    return malformed();
  }
  place = type;
  if (type == json::value_t::array) {
    place.get_ref<json::array_t&>().reserve(static_cast<std::size_t>(count));
  }
  open_.push_back({&place, count});
  return {};
}

}  // namespace twister::detail
