// src/io_stream_state.hpp - what is behind an IOStream: the Protocol that is told of the connection's
// events, and the state that the stream shares with it.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <twister/io_stream.hpp>

#include "stream_reader.hpp"

namespace twister {

// What an IOStream and its connection share. Whichever ends first lets go of the other: reads of
// what is left go on after the connection.
class IOStream::State : public std::enable_shared_from_this<State> {
 public:
  State(Address peer, std::size_t max_buffer_size)
      : peer_(std::move(peer)), reader_(max_buffer_size) {}

  Adapter* adapter() const noexcept { return adapter_; }
  void attach(IOLoop& loop, Adapter& adapter) noexcept;
  void detach() noexcept { adapter_ = nullptr; }
  IOLoop& loop() const noexcept { return *loop_; }
  void set_max_buffer_size(std::size_t bytes) noexcept { reader_.set_max_buffer_size(bytes); }
  void set_keep_open(bool on) noexcept { keep_open_ = on; }
  bool keeps_open() const noexcept { return keep_open_; }
  const Address& peer() const noexcept { return peer_; }
  std::error_code error() const noexcept { return error_; }
  bool reading() const noexcept { return reader_.reading(); }
  std::size_t kept_bytes() const noexcept { return reader_.size(); }

  void read(detail::ReadRequest request, const ReadOptions& options);
  // The pending read, if it is this one.
  void cancel(std::uint64_t read, std::error_code why);
  void cancel(std::error_code why);
  std::uint64_t last_read() const noexcept { return reader_.last(); }
  void pause(bool on);
  void end_reads(std::error_code why);
  WriteStatus written(WriteStatus status) noexcept;
  void when_drained(std::function<void(std::error_code)> function);
  void cancel_drain(std::uint64_t waiter);
  std::uint64_t last_drain() const noexcept { return last_drain_; }
  void when_open(std::function<void(std::error_code)> function);
  void start_tls(const TransportLayer& tls, std::function<void(std::error_code)> function);
  std::function<void(std::exception_ptr)> failure_handler();
  void tell_later(const std::function<void(std::error_code)>& function, std::error_code error);
  void abandon();

  void on_open();

  void on_data(ByteView chunk);
  void on_eof() { reader_.end({}); }
  void on_write_resumed();
  void on_close(const CloseReason& reason);

 private:
  void advance();
  void advance_soon();
  void later(std::function<void(State&)> work);
  void settle();

  struct Waiter {
    std::function<void(std::error_code)> function;
    std::uint64_t number = 0;
  };

  static void tell(std::vector<Waiter>& waiters, std::error_code error);
  // Null once the loop is gone: nobody is left to call anything.
  IOLoop* living_loop() const noexcept { return lifetime_.expired() ? nullptr : loop_; }

  IOLoop* loop_ = nullptr;
  std::weak_ptr<void> lifetime_;
  Adapter* adapter_ = nullptr;
  Address peer_;
  std::error_code error_;
  detail::StreamReader reader_;
  bool paused_ = false;  // by the user
  bool keep_open_ = false;
  bool output_high_ = false;
  bool opened_ = false;
  bool starts_tls_ = false;
  std::vector<Waiter> drain_waiters_;
  std::uint64_t last_drain_ = 0;  // the number of the last one, whether it had to wait or not
  std::vector<Waiter> open_waiters_;
};

// The Protocol behind an IOStream.
class IOStream::Adapter final : public Protocol {
 public:
  using Protocol::account_input;
  using Protocol::run_guarded;
  using Protocol::when_sent;

  explicit Adapter(std::shared_ptr<State> state, std::function<void(IOStream)> on_open = {})
      : state_(std::move(state)), on_open_(std::move(on_open)) {}
  ~Adapter() override;

  // The stream is gone: nobody is told any more. `breach`: the limit that the peer has broken, if any.
  void abandon(std::error_code breach);
  // This, for as long as it is there.
  std::shared_ptr<Adapter*> self();
  // What serves the stream has ended with an exception.
  void task_threw(const std::exception_ptr& error);

  void on_connect() override;
  void on_data(ByteView chunk) override;
  EofAction on_eof() override;
  void on_drain() override;
  void on_write_resumed() override;
  void on_close(const CloseReason& reason) override;

 private:
  std::size_t kept_bytes() const noexcept override;

  // Events hold it while they use it: a handler may destroy the stream.
  std::shared_ptr<State> state_;
  std::function<void(IOStream)> on_open_;
  std::shared_ptr<Adapter*> self_;
  bool abandoned_open_ = false;  // the stream went before anybody had closed it
};

}  // namespace twister
