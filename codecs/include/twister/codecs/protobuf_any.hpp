// twister/codecs/protobuf_any.hpp - frames of several protobuf types, each inside a
// google.protobuf.Any (target twister::protobuf).
//
//   Framed<LengthPrefixed, ProtobufAny> codec(types());   // types(): see protobuf_types.hpp
//
// When not to use it: where both sides are yours, see tagged_protobuf.hpp: an Any repeats some 30
// bytes of name with each message.
#pragma once

#include "twister/codecs/codec.hpp"
#include "twister/codecs/detail/protobuf_store.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/protobuf_types.hpp"

namespace twister {

// An Any, read and written without the class of that name: the message is parsed where it lies, and
// the lite runtime is enough.
//
//        1: type_url                                 2: value
//      +----+----+---------------------------------+----+----+==============+
//      | 0a | 1d | type.googleapis.com/game.Move   | 12 | 04 | 08 07 10 09  |
//      +----+----+---------------------------------+----+----+==============+
//
// What follows the last "/" of type_url names the type; there has to be one, and what is ahead of it
// has no meaning. As in every protobuf message, fields may come in any order, the last of two counts,
// a value that is not there is an empty message, and fields with other numbers are stepped over.
//
// Limits: those of Protobuf<T> for each message; a name is looked up in the table and nowhere else.
// Errors: malformed_protobuf, for the Any as for what is in it, also when type_url is not UTF-8, and
//   for groups around it, which protobuf would step over; unknown_type. Encoding as NamedProtobuf.
// Memory, Ownership: as TaggedProtobuf's.
class ProtobufAny {
 public:
  using Message = ProtobufRef;
  using Received = ReceivedProtobuf;

  ProtobufAny(  // NOLINT(google-explicit-constructor): a table is what it takes
      const ProtobufTypes& types)
      : store_(types) {}
  ProtobufAny(const ProtobufTypes&&) = delete;  // it is kept

  CodecError decode(ByteView frame);
  ReceivedProtobuf message() const noexcept { return store_.message(); }
  // Writes what Any::PackFrom() would: the prefix type.googleapis.com, and no value if it is empty.
  CodecError encode(const ProtobufRef& message, ByteBuffer& out) const;
  void forget() noexcept { store_.forget(); }

  const ProtobufTypes& types() const noexcept { return store_.types(); }

 private:
  detail::ProtobufStore store_;
};

}  // namespace twister
