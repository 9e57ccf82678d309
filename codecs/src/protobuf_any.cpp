#include "twister/codecs/protobuf_any.hpp"

#include <climits>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "twister/codecs/detail/protobuf_bytes.hpp"
#include "twister/codecs/detail/rollback.hpp"
#include "twister/codecs/detail/varint_bytes.hpp"

#include "utf8.hpp"

namespace twister {

namespace {

constexpr std::string_view prefix = "type.googleapis.com/";

// The two fields, views into the frame.
struct AnyFields {
  std::string_view type_url;
  ByteView value;
};

// The wire format of one message, as far as an Any needs it. Every function is false at what
// protobuf would refuse, too.
class Reader {
 public:
  explicit Reader(ByteView bytes) noexcept : rest_(bytes) {}

  bool read(AnyFields& fields) {
    while (!rest_.empty()) {
      std::uint64_t tag = 0;
      if (!read_varint(max_tag_bytes, tag)) {
        return false;
      }
      const auto key = static_cast<std::uint32_t>(tag);  // protobuf drops the bits above, too
      if (key >> 3 == 0 || !read_field(key, fields)) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::size_t max_tag_bytes = 5;
  static constexpr std::size_t max_length_bytes = 5;
  static constexpr std::size_t max_varint_bytes = 10;

  bool read_field(std::uint32_t key, AnyFields& fields) {
    std::uint64_t number = 0;
    ByteView bytes;
    switch (key & 7u) {
      case 0:
        return read_varint(max_varint_bytes, number);
      case 1:
        return take(8, bytes);
      case 2:
        if (!read_varint(max_length_bytes, number) || !take(number, bytes)) {
          return false;
        }
        return keep(key >> 3, bytes, fields);
      case 5:
        return take(4, bytes);
      default:
        return false;  // groups, and what is no wire type
    }
  }

  static bool keep(std::uint32_t field, ByteView bytes, AnyFields& fields) {
    if (field == 1) {
      fields.type_url = as_text(bytes);
      return detail::utf8_prefix_bytes(bytes) == bytes.size();
    }
    if (field == 2) {
      fields.value = bytes;
    }
    return true;
  }

  bool read_varint(std::size_t max_bytes, std::uint64_t& value) {
    value = 0;
    for (std::size_t i = 0; i < max_bytes && i < rest_.size(); ++i) {
      const auto byte = std::to_integer<std::uint64_t>(rest_[i]);
      value |= (byte & 0x7fu) << 7 * i;
      if (byte < 0x80) {
        rest_ = rest_.subspan(i + 1);
        return true;
      }
    }
    return false;
  }

  bool take(std::uint64_t count, ByteView& bytes) {
    if (count > rest_.size()) {
      return false;
    }
    bytes = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(bytes.size());
    return true;
  }

  ByteView rest_;
};

// The name behind the last "/"; empty, which names nothing, when there is none.
std::string_view name_in(std::string_view type_url) {
  const std::size_t slash = type_url.rfind('/');
  return slash == type_url.npos ? std::string_view() : type_url.substr(slash + 1);
}

void append_field(std::uint32_t field, std::size_t length, ByteBuffer& out) {
  std::byte bytes[detail::max_varint_bytes];
  out.push_back(static_cast<std::byte>(field << 3 | 2u));
  out.append(ByteView(bytes, detail::store_varint(bytes, length)));
}

}  // namespace

CodecError ProtobufAny::decode(ByteView frame) {
  AnyFields any;
  if (frame.size() > INT_MAX || !Reader(frame).read(any)) {
    return {CodecErrc::malformed_protobuf, frame.size()};
  }
  const std::string_view name = name_in(any.type_url);
  const ProtobufType* const type = types().find_name(name);
  if (type == nullptr) {
    return {CodecErrc::unknown_type, name.size(), types().longest_name()};
  }
  return store_.parse(*type, any.value);
}

CodecError ProtobufAny::encode(const ProtobufRef& message, ByteBuffer& out) const {
  const ProtobufType* const type = types().find(message);
  if (type == nullptr) {
    return {CodecErrc::unencodable};
  }
  std::size_t size = 0;
  if (const CodecError error = detail::size_of_protobuf(message.message(), size)) {
    return error;
  }
  detail::Rollback rollback(out);
  append_field(1, prefix.size() + type->name.size(), out);
  out.append(prefix);
  out.append(type->name);
  if (size > 0) {
    append_field(2, size, out);
    detail::append_sized_protobuf(message.message(), size, out);
  }
  rollback.keep();
  return {};
}

}  // namespace twister
