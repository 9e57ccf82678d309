// twister/rpc/detail/stream_state.hpp - one side of a call whose messages are streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/codecs/byte_view.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/protocol.hpp>
#include <twister/rpc/detail/stream_memory.hpp>
#include <twister/rpc/status.hpp>

namespace twister::detail {

// The call that a stream belongs to, and its way to the peer.
class RpcStreamLink {
 public:
  // A data frame; `message`, or bytes that were one.
  virtual WriteStatus send_data(const google::protobuf::MessageLite* message, ByteView bytes) = 0;
  virtual void send_credit(std::uint32_t bytes) = 0;
  virtual void send_end() = 0;
  // `paused`: the connection has more output than it should. `closed`: it sends no more, or the call has ended.
  virtual WriteStatus output_status() const noexcept = 0;
  // What the peer takes as one message, as far as that is known. It is once there is credit.
  virtual std::size_t max_message_bytes() const noexcept = 0;
  // Ends the call: from the side that answers, by answering; from the other one, by giving it up.
  virtual void end_call(const RpcStatus& status) = 0;
  // The same for what a receiver of messages has thrown. To be called in a catch clause.
  virtual void end_call_with_exception() = 0;
  virtual std::string_view method_name() const noexcept = 0;  // for the log
  virtual void retain_call() noexcept = 0;
  virtual void release_call() noexcept = 0;
  // The same for the user's handles, which the call may depend on.
  virtual void add_handle() noexcept { retain_call(); }
  virtual void remove_handle() noexcept { release_call(); }

 protected:
  ~RpcStreamLink() = default;
};

// For the time of a function, what it may end stays.
class KeptCall {
 public:
  explicit KeptCall(RpcStreamLink& link) noexcept : link_(&link) { link.retain_call(); }
  KeptCall(KeptCall&& other) noexcept : link_(std::exchange(other.link_, nullptr)) {}
  KeptCall& operator=(KeptCall&&) = delete;
  ~KeptCall() {
    if (link_ != nullptr) link_->release_call();
  }

 private:
  RpcStreamLink* link_;
};

// Credit: each side says how many bytes it takes, 12 for the frame and those of the message, and says more as
// they are taken. What may be sent while there is any left may overdraw it, so that one message is never too
// large.
//
// Ownership: the call's. Threads: the loop's.
class RpcStreamState {
 public:
  using MessageLite = google::protobuf::MessageLite;

  static constexpr std::size_t frame_bytes = 12;
  // Messages that were sent without credit; send() does not take more.
  static constexpr std::size_t max_unsent_bytes = 1024 * 1024;

  // `receives` bytes may come before any was taken.
  RpcStreamState(RpcStreamLink& link, std::int64_t sends, std::size_t receives) noexcept
      : link_(link),
        send_credit_(sends),
        window_(receives),
        receive_credit_(static_cast<std::int64_t>(receives)),
        open_(sends > 0) {}
  ~RpcStreamState() { counts_in(nullptr); }
  RpcStreamState(const RpcStreamState&) = delete;
  RpcStreamState& operator=(const RpcStreamState&) = delete;

  // ---- for the user's handles ----

  WriteStatus send(const MessageLite& message);
  // Once, when send() would not say `paused` any more, or the call has ended.
  void when_ready(std::function<void()> function);
  // The same for who would wait for ever if another took its place: throws std::logic_error if one waits.
  void await_ready(std::function<void()> resume);
  void forget_ready() noexcept { on_ready_ = nullptr; }  // who awaited is gone
  void end_sending();
  bool ready() const noexcept { return unsent_.empty() && has_credit(); }
  // What was sent would go nowhere.
  bool closed() const noexcept { return link_.output_status() == WriteStatus::closed; }

  enum class Taken { message, nothing, end };
  // The next message. After the end, status() says how it was. Throws std::logic_error if another receives.
  Taken take(MessageLite& into);
  // Once, when take() would not say `nothing` any more. Throws std::logic_error if another waits.
  void await_readable(std::function<void()> resume);
  void forget_readable() noexcept { on_readable_ = nullptr; }
  // Calls for every message from now on, and for the end. Throws std::logic_error if one waits for a message.
  void receive(std::function<bool(ByteView)> on_message,
               std::function<void(const RpcStatus&)> on_end);
  bool has_receiver() const noexcept { return receives_; }
  void pause() noexcept { paused_ = true; }
  void resume();
  const std::optional<RpcStatus>& status() const noexcept { return status_; }
  RpcStreamLink& link() const noexcept { return link_; }

  // ---- for the wire ----

  // Where what it keeps counts from now on; null for nowhere.
  void counts_in(std::shared_ptr<RpcStreamMemory> memory) noexcept;
  // Null, or why the peer was not to send it.
  const char* on_data(ByteView message);
  // The reply of a call that has one.
  void on_reply(ByteView message);
  void on_credit(std::uint32_t bytes);
  // Ends the call, and receives no more, also while the answer waits behind what was sent.
  void break_off(const RpcStatus& why);
  // The peer has sent all.
  void on_end();
  // The call was answered, and that is read behind what the peer has sent before.
  void on_answer(const RpcStatus& status);
  // The call has ended in another way: what was not taken is dropped.
  void on_abandon(const RpcStatus& status);
  void on_output_low();
  // The answer waits until all has been sent: true, and the link's end_call() comes when it has.
  bool defers(const RpcStatus& status);

 private:
  bool has_credit() const noexcept {
    return send_credit_ > 0 && link_.output_status() == WriteStatus::queued;
  }
  WriteStatus write(std::size_t size, const MessageLite* message, ByteView bytes);
  void send_unsent();
  void taken(std::size_t bytes);
  ByteView front() const noexcept;
  bool has_room(std::size_t bytes) const noexcept {
    return memory_ == nullptr || memory_->has_room(bytes);
  }
  void count() noexcept;
  void pump();
  void hand_on_all();
  bool hand_on(ByteView message);
  void tell_end() noexcept;
  void tell(const char* callback, std::function<void()>& once) noexcept;
  void tell_ready();

  RpcStreamLink& link_;
  std::int64_t send_credit_;
  std::size_t window_;
  std::int64_t receive_credit_;
  std::size_t taken_ = 0;  // and not yet given back as credit
  ByteBuffer unsent_;      // messages behind their length, u32
  ByteBuffer received_;    // the same
  std::shared_ptr<RpcStreamMemory> memory_;
  std::size_t counted_ = 0;  // there
  std::function<void()> on_ready_;
  std::function<void()> on_readable_;
  std::function<bool(ByteView)> on_message_;
  std::function<void(const RpcStatus&)> on_end_;
  std::optional<RpcStatus> status_;  // of the receiving side
  std::optional<RpcStatus> deferred_;
  bool open_;          // the peer knows of the stream: there was credit
  bool ends_ = false;  // end_sending() was called
  bool end_sent_ = false;
  bool paused_ = false;
  bool pumping_ = false;
  bool telling_ready_ = false;
  bool receives_ = false;  // receive() was called
};

}  // namespace twister::detail
