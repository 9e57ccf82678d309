// twister/rpc/torpc_codec.hpp - the messages of torpc, and their bytes.
//
// For peers and servers, see torpc.hpp; the wire is described in docs/reference/wire/torpc.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nlohmann/json.hpp>

#include <twister/codecs/codec.hpp>
#include <twister/codecs/framed.hpp>
#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/msgpack.hpp>

namespace twister {

enum class TorpcType : std::int8_t {
  request = 0,
  response = 1,
  notice = 2,         // a request that is not answered
  register_name = 3,  // a request that names its sender
};

struct TorpcMessage {
  TorpcType type = TorpcType::request;
  std::int32_t id = 0;
  // An array of two: [method, [argument, ...]] of a request and a notice, [error, result] of a
  // response, one of them null, and ["register", name].
  nlohmann::json body{};

  friend bool operator==(const TorpcMessage&, const TorpcMessage&) = default;
};

// What stands behind the length of a frame.
//
//      +------+----+----+----+----+=========================+
//      | type | id (signed)       | body: MessagePack       |     big endian
//      +------+----+----+----+----+=========================+
//
// Sending: the raw forms of MessagePack alone, which is all that peers of torpc's time know, so that
//   the bytes are theirs. Receiving: any forms; strings may hold any bytes.
// Errors: those of Msgpack; unknown_type with the type as a byte; malformed_msgpack at 0 for a body
//   of another shape. header() says whose it was in any case. Encoding also unencodable.
// Ownership: message() is the payload's, freed when the input runs dry; move from it to keep it.
class TorpcPayload {
 public:
  using Message = TorpcMessage;
  using Received = TorpcMessage&;

  struct Header {
    std::int8_t type = 0;
    std::int32_t id = 0;
  };

  TorpcPayload() : TorpcPayload(MsgpackOptions{}) {}
  // Of the options, the limits count. Throws std::invalid_argument for a max_depth over 1000.
  explicit TorpcPayload(const MsgpackOptions& limits);

  CodecError decode(ByteView frame);
  TorpcMessage& message() noexcept { return message_; }
  // Of the last frame, whatever was wrong with its body.
  const Header& header() const noexcept { return header_; }
  CodecError encode(const TorpcMessage& message, ByteBuffer& out) const;
  void forget() noexcept;

 private:
  Msgpack msgpack_;
  Header header_;
  TorpcMessage message_;
};

//        length (signed)     type  id (signed)         body (length bytes)
//      +----+----+----+----+----+----+----+----+----+=====================+
//      | 00 | 00 | 00 | 0a | 00 | 00 | 00 | 00 | 00 | ["echo", ["hi"]]    |     `!ibi` + MessagePack
//      +----+----+----+----+----+----+----+----+----+=====================+
//
// The length counts the body alone. One that is negative is as long as it is without its sign: over
// the limit.
using TorpcCodec = Framed<LengthPrefixed, TorpcPayload>;

// Bodies of more than `max_body_bytes` are an error; other bad ones are skipped, see
// TorpcPayload::header(). Throws std::invalid_argument for more than 2^31 - 1, and as TorpcPayload().
TorpcCodec torpc_codec(std::size_t max_body_bytes = 1024 * 1024, const MsgpackOptions& limits = {});

}  // namespace twister
