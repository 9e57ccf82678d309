// src/reconnecting_core.hpp - what is behind a ReconnectingClient.
//
// Invariants:
//   1. handle_ is set from the on_connect of a connection until its Protocol is destroyed, and no
//      attempt begins while it is.
//   2. An attempt is under way exactly while connecting without handle_; the timer is set exactly
//      while waiting (the delay) and while preparing (the deadline).
//   3. preparing_ is true only while connecting with handle_.
//   4. Functions of the user are called from the loop, never inside a verb.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <twister/io_loop.hpp>
#include <twister/reconnecting_client.hpp>

#include "client_core.hpp"
#include "handle_core.hpp"
#include "stream.hpp"

namespace twister {

// Ownership: shared by the client and by what is under way. Once the client is gone it is only there
//   for the connection to come to its end.
class ReconnectingClient::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(IOLoop& loop, Destination to, ProtocolFactory build, const ReconnectOptions& options);

  void start();
  void stop(std::function<void()> done);
  void when_connected(ProtocolHandler handler, std::optional<unsigned> fail_after);
  void abandon();

  State state() const noexcept { return state_; }
  Protocol* connection() const noexcept {
    return state_ == State::connected ? live_connection() : nullptr;
  }
  unsigned failures() const noexcept { return failures_; }
  const ConnectError& last_error() const noexcept { return last_error_; }

 private:
  struct Waiter {
    ProtocolHandler handler;
    std::optional<unsigned> failures_left;
  };

  void connect();
  void on_connected(unsigned attempt, const ConnectError& error,
                    const std::shared_ptr<detail::HandleCore>& handle);
  void prepare();
  void on_prepared(unsigned attempt, ConnectError error);
  void announce();
  void on_ended(const CloseReason& reason);
  void on_failed(const ConnectError& error);
  void retry();
  Duration next_delay();
  void fail_waiters(const ConnectError& error);
  void tell_stopped();

  Protocol* live_connection() const noexcept {
    return handle_ != nullptr && handle_->stream != nullptr ? &handle_->stream->protocol()
                                                            : nullptr;
  }
  void cancel_timer() {
    const TimerId timer = std::exchange(timer_, {});
    if (timer && client_->loop_lives()) loop().cancel(timer);
  }
  void call_later(Duration delay, void (Core::*function)()) {
    timer_ = loop().call_later(delay, [weak = weak_from_this(), function] {
      if (const auto self = weak.lock()) ((*self).*function)();
    });
  }
  // From the loop; nobody is told any more once that is gone.
  template <class F>
  void soon(F function) {
    if (client_->loop_lives()) loop().add_callback(std::move(function));
  }
  // A function of the user: what it throws is logged.
  template <class F>
  void call(F&& function) noexcept {
    loop().core().call(std::forward<F>(function));
  }
  IOLoop& loop() const noexcept { return client_->loop(); }

  ReconnectOptions options_;
  Destination to_;
  ProtocolFactory build_;
  std::shared_ptr<detail::ClientCore> client_;
  State state_ = State::idle;
  unsigned attempt_ = 0;  // tells what comes late from one attempt from what the next has to say
  unsigned failures_ = 0;
  bool gave_up_ = false;
  ConnectError last_error_;
  TimerId timer_;           // waiting: the delay; while preparing: its deadline
  bool preparing_ = false;  // prepare_connection was called and has not answered
  ConnectError prepare_error_;
  TimePoint connected_at_{};
  std::shared_ptr<detail::HandleCore> handle_;  // from on_connect until the Protocol is destroyed
  std::vector<Waiter> waiters_;
  std::vector<std::function<void()>> stopped_;
};

}  // namespace twister
