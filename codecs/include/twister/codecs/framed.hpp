// twister/codecs/framed.hpp - a framing and a payload make a codec.
//
//   using Packets = Framed<LengthPrefixed, Protobuf<game::Packet>>;
//   Packets codec(LengthPrefixed({.width = 2}));
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/detail/rollback.hpp"

namespace twister {

// What becomes of a frame that is whole but holds no message.
enum class BadPayload : std::uint8_t {
  fail,  // an error: the stream ends here
  skip,  // told once as skipped; the next frame decodes. For servers that answer bad requests
};

// `F` finds the frames, `P` turns each into a message.
//
// Limits: those of the framing for sizes, those of the payload for what is inside.
// Errors: those of both. An error of the framing is sticky; one of the payload as BadPayload says.
// Ownership: the message belongs to the payload and is reused by the next decode().
template <Framing F, Payload P>
class Framed {
 public:
  using Message = typename P::Message;
  using Received = typename P::Received;

  Framed() = default;
  explicit Framed(F framing, P payload = P(), BadPayload on_bad_payload = BadPayload::fail)
      : framing_(std::move(framing)),
        payload_(std::move(payload)),
        on_bad_payload_(on_bad_payload) {}

  // The framing with its defaults.
  explicit Framed(P payload) requires std::default_initializable<F> : payload_(std::move(payload)) {
  }

  DecodeResult decode(ByteView input) {
    if (error_) [[unlikely]] {
      return {.status = DecodeResult::Status::error, .error = error_};
    }
    DecodeResult result = framing_.decode(input);
    if (result.status == DecodeResult::Status::message) {
      if (const CodecError error = payload_.decode(result.frame)) [[unlikely]] {
        return refuse(result, error);
      }
    } else if constexpr (requires(P & payload) { payload.forget(); }) {
      payload_.forget();
    }
    return result;
  }

  Received message() { return payload_.message(); }

  CodecError encode(const Message& message, ByteBuffer& out) {
    detail::Rollback rollback(out);
    const std::size_t mark = framing_.begin_frame(out);
    CodecError error = payload_.encode(message, out);
    if (!error) [[likely]] {
      error = framing_.end_frame(out, mark);
    }
    return rollback.keep_unless(error);
  }

  CodecError finish(ByteView rest) const { return error_ ? error_ : framing_.finish(rest); }

  F& framing() noexcept { return framing_; }
  P& payload() noexcept { return payload_; }

 private:
  DecodeResult refuse(const DecodeResult& frame, const CodecError& error) {
    if (on_bad_payload_ == BadPayload::fail) {
      error_ = error;
      return {.status = DecodeResult::Status::error, .error = error};
    }
    return {.status = DecodeResult::Status::skipped,
            .consumed = frame.consumed,
            .frame = frame.frame,
            .error = error};
  }

  F framing_;
  P payload_;
  CodecError error_;
  BadPayload on_bad_payload_ = BadPayload::fail;
};

}  // namespace twister
