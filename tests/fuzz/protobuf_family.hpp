// What the fuzz targets of the payloads for several protobuf types have in common.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/common.h>

#include "twister/codecs/framed.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/protobuf_types.hpp"

#include "cuts.hpp"
#include "game.pb.h"
#include "muduo.pb.h"
#include "person.pb.h"
#include "ping.pb.h"

namespace twister::fuzz {

inline const ProtobufTypes& types() {
  static const auto table = ProtobufTypes()
                                .add<game::Join>(1)
                                .add<game::Move>(2)
                                .add<game::Map>(4)
                                .add<muduo::Call>(200)
                                .add<lite::Ping>(7)
                                .add<testing_codecs::Person>(70'000);
  return table;
}

// The type and the bytes of a message, maps in the order of their keys.
inline std::string described(const ProtobufType& type,
                             const google::protobuf::MessageLite& message) {
  std::string text = type.name + " ";
  google::protobuf::io::StringOutputStream stream(&text);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&coded);
  coded.Trim();
  return text;
}

struct TypeAndBytes {
  std::string operator()(const ReceivedProtobuf& received) const {
    return described(received.type(), received.message());
  }
};

// What protobuf itself makes of `bytes` as that type: what TypeAndBytes would say, or nothing.
inline std::string parsed_by_protobuf(const ProtobufType& type, std::string_view bytes) {
  const std::unique_ptr<google::protobuf::MessageLite> message(type.prototype->New());
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return "";
  }
  return described(type, *message);
}

// A stream in frames of one byte's length, cut as the input says.
template <class P>
void compare_cuts_of(const P& payload, Choices choices) {
  const unsigned flags = choices.next();
  const unsigned seed = choices.next();
  const Framed<LengthPrefixed, P> codec(
      LengthPrefixed({.width = 1,
                      .max_frame_bytes = 200,
                      .on_oversize = (flags & 1u) != 0 ? Oversize::skip : Oversize::fail}),
      payload, (flags & 2u) != 0 ? BadPayload::skip : BadPayload::fail);
  compare_cuts(codec, choices.rest(), seed, TypeAndBytes());
}

// Decodes one frame; expects what `wanted` says, nothing when it is to be refused, and that the same
// comes back once it was encoded. Twice, because the second reuses the message of the first.
template <class P>
void expect_frame(P payload, std::string_view frame, const std::string& wanted) {
  for (int round = 0; round < 2; ++round) {
    if (payload.decode(as_bytes(frame))) {
      expect(wanted.empty(), "refused what protobuf reads");
      continue;
    }
    expect(TypeAndBytes()(payload.message()) == wanted, "read differently from protobuf");
    ByteBuffer out;
    expect(!payload.encode(payload.message(), out), "what was decoded cannot be encoded");
    P again = payload;
    expect(!again.decode(out.view()), "what was encoded cannot be decoded");
    expect(TypeAndBytes()(again.message()) == wanted, "changed by the round trip");
    payload.forget();
  }
}

}  // namespace twister::fuzz
