// twister/codecs/checksummed_protobuf.hpp - frames of one protobuf type behind a mark and with a
// checksum, as muduo's ProtobufCodecLite and its RPC write them (target twister::protobuf).
//
//   Framed<LengthPrefixed, ChecksummedProtobuf<muduo::net::RpcMessage>> codec;   // the mark "RPC0"
//
// When not to use it: where the peer is no muduo, Protobuf<T> says the same in fewer bytes.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <google/protobuf/message_lite.h>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/detail/adler32.hpp"
#include "twister/codecs/detail/rollback.hpp"
#include "twister/codecs/protobuf.hpp"

namespace twister {

// A mark, which is always the same, a message, and the Adler-32 of both. With LengthPrefixed's
// default around it:
//
//        length (framing)    mark                message    checksum, big endian
//      +----+----+----+----+----+----+----+----+==========+----+----+----+----+
//      | 00 | 00 | 00 | 13 | R  | P  | C  | 0  | 08 01 .. | 0f | ef | 01 | 32 |
//      +----+----+----+----+----+----+----+----+==========+----+----+----+----+
//                          '----- the checksum's ---------'
//
// The checksum is judged first, then the mark, then the message.
//
// Limits: those of Protobuf<T>. muduo itself takes frames of up to 64 MiB.
// Errors: bad_length, when a frame is too short for mark and checksum; bad_checksum; unknown_type,
//   for another mark; and those of Protobuf<T>.
// Ownership: as Protobuf<T>'s.
template <std::derived_from<google::protobuf::MessageLite> T,
          std::derived_from<google::protobuf::MessageLite> Sent = T>
class ChecksummedProtobuf {
 public:
  using Message = Sent;
  using Received = T&;

  ChecksummedProtobuf() = default;
  explicit ChecksummedProtobuf(std::string mark) : mark_(std::move(mark)) {}

  CodecError decode(ByteView frame) {
    const std::size_t around = mark_.size() + detail::checksum_bytes;
    if (frame.size() < around) {
      return {CodecErrc::bad_length, frame.size(), around};
    }
    if (!detail::ends_with_checksum(frame)) {
      return {CodecErrc::bad_checksum, frame.size()};
    }
    if (as_text(frame.first(mark_.size())) != mark_) {
      return {CodecErrc::unknown_type, mark_.size(), mark_.size()};
    }
    return payload_.decode(frame.subspan(mark_.size(), frame.size() - around));
  }

  T& message() noexcept { return payload_.message(); }

  CodecError encode(const Sent& message, ByteBuffer& out) const {
    const std::size_t mark = out.size();
    detail::Rollback rollback(out);
    out.append(mark_);
    if (const CodecError error = payload_.encode(message, out)) {
      return error;
    }
    detail::append_checksum(out, mark);
    rollback.keep();
    return {};
  }

  void forget() { payload_.forget(); }

 private:
  std::string mark_ = "RPC0";
  Protobuf<T, Sent> payload_;
};

}  // namespace twister
