#include "msgpack_writer.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "msgpack_format.hpp"
#include "utf8.hpp"

namespace twister::detail {

using nlohmann::json;

namespace {

// The largest size that a header can say.
constexpr std::uint64_t largest = std::numeric_limits<std::uint32_t>::max();

}  // namespace

CodecError MsgpackWriter::write(const json& root) {
  CodecError error = write_value(root);
  while (!error && !open_.empty()) {
    Level& level = open_.back();
    if (level.next == level.container->cend()) {
      open_.pop_back();
      continue;
    }
    const json::const_iterator member = level.next++;
    if (level.container->is_object()) {
      error = write_string(as_bytes(member.key()));
    }
    if (!error) {
      error = write_value(*member);  // may open a level, and move the one above
    }
  }
  return error;
}

CodecError MsgpackWriter::write_value(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      put(msgpack::nil);
      return {};
    case json::value_t::boolean:
      put(value.get<bool>() ? msgpack::true_ : msgpack::false_);
      return {};
    case json::value_t::number_unsigned:
      write_unsigned(value.get<json::number_unsigned_t>());
      return {};
    case json::value_t::number_integer:
      write_signed(value.get<json::number_integer_t>());
      return {};
    case json::value_t::number_float:
      write_double(value.get<json::number_float_t>());
      return {};
    case json::value_t::string:
      return write_string(as_bytes(value.get_ref<const json::string_t&>()));
    case json::value_t::binary:
      return write_binary(value.get_binary());
    case json::value_t::array:
    case json::value_t::object:
      return open(value);
    case json::value_t::discarded:
      break;
  }
  return {CodecErrc::unencodable};
}

void MsgpackWriter::write_unsigned(std::uint64_t number) {
  if (number < msgpack::fixmap) {
    put(static_cast<std::uint8_t>(number));
  } else {
    put_narrowest(msgpack::uint8, 1, number);
  }
}

void MsgpackWriter::write_signed(std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  if (number >= 0) {
    write_unsigned(bits);
  } else if (number >= -32) {
    put(static_cast<std::uint8_t>(bits));
  } else {
    std::uint8_t type = msgpack::int8;
    std::size_t width = 1;
    while (~bits >> (8 * width - 1) != 0) {
      ++type;
      width *= 2;
    }
    put(type, width, bits);
  }
}

// Bits are compared, so that -0.0 and those of a NaN survive. A finite number that float cannot hold
// must not be converted to it.
void MsgpackWriter::write_double(double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  const bool may_fit =
      !std::isfinite(number) || std::abs(number) <= std::numeric_limits<float>::max();
  if (may_fit && !sends_raw()) {
    const auto narrow = static_cast<float>(number);
    if (std::bit_cast<std::uint64_t>(static_cast<double>(narrow)) == bits) {
      put(msgpack::float32, 4, std::bit_cast<std::uint32_t>(narrow));
      return;
    }
  }
  put(msgpack::float64, 8, bits);
}

CodecError MsgpackWriter::write_string(ByteView bytes) {
  if (bytes.size() > largest) {
    return {CodecErrc::unencodable, bytes.size(), largest};
  }
  if (options_.strings == MsgpackStrings::utf8) {
    if (const std::size_t valid = utf8_prefix_bytes(bytes); valid < bytes.size()) {
      return {CodecErrc::invalid_utf8, valid};
    }
  }
  if (bytes.size() < msgpack::nil - msgpack::fixstr) {
    put(static_cast<std::uint8_t>(msgpack::fixstr + bytes.size()));
  } else if (sends_raw()) {
    put_narrowest(msgpack::str16, 2, bytes.size());
  } else {
    put_narrowest(msgpack::str8, 1, bytes.size());
  }
  out_.append(bytes);
  return {};
}

CodecError MsgpackWriter::write_binary(const json::binary_t& binary) {
  const ByteView bytes = std::as_bytes(std::span(binary));
  if (bytes.size() > largest) {
    return {CodecErrc::unencodable, bytes.size(), largest};
  }
  if (binary.has_subtype()) {
    if (sends_raw() || binary.subtype() > 0xff) {
      return {CodecErrc::unencodable, binary.subtype(), 0xff};
    }
    write_ext_header(bytes.size(), binary.subtype());
  } else if (sends_raw()) {
    return write_string(bytes);
  } else {
    put_narrowest(msgpack::bin8, 1, bytes.size());
  }
  out_.append(bytes);
  return {};
}

void MsgpackWriter::write_ext_header(std::size_t bytes, std::uint64_t type) {
  if (bytes <= 16 && std::has_single_bit(bytes)) {
    put(static_cast<std::uint8_t>(msgpack::fixext1 + std::countr_zero(bytes)));
  } else {
    put_narrowest(msgpack::ext8, 1, bytes);
  }
  out_.push_back(static_cast<std::byte>(type));
}

CodecError MsgpackWriter::open(const json& container) {
  if (open_.size() >= options_.max_depth) {
    return {CodecErrc::too_deep, open_.size() + 1, options_.max_depth};
  }
  const std::uint64_t count = container.size();
  items_ += count;
  if (items_ > options_.max_items) {
    return {CodecErrc::too_many_items, items_, options_.max_items};
  }
  if (count > largest) {
    return {CodecErrc::unencodable, count, largest};
  }
  const bool is_array = container.is_array();
  if (count < 16) {
    const std::uint8_t fix = is_array ? msgpack::fixarray : msgpack::fixmap;
    put(static_cast<std::uint8_t>(fix + count));
  } else {
    put_narrowest(is_array ? msgpack::array16 : msgpack::map16, 2, count);
  }
  open_.push_back({&container, container.cbegin()});
  return {};
}

// `type`, and behind it `number` in `width` bytes.
void MsgpackWriter::put(std::uint8_t type, std::size_t width, std::uint64_t number) {
  const std::span<std::byte> room = out_.prepare(1 + width);
  room[0] = static_cast<std::byte>(type);
  for (std::size_t i = width; i > 0; --i, number >>= 8) {
    room[i] = static_cast<std::byte>(number & 0xffu);
  }
  out_.commit(1 + width);
}

// The same with the first of a row of types whose number is wide enough; that of `type` has `width`.
void MsgpackWriter::put_narrowest(std::uint8_t type, std::size_t width, std::uint64_t number) {
  while (width < sizeof number && number >> (8 * width) != 0) {
    ++type;
    width *= 2;
  }
  put(type, width, number);
}

}  // namespace twister::detail
