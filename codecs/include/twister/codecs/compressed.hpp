// twister/codecs/compressed.hpp - a payload that travels compressed.
//
//   Framed<LengthPrefixed, Compressed<Zlib, Json>> codec;
//
// When not to use it: for messages of less than some hundred bytes, which hardly shrink; and beneath
// TLS where a secret and what a stranger chose share a message, whose size then tells of the secret.
#pragma once

#include <concepts>
#include <utility>

#include "twister/codecs/codec.hpp"

namespace twister {

// One message to its compressed form and back; messages know nothing of one another. Both append to
// `out`, of which `bytes` are no part, and leave it as it was on an error and when memory fails.
//
//   compress(bytes, out)    refuses what decompress() would
//   decompress(bytes, out)  is given exactly one whole message; stops at its limit while it inflates
template <class C>
concept Compressor = requires(C compressor, ByteView bytes, ByteBuffer& out) {
  { compressor.compress(bytes, out) } -> std::same_as<CodecError>;
  { compressor.decompress(bytes, out) } -> std::same_as<CodecError>;
};

// A payload between a framing and another payload: what `P` writes is compressed, what arrives is
// inflated and given to `P`. Every message is compressed, however small: there is no flag on the wire
// that could say otherwise, and so it is what a peer's library reads and writes.
//
// Limits: the framing's for what travels, the compressor's for what comes of it, the payload's for
//   what is inside.
// Errors: those of both.
// Ownership: what was inflated is kept until the next decode(), since a message may be a view into it.
//   Idle, once forget() was called, there are two buffers of at most ByteBuffer::kept_capacity each.
//   A copy has the settings and no message.
template <Compressor C, Payload P>
class Compressed {
 public:
  using Message = typename P::Message;
  using Received = typename P::Received;

  Compressed() = default;
  explicit Compressed(C compressor, P payload = P())
      : compressor_(std::move(compressor)), payload_(std::move(payload)) {}
  Compressed(Compressed&&) noexcept = default;
  Compressed& operator=(Compressed&&) noexcept = default;
  Compressed(const Compressed& other) : Compressed(other.compressor_, other.payload_) {}
  Compressed& operator=(const Compressed& other) {
    Compressed copy(other);
    *this = std::move(copy);
    return *this;
  }
  ~Compressed() = default;

  CodecError decode(ByteView frame) {
    inflated_.clear();
    CodecError error = compressor_.decompress(frame, inflated_);
    if (!error) {
      error = payload_.decode(inflated_.view());
    }
    if (error) [[unlikely]] {
      inflated_.release();
    }
    return error;
  }

  Received message() { return payload_.message(); }

  CodecError encode(const Message& message, ByteBuffer& out) {
    const Emptied afterwards{plain_};
    if (const CodecError error = payload_.encode(message, plain_)) {
      return error;
    }
    return compressor_.compress(plain_.view(), out);
  }

  void forget() {
    if constexpr (requires(P & payload) { payload.forget(); }) {
      payload_.forget();
    }
    inflated_.consume(inflated_.size());
  }

  C& compressor() noexcept { return compressor_; }
  P& payload() noexcept { return payload_; }

 private:
  // Frees a large block, also when something throws: who only sends is never told to forget.
  struct Emptied {
    ByteBuffer& buffer;
    ~Emptied() { buffer.consume(buffer.size()); }
  };

  C compressor_;
  P payload_;
  ByteBuffer inflated_;  // the message there is
  ByteBuffer plain_;     // empty between calls
};

}  // namespace twister
