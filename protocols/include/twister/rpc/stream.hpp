// twister/rpc/stream.hpp - calls whose requests, or replies, are streams of messages.
//
//   services.on_server_stream<Query, Tick>("market.Market/Watch",
//       [](RpcContext&, const Query& query, RpcWriter<Tick> ticks) -> RpcTask<> {
//         for (const Tick& tick : history(query)) {
//           const bool wanted = co_await ticks.ready();
//           if (!wanted) co_return;  // nobody listens any more
//           ticks.send(tick);
//         }
//       });
//
//   auto ticks = open_server_stream<Tick>(client, "market.Market/Watch", query);
//   ticks.receive([](Tick& tick) { ... }, [](const RpcStatus& status) { ... });
//
// Each direction has credit of its own, so that a receiver that is slow holds nothing up but its stream.
//
// Functions that are given here, and coroutines that wait, are called from the loop, and, unlike those of calls
// with one reply, also inside some of the functions below; each of these says so. send() calls nothing.
#pragma once

#include <coroutine>
#include <functional>
#include <optional>
#include <utility>

#include <twister/protocol.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/detail/stream_state.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

namespace detail {

// A reference to one side of a call.
class StreamRef {
 public:
  StreamRef() = default;
  explicit StreamRef(RpcStreamState& state) noexcept : state_(&state) { state.link().add_handle(); }
  StreamRef(const StreamRef& other) noexcept : state_(other.state_) {
    if (state_ != nullptr) state_->link().add_handle();
  }
  StreamRef(StreamRef&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  StreamRef& operator=(StreamRef other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~StreamRef() {
    if (state_ != nullptr) state_->link().remove_handle();
  }
  RpcStreamState& operator*() const noexcept { return *state_; }
  RpcStreamState* operator->() const noexcept { return state_; }

 private:
  RpcStreamState* state_ = nullptr;
};

}  // namespace detail

// Sends the messages of a stream.
//
// Ownership: copies refer to the same stream. On the side that answers, the call ends INTERNAL when the last is
//   destroyed without finish(); a coroutine's ends when the coroutine does.
// Threads: the loop's.
// Limits: the receiver's credit, the connection's high-water mark, and 1 MiB of what was sent in spite of them;
//   then send() drops the message.
template <class Message>
class RpcWriter {
 public:
  explicit RpcWriter(detail::RpcStreamState& state) noexcept : state_(state) {}

  // `paused`: taken, but the receiver has to catch up, or the connection; wait for when_ready(). `dropped`: not
  // taken, for too much waits. `closed`: the call has ended, or this stream has, or the connection closes.
  // `refused`: a required field is missing, or it is larger than the peer takes; the stream goes on.
  WriteStatus send(const Message& message) const { return state_->send(message); }
  // Calls the function once: when there is room for a message, or the call has ended, as closed() tells. Where
  // that is so already, it is called inside this; who asks again in it looks at closed() first. One slot; the
  // last wins.
  void when_ready(std::function<void()> function) const { state_->when_ready(std::move(function)); }
  // The stream is complete. Of the side that calls.
  void end() const { state_->end_sending(); }
  // Ends the call, behind what was sent, whatever the status. Of the side that answers: its reader, if it has not
  // come to an end, is told inside this, and inside RpcReply's functions.
  void finish(const RpcStatus& status = {}) const { state_->link().end_call(status); }
  // Nobody receives any more: the call has ended, however it did.
  bool closed() const noexcept { return state_->closed(); }

  class Ready {
   public:
    explicit Ready(const RpcWriter& writer) noexcept : writer_(writer) {}
    Ready(const Ready&) = delete;
    Ready& operator=(const Ready&) = delete;
    ~Ready() {
      if (awaiting_) writer_.state_->forget_ready();
    }
    bool await_ready() const noexcept { return writer_.closed() || writer_.state_->ready(); }
    void await_suspend(std::coroutine_handle<> awaiting) {
      awaiting_ = awaiting;  // before, as it may be resumed at once
      try {
        writer_.state_->await_ready([this] { std::exchange(awaiting_, {}).resume(); });
      } catch (...) {
        awaiting_ = {};
        throw;
      }
    }
    bool await_resume() const noexcept { return !writer_.closed(); }

   private:
    const RpcWriter& writer_;
    std::coroutine_handle<> awaiting_;
  };
  // Awaits room for a message: false when the call has ended. One waits at a time; for another one, it throws
  // std::logic_error.
  Ready ready() const noexcept { return Ready(*this); }

 private:
  detail::StreamRef state_;
};

// Receives the messages of a stream.
//
// Ownership: copies refer to the same stream. On the side that calls, the call is cancelled when its last reader
//   and writer are destroyed, unless a function was given to receive(). Threads: the loop's.
// Limits: what was not taken is kept, and is never more than the stream's credit and one message.
template <class Message>
class RpcReader {
 public:
  explicit RpcReader(detail::RpcStreamState& state) noexcept : state_(state) {}

  // Calls `on_message` for each message, which may be moved from, and then `on_end`, once: with the status of
  // the call, or, on the side that answers, ok when the caller's stream is complete, and CANCELLED when it is
  // not and the call was answered all the same. What the peer sent before it answered is received before; when
  // the call ends in another way, what was not taken is dropped. Then both functions are destroyed. Called
  // again, also by one of them, it puts others in their place. What there is already is handed on inside this.
  void receive(std::function<void(Message&)> on_message,
               std::function<void(const RpcStatus&)> on_end) const {
    state_->receive(
        [on_message = std::move(on_message)](ByteView bytes) {
          Message message;
          if (!detail::parse_reply(message, bytes)) return false;
          on_message(message);
          return true;
        },
        std::move(on_end));
  }
  // Stops and goes on; meanwhile the sender uses its credit up, and stops too. What was kept is handed on inside
  // resume(). When the call ends other than by an answer, so does the pause.
  void pause() const noexcept { state_->pause(); }
  void resume() const { state_->resume(); }
  // Ends the call. On the side that calls, `on_end` is told later, from the loop; on the other one inside this.
  void cancel() const {
    state_->link().end_call(RpcStatus(RpcCode::cancelled, "cancelled by its receiver"));
  }

  class Read {
   public:
    explicit Read(const RpcReader& reader) noexcept : reader_(reader) {}
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    ~Read() {
      if (awaiting_) reader_.state_->forget_readable();
    }
    bool await_ready() { return try_take(); }
    void await_suspend(std::coroutine_handle<> awaiting) {
      reader_.state_->await_readable([this] { std::exchange(awaiting_, {}).resume(); });
      awaiting_ = awaiting;
    }
    std::optional<Message> await_resume() {
      if (taken_ == detail::RpcStreamState::Taken::nothing) try_take();
      if (taken_ == detail::RpcStreamState::Taken::message) return std::move(message_);
      const auto& status = reader_.state_->status();
      if (status && !status->ok()) throw RpcError(*status);
      return std::nullopt;
    }

   private:
    bool try_take() {
      taken_ = reader_.state_->take(message_);
      return taken_ != detail::RpcStreamState::Taken::nothing;
    }

    const RpcReader& reader_;
    std::coroutine_handle<> awaiting_;
    Message message_;
    detail::RpcStreamState::Taken taken_ = detail::RpcStreamState::Taken::nothing;
  };
  // Awaits the next message; nothing when there are no more. Throws RpcError when the call has failed. One waits
  // at a time, and none where a function receives; otherwise it throws std::logic_error.
  Read read() const { return Read(*this); }

 private:
  detail::StreamRef state_;
};

// Both directions of a call, on the side that calls.
template <class Sent, class Received>
struct RpcStream {
  RpcWriter<Sent> writer;
  RpcReader<Received> reader;
};

// A request, and a stream of replies.
template <class Received>
RpcReader<Received> open_server_stream(RpcCaller& caller, const RpcMethodRef& method,
                                       const google::protobuf::MessageLite& request,
                                       const RpcCallOptions& options = {}) {
  return RpcReader<Received>(caller.open_stream(method, &request, options, false));
}

// A stream of requests, and one reply: the reader gets it, and then the end.
template <class Sent, class Received>
RpcStream<Sent, Received> open_client_stream(RpcCaller& caller, const RpcMethodRef& method,
                                             const RpcCallOptions& options = {}) {
  detail::RpcStreamState& state = caller.open_stream(method, nullptr, options, true);
  return {RpcWriter<Sent>(state), RpcReader<Received>(state)};
}

// Streams both ways, in any order.
template <class Sent, class Received>
RpcStream<Sent, Received> open_stream(RpcCaller& caller, const RpcMethodRef& method,
                                      const RpcCallOptions& options = {}) {
  detail::RpcStreamState& state = caller.open_stream(method, nullptr, options, false);
  return {RpcWriter<Sent>(state), RpcReader<Received>(state)};
}

}  // namespace twister
