// twister/protocols/message_protocol.hpp - a Protocol that receives and sends whole messages.
//
//   class Upper : public twister::MessageProtocol<twister::LengthPrefixed> {
//     void on_message(twister::ByteView message) override { send(to_upper(message)); }
//   };
//
// Not for a raw stream of bytes: that is Protocol itself.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/codecs/codec.hpp>
#include <twister/log.hpp>
#include <twister/protocol.hpp>

namespace twister {

// Bytes to messages and back, by any Codec.
//
// Messages are decoded where they were received; only the part of a message that is not complete
// yet is kept, and the rest of a large one is received straight behind it. Closing or pausing
// inside on_message stops delivery at once: after a close nothing more comes, after a pause it goes
// on where it stopped.
//
// Limits: those of the codec. What breaks them closes the connection, with the codec's error as the
//   reason; replies that are queued still leave.
// Errors: a stream that ends inside a message is Errc::truncated_message.
template <Codec C>
class MessageProtocol : public Protocol {
 public:
  using Message = typename C::Message;
  using Received = typename C::Received;

  explicit MessageProtocol(C codec = C()) : codec_(std::move(codec)) {}

  // One message. What it refers to is valid until this returns.
  virtual void on_message(Received message) = 0;
  // The codec was told to skip what it refuses, and has skipped a message. Told once each.
  virtual void on_message_skipped(const CodecError&) {}
  // The stream cannot be read any further, and the connection closes with this error. What is sent
  // here still leaves: protocols that name the mistake do it now.
  virtual void on_message_error(const CodecError&) {}

  // Queues a message. `refused` when the codec cannot encode it: nothing is written, encode_error()
  // and a line in the log say why.
  WriteStatus send(const Message& message) {
    const WriteStatus status = write_in_place([&](ByteBuffer& out) {
      encode_error_ = codec_.encode(message, out);
      return !encode_error_;
    });
    if (status == WriteStatus::refused) [[unlikely]]
      log_refused();
    return status;
  }

  // What was wrong with the message that the last send() refused.
  const CodecError& encode_error() const noexcept { return encode_error_; }

  // May be given another value, also inside on_message: the bytes behind that message are decoded by
  // it. To go on with another Protocol, see switch_protocol().
  C& codec() noexcept { return codec_; }

  void on_data(ByteView chunk) override {
    if (kept_.empty()) {
      const std::size_t used = decode(chunk);
      if (used < chunk.size()) kept_.append(chunk.subspan(used));
    } else {
      if (chunk.data() == kept_.data() + kept_.size()) {
        kept_.commit(chunk.size());  // received in place
      } else {
        if (in_place_) set_room_aside();
        kept_.append(chunk);
      }
      decode_kept();
    }
    watch_rest();
    in_place_ = aside_ == nullptr && !kept_.empty() && needed_ >= min_in_place_bytes;
    receive_in_place(in_place_);
  }

  EofAction on_eof() override {
    if (codec_.finish(kept_.view())) {
      close_with({.code = Errc::truncated_message,
                  .detail = std::to_string(kept_.size()) + " bytes into it"});
    }
    return EofAction::close;
  }

 private:
  void log_refused() const {
    const std::string peer = peer_address().to_string();
    log(LogLevel::warning, "send_refused", {{"peer", peer}, {"why", encode_error_.message()}});
  }

  // Below this, copying what is missing is cheaper than a receive of its own.
  static constexpr std::size_t min_in_place_bytes = 16 * 1024;
  // A length is only a promise: the buffer for it at most doubles with what has really come.
  static constexpr std::size_t max_trusted_bytes = 256 * 1024;

  void on_reading_resumed() final {
    if (kept_.empty()) return;
    decode_kept();
    watch_rest();
  }

  // The time that a message may take runs while a part of it is all there is.
  void watch_rest() {
    if (!partial_ && !watched_) return;
    watched_ = partial_;
    keeps_input(partial_ ? kept_.size() : 0, completed_);
  }

  std::size_t kept_bytes() const noexcept final { return kept_.size(); }
  ByteBuffer take_kept() final { return std::move(kept_); }

  std::span<std::byte> receive_buffer() final {
    return kept_.prepare(std::min(needed_, std::max(max_trusted_bytes, kept_.size())));
  }

  // A server hands over other bytes than those that were received in place, and may still look at
  // these: what is kept moves elsewhere, and this connection is received into as usual from now on.
  void set_room_aside() {
    aside_ = std::make_unique<ByteBuffer>(std::move(kept_));
    kept_ = ByteBuffer();
    kept_.append(aside_->view());
  }

  void decode_kept() { kept_.consume(decode(kept_.view())); }

  // Hands over the messages at the front of `input`, and returns how many bytes they took.
  std::size_t decode(ByteView input) {
    std::size_t used = 0;
    needed_ = 0;
    partial_ = false;
    completed_ = false;
    bool accepts = accepts_data();
    while (used < input.size() && accepts) {
      const DecodeResult result = codec_.decode(input.subspan(used));
      if (result.status == DecodeResult::Status::error) {
        on_message_error(result.error);
        close_with({.code = result.error.error_code(), .detail = result.error.message()});
        return input.size();
      }
      used += result.consumed;
      if (result.status == DecodeResult::Status::incomplete) {
        needed_ = result.needed;
        partial_ = true;
        break;
      }
      completed_ = true;
      if (result.status == DecodeResult::Status::message) {
        on_message(codec_.message());
      } else {
        on_message_skipped(result.error);
      }
      accepts = delivered_message();
    }
    // The next message may be long in coming.
    if constexpr (requires { codec_.forget(); }) codec_.forget();
    return is_open() ? used : input.size();
  }

  C codec_;
  CodecError encode_error_;
  ByteBuffer kept_;         // the beginning of the next message
  std::size_t needed_ = 0;  // how much of it is missing, if known
  bool in_place_ = false;   // the next bytes come straight behind it
  bool partial_ = false;    // the last decode() ended inside a message
  bool completed_ = false;  // and had found others before it
  bool watched_ = false;    // message_timeout runs
  std::unique_ptr<ByteBuffer> aside_;
};

}  // namespace twister
