// twister/codecs/protobuf.hpp - frames of one protobuf message type (target twister::protobuf).
//
//   Framed<LengthPrefixed, Protobuf<game::Packet>> codec;
//
// When not to use it: for several message types on one connection, make one with a oneof, or see
// tagged_protobuf.hpp.
#pragma once

#include <concepts>
#include <cstddef>

#include <google/protobuf/message_lite.h>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/detail/protobuf_bytes.hpp"
#include "twister/codecs/framed.hpp"

namespace twister {

// The wire form of a message, without any length: the framing says where it ends. `T` is what is
// received, `Sent` what is sent: the two directions often have a type each. Works with the lite
// runtime too. Unknown fields are kept.
//
// Limits: those of the framing; protobuf's own 100 levels of nesting; 2 GiB, as it counts in int.
// Errors: malformed_protobuf, also when a required field is missing or a string is not UTF-8
//   (proto3); encoding unencodable, when a required field is missing, and frame_too_long over
//   2 GiB. protobuf itself writes a line to standard error for each string that is not UTF-8, as
//   often as a peer likes: servers call log_protobuf() at start-up (twister/protocols/protobuf_log.hpp),
//   which hands them to twister's log and its limit.
// Ownership: message() is the codec's and reused, with the memory of its fields, by the next
//   decode(); swap or move from it to keep it. After a frame over `kept_frame_bytes` it is new.
template <std::derived_from<google::protobuf::MessageLite> T,
          std::derived_from<google::protobuf::MessageLite> Sent = T>
class Protobuf {
 public:
  using Message = Sent;
  using Received = T&;

  // A message that came in more bytes than this is not kept for its memory: small ones decode
  // without allocating, and a large one does not weigh on an idle connection. Fields can take some
  // forty times the bytes that announce them.
  static constexpr std::size_t kept_frame_bytes = 1024;

  CodecError decode(ByteView frame) {
    forget();
    frame_bytes_ = frame.size();
    return detail::parse_protobuf(message_, frame);
  }

  T& message() noexcept { return message_; }

  CodecError encode(const Sent& message, ByteBuffer& out) const {
    return detail::append_protobuf(message, out);
  }

  void forget() {
    if (frame_bytes_ > kept_frame_bytes) {
      message_ = T();
      frame_bytes_ = 0;
    }
  }

 private:
  T message_;
  std::size_t frame_bytes_ = 0;
};

}  // namespace twister
