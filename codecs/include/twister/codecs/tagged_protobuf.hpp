// twister/codecs/tagged_protobuf.hpp - frames of several protobuf types, each behind its number
// (target twister::protobuf).
//
//   Framed<LengthPrefixed, TaggedProtobuf> codec(types());   // types(): see protobuf_types.hpp
//
// When not to use it: where the peer names types in full, see named_protobuf.hpp and
// protobuf_any.hpp; both are longer on the wire.
#pragma once

#include <cstddef>
#include <cstdint>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/detail/protobuf_store.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/protobuf_types.hpp"

namespace twister {

struct TaggedProtobufOptions {
  std::size_t tag_bytes = 2;  // of a number: 1, 2 or 4
  ByteOrder order = ByteOrder::big;
};

// The number of a type, then a message of it. Around it, the framing's own:
//
//        length (framing)    tag (tag_bytes)    message
//      +----+----+----+----+----+----+==========================+
//      | 00 | 00 | 00 | 06 | 00 | 02 | 08 07 10 09              |   the default: 2 bytes, big endian
//      +----+----+----+----+----+----+==========================+
//
// The numbers are those of the table; what they mean is between the two sides. Unknown fields of a
// message are kept.
//
// Limits: those of Protobuf<T> for each message.
// Memory: 64 bytes for a connection that has received nothing; then 16 for each type of the table,
//   and one message of each type that has come, kept while the longest frames of each add up to no
//   more than 2 KiB. Small messages decode without allocating, and large ones do not weigh on an
//   idle connection.
// Errors: bad_length, when a frame ends inside the tag; unknown_type; malformed_protobuf. Encoding
//   unencodable, for a type that has no tag in the table, or when a required field is missing;
//   frame_too_long over 2 GiB.
// Ownership: points to the table, which outlives it. message() is the codec's, one object for each
//   type, and is read into again by the next message of that type.
class TaggedProtobuf {
 public:
  using Message = ProtobufRef;
  using Received = ReceivedProtobuf;

  // Throws std::invalid_argument for a width that is not 1, 2 or 4, or too narrow for a tag of the
  // table.
  TaggedProtobuf(  // NOLINT(google-explicit-constructor): a table is what it takes
      const ProtobufTypes& types, const TaggedProtobufOptions& options = {});
  TaggedProtobuf(const ProtobufTypes&&, const TaggedProtobufOptions& = {}) = delete;  // it is kept

  CodecError decode(ByteView frame);
  ReceivedProtobuf message() const noexcept { return store_.message(); }
  CodecError encode(const ProtobufRef& message, ByteBuffer& out) const;
  void forget() noexcept { store_.forget(); }

  const ProtobufTypes& types() const noexcept { return store_.types(); }

 private:
  detail::ProtobufStore store_;
  std::uint8_t tag_bytes_;
  ByteOrder order_;
};

}  // namespace twister
