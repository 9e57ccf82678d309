// twister/codecs/named_protobuf.hpp - frames of several protobuf types, each behind its name and
// with a checksum, as muduo's example codec writes them (target twister::protobuf).
//
//   Framed<LengthPrefixed, NamedProtobuf> codec(types());   // types(): see protobuf_types.hpp
//
// When not to use it: where both sides are yours, see tagged_protobuf.hpp: two bytes do the work of
// a name, and TCP has a checksum.
#pragma once

#include "twister/codecs/codec.hpp"
#include "twister/codecs/detail/protobuf_store.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/protobuf_types.hpp"

namespace twister {

// The type's full name, a message of it, and the Adler-32 of both. With LengthPrefixed's default
// around it, byte for byte what muduo's examples/protobuf/codec speaks:
//
//        length (framing)    bytes of name, and NUL    name                 message   checksum
//      +----+----+----+----+----+----+----+----+-----------------------------+====+----+----+----+----+
//      | 00 | 00 | 00 | 14 | 00 | 00 | 00 | 0c | m u d u o . E m p t y  00   |    | 1f | 5b | 04 | 74 |
//      +----+----+----+----+----+----+----+----+-----------------------------+====+----+----+----+----+
//                          '------------------ the checksum's ------------------'
//
// Numbers are big endian. The checksum is judged first, then the name, then the message. It finds
// accidents: who means harm computes it, too.
//
// Limits: those of Protobuf<T> for each message; a name is looked up in the table and nowhere else.
//   muduo itself takes frames of up to 64 MiB.
// Errors: bad_length, when a frame is too short for its parts, or a name for a character;
//   bad_checksum; unknown_type; malformed_protobuf. Encoding unencodable, for a type that is not in
//   the table, or when a required field is missing; frame_too_long over 2 GiB.
// Memory, Ownership: as TaggedProtobuf's.
class NamedProtobuf {
 public:
  using Message = ProtobufRef;
  using Received = ReceivedProtobuf;

  NamedProtobuf(  // NOLINT(google-explicit-constructor): a table is what it takes
      const ProtobufTypes& types)
      : store_(types) {}
  NamedProtobuf(const ProtobufTypes&&) = delete;  // it is kept

  CodecError decode(ByteView frame);
  ReceivedProtobuf message() const noexcept { return store_.message(); }
  CodecError encode(const ProtobufRef& message, ByteBuffer& out) const;
  void forget() noexcept { store_.forget(); }

  const ProtobufTypes& types() const noexcept { return store_.types(); }

 private:
  detail::ProtobufStore store_;
};

}  // namespace twister
