// twister/codecs/detail/protobuf_bytes.hpp - a protobuf message from bytes and into them, as every
// payload of this family does it.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>

#include "twister/codecs/byte_buffer.hpp"
#include "twister/codecs/byte_view.hpp"
#include "twister/codecs/error.hpp"

namespace twister::detail {

// `M` is a generated class, whose calls are then direct, or google::protobuf::MessageLite.
template <class M>
CodecError parse_protobuf(M& message, ByteView bytes) {
  if (bytes.size() > INT_MAX) {  // protobuf counts in int
    return {CodecErrc::malformed_protobuf, bytes.size(), INT_MAX};
  }
  // In two steps: ParseFromArray logs every missing field, which would let a peer fill the log.
  if (!message.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !message.IsInitialized()) {
    return {CodecErrc::malformed_protobuf, bytes.size()};
  }
  return {};
}

// How many bytes append_sized_protobuf() will write, or why there is no form on the wire.
template <class M>
CodecError size_of_protobuf(const M& message, std::size_t& size) {
  if (!message.IsInitialized()) {
    return {CodecErrc::unencodable};
  }
  size = message.ByteSizeLong();  // kept in the message for the next step
  if (size > INT_MAX) {
    return {CodecErrc::frame_too_long, size, INT_MAX};
  }
  return {};
}

// `size` as size_of_protobuf() gave it; the message has not been changed since.
template <class M>
void append_sized_protobuf(const M& message, std::size_t size, ByteBuffer& out) {
  message.SerializeWithCachedSizesToArray(
      reinterpret_cast<std::uint8_t*>(out.prepare(size).data()));
  out.commit(size);
}

// On an error `out` is as it was.
template <class M>
CodecError append_protobuf(const M& message, ByteBuffer& out) {
  std::size_t size = 0;
  if (const CodecError error = size_of_protobuf(message, size)) {
    return error;
  }
  append_sized_protobuf(message, size, out);
  return {};
}

}  // namespace twister::detail
