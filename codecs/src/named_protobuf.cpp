#include "twister/codecs/named_protobuf.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "twister/codecs/detail/adler32.hpp"
#include "twister/codecs/detail/protobuf_bytes.hpp"
#include "twister/codecs/detail/rollback.hpp"

#include "big_endian.hpp"

namespace twister {

namespace {

constexpr std::size_t length_bytes = 4;   // of the name's length
constexpr std::size_t shortest_name = 2;  // a character and the NUL
constexpr std::size_t around_name = length_bytes + detail::checksum_bytes;

}  // namespace

CodecError NamedProtobuf::decode(ByteView frame) {
  if (frame.size() < around_name + shortest_name) {
    return {CodecErrc::bad_length, frame.size(), around_name + shortest_name};
  }
  if (!detail::ends_with_checksum(frame)) {
    return {CodecErrc::bad_checksum, frame.size()};
  }
  const std::uint64_t name_bytes = detail::load_be32(frame);
  if (name_bytes < shortest_name) {
    return {CodecErrc::bad_length, name_bytes, shortest_name};
  }
  if (name_bytes > frame.size() - around_name) {
    return {CodecErrc::bad_length, frame.size(), around_name + name_bytes};
  }
  const ByteView body = frame.first(frame.size() - detail::checksum_bytes).subspan(length_bytes);
  const std::string_view name = as_text(body.first(static_cast<std::size_t>(name_bytes)));
  // The one NUL is the last byte: a table has no name with another.
  const ProtobufType* const type =
      name.back() == '\0' ? types().find_name(name.substr(0, name.size() - 1)) : nullptr;
  if (type == nullptr) {
    return {CodecErrc::unknown_type, name.size() - 1, types().longest_name()};
  }
  return store_.parse(*type, body.subspan(name.size()));
}

CodecError NamedProtobuf::encode(const ProtobufRef& message, ByteBuffer& out) const {
  const ProtobufType* const type = types().find(message);
  if (type == nullptr) {
    return {CodecErrc::unencodable};
  }
  const std::size_t mark = out.size();
  detail::Rollback rollback(out);
  detail::append_be32(static_cast<std::uint32_t>(type->name.size() + 1), out);
  out.append(type->name);
  out.push_back(std::byte{0});
  if (const CodecError error = detail::append_protobuf(message.message(), out)) {
    return error;
  }
  detail::append_checksum(out, mark);
  rollback.keep();
  return {};
}

}  // namespace twister
