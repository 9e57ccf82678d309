// src/stream.hpp - one connection: a transport below, a Protocol above. How it begins is in
// stream_establish.cpp, what it sends in stream_output.cpp, how it ends in stream_end.cpp, its times in
// stream_deadlines.cpp, its limits in stream_limits.cpp.
//
// The states, each one only ever followed by a later one:
//   opening    on_connect has not been called yet; the transport may still be connecting
//   open       bytes flow both ways
//   closing    close() was called, or the peer ended: output is flushed, nothing is delivered
//   lingering  FIN is sent; input is discarded until the peer's FIN or linger_timeout
//   dying      over: finish() reports it and deletes the stream when the loop serves it next
//   gone       being reported
// Invariants:
//   1. Only serve() deletes a stream, and only from the loop (~LoopCore aside): no call from above
//      does.
//   2. Callbacks to the Protocol are made from on_ready(), serve() and what they call; never from
//      the verbs, which set flags and schedule.
//   3. readable_ is true as long as the transport may have something that was not received: a short
//      receive clears it, an event sets it (edge-triggered).
//   4. output_ is null exactly when nothing is queued.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <twister/error.hpp>
#include <twister/handle.hpp>
#include <twister/io_loop.hpp>
#include <twister/protocol.hpp>
#include <twister/stream_options.hpp>
#include <twister/transport.hpp>

#include "admission.hpp"
#include "loop_core.hpp"
#include "output_queue.hpp"
#include "stream_shared.hpp"

namespace twister::detail {

class Stream final : public TransportEvents {
 public:
  // The stream belongs to the loop, which deletes it after on_close; on_connect comes from the
  // loop.
  static Stream& open(LoopCore& loop, std::unique_ptr<Transport> transport,
                      std::unique_ptr<Protocol> protocol,
                      std::shared_ptr<const StreamShared> options, TcpServer* server = nullptr);
  // The same for a connection whose Protocol is built when the transport is established.
  static Stream& open_arriving(LoopCore& loop, std::unique_ptr<Transport> transport,
                               Arrival arrival, std::shared_ptr<const StreamShared> options,
                               TcpServer* server = nullptr);

  // ---- what a Protocol asks for ----

  WriteStatus write(ByteView bytes);
  WriteStatus write(const SharedBytes& bytes);
  WriteStatus write_droppable(const SharedBytes& bytes);
  ByteBuffer* begin_write();
  WriteStatus end_write(bool keep);
  void shutdown_write();
  void close(CloseReason reason);
  void abort(CloseReason reason);
  // It closes, or is closed, for another reason than was given before.
  void blame(CloseReason reason);
  void read_until_close(std::function<void(ByteView)> on_chunk);
  void set_close_callback(std::function<void(const CloseReason&)> callback);
  void pause_reading() noexcept { paused_ = true; }
  void resume_reading();
  bool is_open() const noexcept { return state_ <= State::open; }
  bool accepts_data() const noexcept {
    return state_ == State::open && reading_ && !paused_ && !held_by_output() && !establishing_ &&
           !held_;
  }
  void receive_in_place(bool on) noexcept { in_place_ = on; }
  // A message was delivered; whether another one may be.
  bool delivered_message() {
    if (rated_) [[unlikely]]
      count_message();
    return accepts_data();
  }
  // The Protocol keeps so many bytes of a message that is not complete; `anew`: of another one than
  // before.
  void keeps_input(std::size_t bytes, bool anew);
  // What the Protocol keeps is counted from the end of this turn on, as long as there is any.
  void account_input() noexcept { accounts_ = true; }
  // Returns what it was.
  std::chrono::milliseconds set_idle_timeout(std::chrono::milliseconds timeout);
  std::size_t queued_bytes() const noexcept { return output_ == nullptr ? 0 : output_->size(); }
  // With what a layer has taken and not sent.
  std::size_t unsent_bytes() const noexcept { return queued_bytes() + transport_->unsent().bytes; }
  const Transport& transport() const noexcept { return *transport_; }
  // Sends what was written, then puts a layer around the transport and calls the function when that
  // is established. A Protocol that still has input then, or a peer that does not take all of the
  // output at once, ends the connection: nothing may be taken for part of the other conversation.
  // Before the connection is there, it waits for that. False while another layer is being added.
  bool start_layer(const TransportLayer& layer, std::function<void()> established);
  // Gives the connection to another Protocol at the end of the turn. False while that is to come.
  bool switch_protocol(std::unique_ptr<Protocol> next, ByteView rest);
  // Calls the function, from the loop, when all that was written so far was taken by the kernel, or
  // with the reason why it never will be.
  void when_sent(std::function<void(std::error_code)> function);
  void keep_admission(Admission admission);
  LoopCore& loop() const noexcept { return loop_; }
  const StreamOptions& options() const noexcept { return *options_; }
  std::shared_ptr<HandleCore> handle();

  // ---- what a server and the loop ask for ----

  Protocol& protocol() noexcept { return *protocol_; }
  // Its Protocol has not been built yet.
  bool arriving() const noexcept { return arriving_; }
  // How long there has been a connection.
  std::chrono::seconds age() const;
  std::uint64_t received_bytes() const noexcept { return received_bytes_; }
  std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }
  TcpServer* server() const noexcept;
  void forget_server() noexcept;
  // Handles what has arrived, then tells the Protocol to say goodbye.
  void drain();
  // Runs a user's function; if it throws, the connection is aborted.
  template <class F>
  void guard(const char* callback, F&& function) noexcept;
  // The same, while the loop is known to be doing this: for what a message passes.
  template <class F>
  void protect(const char* callback, F&& function) noexcept;
  void serve();
  void on_ready(Readiness readiness) override;
  // Ends the connection without a further word to the peer. The first reason stands, unless a
  // callback threw.
  void fail(CloseReason reason);
  // Reports the end and deletes the stream.
  void finish();
  // The same without a word: for a stream that was opened when its loop was ending.
  void discard() noexcept;

 private:
  friend class LoopCore;

  enum class State : std::uint8_t { opening, open, closing, lingering, dying, gone };

  struct Rates;
  struct Extras;  // stream_extras.hpp
  struct Handover;
  struct Deadline;

  Stream(LoopCore& loop, std::unique_ptr<Transport> transport, std::unique_ptr<Protocol> protocol,
         std::shared_ptr<const StreamShared> options);
  ~Stream();

  Extras& extras();
  bool held_by_output() const noexcept {
    return write_paused_ && options_->when_output_is_high == OutputHigh::stop_reading;
  }

  // False also after a send failed, whose reason is not told before what had arrived.
  bool takes_output() const noexcept { return is_open() && !write_ended_ && !send_failed_; }
  // There is something to do once the transport takes more. accounts_: also of what a layer has.
  bool output_waits() const noexcept {
    return output_ != nullptr || accounts_ || write_ended_ || state_ == State::closing;
  }
  // There is input to be had, now or once output is no longer high; not if the Protocol paused it.
  bool input_waits() const noexcept { return readable_ && reading_ && !paused_ && !eof_; }

  void serve_turn();
  bool establish();
  bool establish_transport();
  bool establish_arrival();
  bool establish_early_layer();
  void add_layer(const TransportLayer& layer);
  void tell_sent(std::error_code error);
  void tell_connected();
  void deliver_kept();
  void deliver_rest();
  std::size_t kept_bytes() const noexcept;
  bool hands_over() const noexcept;
  bool switches() const noexcept;
  void hand_over();
  void read_turn();
  std::size_t room_for_replies() const noexcept;
  void deliver(ByteView chunk);
  void handle_eof();
  void discard_turn();
  void end_turn();
  ByteBuffer& tail();
  WriteStatus write_late() noexcept;
  WriteStatus after_write();
  void acquire_output();
  WriteStatus after_encoding();
  WriteStatus end_rare_write(bool keep);
  WriteStatus end_droppable_write();
  WriteStatus write_large(ByteView bytes);
  std::size_t held_bytes() const noexcept { return output_ == nullptr ? 0 : output_->held_bytes(); }
  bool over_limit(std::size_t more) {
    const std::size_t bytes = held_bytes() + more;
    return bytes > options_->max_write_buffer_size && give_up_at(bytes);
  }
  bool give_up_at(std::size_t bytes);
  void drop_oldest(std::size_t bytes);
  void flush();
  IoResult send_output();
  void send_failed(std::error_code error);
  void notify_watermarks();
  void finish_sending();
  Rates& rates();
  void count_received(std::size_t bytes);
  void count_message();
  void slow_down(Duration wait, const RateLimit& limit, const char* name);
  void hold(Duration wait);
  void end_hold();
  bool short_of_memory() const noexcept;
  void account();
  void end_accounts() noexcept;
  void let_go() noexcept;
  void watch_output();
  void note_activity();
  std::chrono::milliseconds idle_timeout() const noexcept;
  void watch_deadlines();
  Deadline next_deadline() const;
  void on_timer();
  void overdue(Errc what);
  CloseReason reason_to_keep(CloseReason other);
  void log_breach(const CloseReason& reason) const;
  void callback_threw(std::string_view callback, std::string_view what) noexcept;

  // First what every message touches.
  LoopCore& loop_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Protocol> protocol_;
  std::unique_ptr<OutputQueue> output_;
  std::shared_ptr<const StreamShared> options_;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  State state_ = State::opening;
  bool started_ : 1 = false;       // the transport was
  bool establishing_ : 1 = true;   // the transport is not established, as far as is known
  bool arriving_ : 1 = false;      // the Protocol is a placeholder: see open_arriving()
  bool watches_idle_ : 1 = false;  // there is an idle_timeout
  bool keeps_input_ : 1 = false;   // the Protocol has a part of a message
  bool rated_ : 1 = false;         // what is received is counted
  bool held_ : 1 = false;          // by a rate, or for want of memory
  bool accounts_ : 1 = false;      // what is kept is counted
  bool tells_sent_ : 1 = false;    // somebody waits for output to be sent
  bool queued_ : 1 = false;        // on the loop's pending list
  bool connect_told_ : 1 = false;  // on_connect was called
  bool in_turn_ : 1 = false;       // output leaves when this turn ends
  bool reading_ : 1 = false;       // read_until_close was called, and no other Protocol is to come
  bool paused_ : 1 = false;        // pause_reading was called
  bool readable_ : 1 = false;
  bool hangup_ : 1 = false;  // the end waits behind the bytes: a short receive is not the last
  bool writable_ : 1 = true;
  bool in_place_ : 1 = false;      // the Protocol has a buffer for the next bytes
  bool write_paused_ : 1 = false;  // above the high-water mark, not yet back at the low one
  bool pause_told_ : 1 = false;    // on_write_paused was called for it
  bool resumed_ : 1 = false;       // on_reading_resumed is due
  bool eof_ : 1 = false;           // the peer's FIN was read
  bool write_ended_ : 1 = false;   // shutdown_write was called
  bool fin_sent_ : 1 = false;
  bool broken_ : 1 = false;  // the peer's reset waits behind the bytes
  bool reset_ : 1 = false;   // finish with a reset
  bool draining_ : 1 = false;
  bool send_failed_ : 1 = false;
  bool layering_ : 1 = false;  // start_layer() was called, and is not done
  bool too_late_ : 1 = false;  // the loop was ending when it was opened
  bool encoding_ : 1 = false;  // between begin_write() and end_write(): output_ stays where it is
  std::uint32_t opened_ : 24;  // when, in seconds; what the flags leave of eight bytes
  Stream* next_pending_ = nullptr;
  Stream* previous_ = nullptr;
  Stream* next_ = nullptr;
  std::unique_ptr<Extras> extras_;
};

// What an error of the transport means for the connection.
CloseReason reason_of(std::error_code error);

template <class F>
void Stream::protect(const char* callback, F&& function) noexcept {
  try {
    function();
  } catch (const std::exception& error) {
    callback_threw(callback, error.what());
  } catch (...) {
    callback_threw(callback, "not an exception");
  }
}

template <class F>
void Stream::guard(const char* callback, F&& function) noexcept {
  const Doing doing(loop_.activity(), callback, this);
  protect(callback, function);
}

}  // namespace twister::detail
