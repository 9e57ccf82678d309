#include "twister/codecs/tagged_protobuf.hpp"

#include <stdexcept>
#include <string>

#include "twister/codecs/detail/integer_bytes.hpp"
#include "twister/codecs/detail/protobuf_bytes.hpp"
#include "twister/codecs/detail/rollback.hpp"

namespace twister {

namespace {

std::uint8_t checked_width(const ProtobufTypes& types, std::size_t width) {
  if (width != 1 && width != 2 && width != 4) {
    throw std::invalid_argument("TaggedProtobuf: tag_bytes must be 1, 2 or 4, not " +
                                std::to_string(width));
  }
  if (std::uint64_t{types.largest_tag()} >> 8 * width != 0) {
    throw std::invalid_argument("TaggedProtobuf: tag " + std::to_string(types.largest_tag()) +
                                " does not fit into tag_bytes " + std::to_string(width));
  }
  return static_cast<std::uint8_t>(width);
}

}  // namespace

TaggedProtobuf::TaggedProtobuf(const ProtobufTypes& types, const TaggedProtobufOptions& options)
    : store_(types), tag_bytes_(checked_width(types, options.tag_bytes)), order_(options.order) {}

CodecError TaggedProtobuf::decode(ByteView frame) {
  if (frame.size() < tag_bytes_) {
    return {CodecErrc::bad_length, frame.size(), tag_bytes_};
  }
  const auto tag =
      static_cast<std::uint32_t>(detail::load_integer(frame.data(), tag_bytes_, order_));
  const ProtobufType* const type = types().find_tag(tag);
  if (type == nullptr) {
    return {CodecErrc::unknown_type, tag};
  }
  return store_.parse(*type, frame.subspan(tag_bytes_));
}

CodecError TaggedProtobuf::encode(const ProtobufRef& message, ByteBuffer& out) const {
  const ProtobufType* const type = types().find(message);
  if (type == nullptr || !type->tag) {
    return {CodecErrc::unencodable};
  }
  detail::Rollback rollback(out);
  detail::store_integer(*type->tag, out.prepare(tag_bytes_).data(), tag_bytes_, order_);
  out.commit(tag_bytes_);
  return rollback.keep_unless(detail::append_protobuf(message.message(), out));
}

}  // namespace twister
