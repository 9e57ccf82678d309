// What the tests of the payloads for several protobuf types share.
#pragma once

#include <string>

#include <google/protobuf/message.h>

#include "twister/codecs/protobuf_types.hpp"

#include "decode_all.hpp"
#include "game.pb.h"

namespace twister::testing_codecs {

inline const ProtobufTypes& game_types() {
  static const auto types =
      ProtobufTypes().add<game::Join>(1).add<game::Move>(2).add<game::Leave>(3).add<game::Map>(4);
  return types;
}

inline game::Move move_to(int x, int y) {
  game::Move move;
  move.set_x(x);
  move.set_y(y);
  return move;
}

inline game::Join join_as(const std::string& name) {
  game::Join join;
  join.set_name(name);
  return join;
}

// "game.Move x: 1 y: 2"
struct TypeAndText {
  std::string operator()(const ReceivedProtobuf& received) const {
    const auto& message = dynamic_cast<const google::protobuf::Message&>(received.message());
    const std::string text = message.ShortDebugString();
    return received.type().name + (text.empty() ? "" : " ") + text;
  }
};

// All of a message, to compare: protobuf has no operator==.
struct TypeAndContent {
  std::string operator()(const google::protobuf::MessageLite& message) const {
    return message.GetTypeName() + " " + message.SerializeAsString();
  }
  std::string operator()(const ProtobufRef& sent) const { return (*this)(sent.message()); }
  std::string operator()(const ReceivedProtobuf& received) const {
    return (*this)(received.message());
  }
};

template <class P>
std::string encoded(const P& payload, const typename P::Message& message) {
  ByteBuffer out;
  const CodecError error = payload.encode(message, out);
  return error ? error.message() : to_hex(out.view());
}

template <class P>
CodecError refusal_of(P payload, const std::string& frame) {
  return payload.decode(as_bytes(frame));
}

}  // namespace twister::testing_codecs
