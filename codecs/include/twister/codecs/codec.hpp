// twister/codecs/codec.hpp - what a codec is: bytes into messages, messages into bytes.
//
//   LengthPrefixed codec;  // the same object for both directions
//   DecodeResult result = codec.decode(buffer.view());
//   if (result.status == DecodeResult::Status::message) use(codec.message());
//   buffer.consume(result.consumed);
//
// A codec does no input or output and knows no socket, clock, thread or log. It is one of
//   a framing                    finds where frames begin and end        LengthPrefixed, Lines
//   Framed<Framing, Payload>     ... and turns each frame into a value   JsonLines
// To write one of your own, satisfy the concept below; nothing has to be inherited.
#pragma once

#include <concepts>
#include <cstddef>

#include "twister/codecs/byte_buffer.hpp"
#include "twister/codecs/byte_view.hpp"
#include "twister/codecs/error.hpp"

namespace twister {

// What one call of decode() found.
struct DecodeResult {
  enum class Status {
    message,     // one message, to be had from the codec's message(); call decode() again
    incomplete,  // no more without more bytes
    skipped,     // a message was refused and is being stepped over (told once); call decode() again
    error,       // the stream cannot be read any further; every later call says the same
  };

  Status status = Status::incomplete;
  // Bytes to drop from the front before the next call. Never 0 with a message or a skipped one; may
  // be over 0 with incomplete, while a skipped frame or blanks between two frames go by. Without
  // meaning after an error.
  std::size_t consumed = 0;
  // With incomplete: no message can come of fewer than this many further bytes; 0 when unknown.
  // Never more than the limit and a header, so it may be allocated. The header alone is asked for
  // first.
  std::size_t needed = 0;
  // With a message: the frame it was in, a view into the input.
  ByteView frame{};
  // With skipped and error: why.
  CodecError error{};
};

// What becomes of a frame over the limit.
enum class Oversize {
  fail,  // an error: the stream ends here
  skip,  // that frame is stepped over, never stored, and told once; the next one decodes
};

// What becomes of the bytes that end a frame. It is the same in both directions: what decode() gives
// can be given to encode().
enum class Terminator {
  strip,  // they are not in the message; encode() appends them
  keep,   // they are in the message; encode() expects them there
};

// Bytes to messages and back.
//
//   Message   what encode() takes by const reference
//   Received  what message() gives: a view, or a reference to an object of the codec, reused
//
//   decode(input)         `input` is everything unconsumed, each time: it begins where the last
//                         call stopped consuming and never gets shorter otherwise. What was scanned
//                         once is not scanned again. Which messages, skips and errors come out, and
//                         in which order, does not depend on how the bytes were cut into calls.
//   message()             after Status::message, until the next decode(); may be moved from
//   encode(message, out)  appends header and body; on an error, and when memory fails, `out` is as it
//                         was before. No part of the message lies in `out`, which may move while
//                         it is written; only framings, whose message is one view, cope with that
//   finish(rest)          end of stream, after decode() said incomplete: no error between messages,
//                         CodecErrc::truncated inside one, the sticky error after one
//   forget()              may be there: nobody will look at message() any more, and the connection may
//                         now be idle for long, so memory that is not worth keeping is given back
//
// Limits: a size is judged in one place, on the header or as soon as it is certain, before a byte
//   is stored.
// Errors: nothing is thrown on account of content; std::bad_alloc may leave a codec that allocates.
template <class C>
concept Codec = requires(C codec, const C& idle, ByteView bytes, ByteBuffer& out,
                         const typename C::Message& message) {
  typename C::Received;
  { codec.decode(bytes) } -> std::same_as<DecodeResult>;
  { codec.message() } -> std::same_as<typename C::Received>;
  { codec.encode(message, out) } -> std::same_as<CodecError>;
  { idle.finish(bytes) } -> std::same_as<CodecError>;
};

// A codec whose messages are the frames themselves, and which can put a frame around a body that is
// written in place:
//
//   begin_frame(out)      appends room for a header; gives a mark to hand to end_frame
//   end_frame(out, mark)  fills the header in, or checks the body and appends the terminator; on an
//                         error, and when memory fails, `out` is as it was before begin_frame
template <class F>
concept Framing = Codec<F> && std::same_as<typename F::Message, ByteView> &&
    std::same_as<typename F::Received, ByteView> &&
    requires(F framing, ByteBuffer& out, std::size_t mark) {
  { framing.begin_frame(out) } -> std::same_as<std::size_t>;
  { framing.end_frame(out, mark) } -> std::same_as<CodecError>;
};

// The body of one frame to a value and back. decode() is given exactly one whole frame. forget() may
// be there as in a Codec.
template <class P>
concept Payload = requires(P payload, ByteView frame, ByteBuffer& out,
                           const typename P::Message& message) {
  typename P::Received;
  { payload.decode(frame) } -> std::same_as<CodecError>;
  { payload.message() } -> std::same_as<typename P::Received>;
  { payload.encode(message, out) } -> std::same_as<CodecError>;
};

}  // namespace twister
