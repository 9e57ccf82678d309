#include "twister/io_stream.hpp"

#include <utility>
#include <vector>

#include <twister/io_loop.hpp>
#include <twister/make_connection.hpp>

#include "loop_core.hpp"
#include "stream_reader.hpp"

namespace twister {

using detail::ReadRequest;

// What an IOStream and its connection share. Whichever ends first lets go of the other: reads of
// what is left go on after the connection.
class IOStream::State : public std::enable_shared_from_this<State> {
 public:
  State(Address peer, std::size_t max_buffer_size)
      : peer_(std::move(peer)), reader_(max_buffer_size) {}

  Adapter* adapter() const noexcept { return adapter_; }
  void attach(IOLoop& loop, Adapter& adapter) noexcept {
    loop_ = &loop;
    lifetime_ = loop.core().lifetime();
    adapter_ = &adapter;
  }
  IOLoop& loop() const noexcept { return *loop_; }
  void set_max_buffer_size(std::size_t bytes) noexcept { reader_.set_max_buffer_size(bytes); }
  void set_keep_open(bool on) noexcept { keep_open_ = on; }
  bool keeps_open() const noexcept { return keep_open_; }
  const Address& peer() const noexcept { return peer_; }
  std::error_code error() const noexcept { return error_; }
  bool reading() const noexcept { return reader_.reading(); }
  std::size_t kept_bytes() const noexcept { return reader_.size(); }

  void read(ReadRequest request, const ReadOptions& options);
  void cancel(std::error_code why);
  void pause(bool on);
  void end_reads(std::error_code why);
  WriteStatus written(WriteStatus status) noexcept;
  void when_drained(std::function<void(std::error_code)> function);
  void when_open(std::function<void(std::error_code)> function);
  void start_tls(const TransportLayer& tls, std::function<void(std::error_code)> function);
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

  static void tell(std::vector<std::function<void(std::error_code)>>& waiters,
                   std::error_code error);
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
  std::vector<std::function<void(std::error_code)>> drain_waiters_;
  std::vector<std::function<void(std::error_code)>> open_waiters_;
};

// The Protocol behind an IOStream.
class IOStream::Adapter final : public Protocol {
 public:
  using Protocol::account_input;
  using Protocol::run_guarded;
  using Protocol::when_sent;

  explicit Adapter(std::shared_ptr<State> state, std::function<void(IOStream)> on_open = {})
      : state_(std::move(state)), on_open_(std::move(on_open)) {}

  // The stream is gone: nobody is told any more.
  void abandon() {
    state_ = nullptr;
    set_close_callback(nullptr);
    close();
  }

  void on_connect() override {
    const auto state = state_;
    if (state == nullptr) return;
    if (on_open_) {
      state->attach(loop(), *this);
      state->set_max_buffer_size(stream_options().max_buffer_size);
      std::exchange(on_open_, {})(IOStream(state));
    }
    state->on_open();
  }

  // Each holds the state: a handler may destroy the stream.
  void on_data(ByteView chunk) override {
    if (const auto state = state_) state->on_data(chunk);
  }
  EofAction on_eof() override {
    const auto state = state_;
    if (state == nullptr) return EofAction::close;
    state->on_eof();
    return state_ != nullptr && state->keeps_open() ? EofAction::keep_open : EofAction::close;
  }
  void on_drain() override {
    const auto state = state_;
    if (state == nullptr || !state->keeps_open()) return Protocol::on_drain();
    state->on_eof();  // whoever reads comes to an end, and closes behind the last reply
  }
  void on_write_resumed() override {
    if (const auto state = state_) state->on_write_resumed();
  }
  void on_close(const CloseReason& reason) override {
    if (const auto state = state_) state->on_close(reason);
  }

 private:
  std::size_t kept_bytes() const noexcept override {
    return state_ == nullptr ? 0 : state_->kept_bytes();
  }

  std::shared_ptr<State> state_;
  std::function<void(IOStream)> on_open_;
};

// ---- State ----

void IOStream::State::read(ReadRequest request, const ReadOptions& options) {
  IOLoop* const loop = living_loop();
  if (loop == nullptr) return;
  if (options.timeout > Duration::zero()) {
    const TimerId timer = loop->call_later(options.timeout, [weak = weak_from_this()] {
      if (const auto state = weak.lock()) {
        state->reader_.cancel(Errc::read_timeout);
        state->advance();
      }
    });
    request.deadline = std::shared_ptr<void>(nullptr, [loop, lifetime = lifetime_, timer](void*) {
      if (!lifetime.expired()) loop->cancel(timer);
    });
  }
  if (reader_.start(std::move(request))) advance_soon();
  settle();
}

void IOStream::State::cancel(std::error_code why) {
  if (!reader_.reading()) return;
  reader_.cancel(why);
  advance_soon();
  settle();
}

void IOStream::State::pause(bool on) {
  paused_ = on;
  settle();
}

// Ends the pending read, and those to come once what is there has been read.
void IOStream::State::end_reads(std::error_code why) {
  later([why](State& state) { state.reader_.end(why); });
}

WriteStatus IOStream::State::written(WriteStatus status) noexcept {
  if (status == WriteStatus::paused) output_high_ = true;
  return status;
}

void IOStream::State::when_drained(std::function<void(std::error_code)> function) {
  if (output_high_ && adapter_ != nullptr) return drain_waiters_.push_back(std::move(function));
  later([function = std::move(function)](State& state) {
    const bool ended = state.adapter_ == nullptr || !state.adapter_->is_open();
    const std::error_code error = state.error_ ? state.error_ : make_error_code(Errc::closed_here);
    function(ended ? error : std::error_code());
  });
}

void IOStream::State::on_write_resumed() {
  output_high_ = false;
  tell(drain_waiters_, {});
}

void IOStream::State::tell(std::vector<std::function<void(std::error_code)>>& waiters,
                           std::error_code error) {
  for (const auto& function : std::exchange(waiters, {})) function(error);
}

void IOStream::State::tell_later(const std::function<void(std::error_code)>& function,
                                 std::error_code error) {
  later([function, error](State&) { function(error); });
}

void IOStream::State::when_open(std::function<void(std::error_code)> function) {
  if (adapter_ != nullptr && !opened_) return open_waiters_.push_back(std::move(function));
  tell_later(function, opened_ ? std::error_code() : error_);
}

void IOStream::State::start_tls(const TransportLayer& tls,
                                std::function<void(std::error_code)> function) {
  if (adapter_ == nullptr || !adapter_->is_open()) {
    return tell_later(function, error_ ? error_ : make_error_code(Errc::closed_here));
  }
  if (reader_.reading()) return tell_later(function, Errc::already_reading);
  if (!reader_.empty()) return tell_later(function, Errc::unread_input);
  opened_ = false;
  open_waiters_.push_back(std::move(function));
  adapter_->start_tls(tls, [weak = weak_from_this()] {
    if (const auto state = weak.lock()) state->on_open();
  });
}

void IOStream::State::on_open() {
  opened_ = true;
  tell(open_waiters_, {});
}

void IOStream::State::abandon() {
  reader_.forget();
  drain_waiters_.clear();
  open_waiters_.clear();
  if (Adapter* adapter = std::exchange(adapter_, nullptr)) adapter->abandon();
}

void IOStream::State::on_data(ByteView chunk) {
  reader_.arrived(chunk);
  settle();
}

void IOStream::State::on_close(const CloseReason& reason) {
  adapter_ = nullptr;
  error_ = reason.code;
  reader_.end(reason.code);
  const std::error_code why = reason.code ? reason.code : make_error_code(Errc::end_of_stream);
  tell(open_waiters_, why);
  tell(drain_waiters_, why);
}

void IOStream::State::advance() {
  reader_.advance();
  settle();
}

void IOStream::State::advance_soon() {
  later([](State& state) { state.advance(); });
}

// From the loop, whether the connection lives until then or not; what it throws costs the connection.
void IOStream::State::later(std::function<void(State&)> work) {
  IOLoop* const loop = living_loop();
  if (loop == nullptr) return;
  loop->add_callback([self = shared_from_this(), work = std::move(work)] {
    if (self->adapter_ == nullptr) return work(*self);
    self->adapter_->run_guarded([&] { work(*self); });
  });
}

// Receives while a read waits for bytes, and while there are none, so as to notice the peer's end.
void IOStream::State::settle() {
  if (adapter_ == nullptr) return;
  if (const std::error_code breach = reader_.breach()) adapter_->close(breach);
  if (!reader_.empty()) adapter_->account_input();
  if (!paused_ && (reader_.reading() || reader_.empty())) {
    adapter_->resume_reading();
  } else {
    adapter_->pause_reading();
  }
}

// ---- IOStream ----

IOStream::IOStream(IOLoop& loop, std::unique_ptr<Transport> transport, const StreamOptions& options)
    : state_(std::make_shared<State>(transport->peer_address(), options.max_buffer_size)) {
  auto adapter = std::make_unique<Adapter>(state_);
  state_->attach(loop, *adapter);
  make_connection(loop, std::move(transport), std::move(adapter), options);
}

IOStream IOStream::connect(IOLoop& loop, const Address& address,
                           std::function<void(std::error_code)> opened,
                           const StreamOptions& options) {
  IOStream stream(loop, make_connecting_transport(loop, address), options);
  if (opened) stream.when_open(std::move(opened));
  return stream;
}

IOStream::~IOStream() {
  if (state_ != nullptr) state_->abandon();
}

IOStream& IOStream::operator=(IOStream&& other) noexcept {
  if (this == &other) return *this;
  IOStream old(std::exchange(state_, std::move(other.state_)));
  return *this;
}

void IOStream::read_bytes(std::size_t count, ReadHandler handler, const ReadOptions& options) {
  if (state_ == nullptr) return;
  state_->read({.count = count, .partial = options.partial, .handler = std::move(handler)},
               options);
}

void IOStream::read_bytes(std::size_t count, std::function<void(ByteView)> on_chunk,
                          ReadHandler handler, const ReadOptions& options) {
  if (state_ == nullptr) return;
  state_->read({.count = count, .on_chunk = std::move(on_chunk), .handler = std::move(handler)},
               options);
}

void IOStream::read_until(std::string_view delimiter, ReadHandler handler,
                          const ReadOptions& options) {
  if (state_ == nullptr) return;
  state_->read({.kind = ReadRequest::Kind::until,
                .delimiter = std::string(delimiter),
                .max_bytes = options.max_bytes,
                .handler = std::move(handler)},
               options);
}

void IOStream::read_until_regex(Matcher regex, ReadHandler handler, const ReadOptions& options) {
  if (state_ == nullptr) return;
  state_->read({.kind = ReadRequest::Kind::until,
                .matcher = std::move(regex),
                .max_bytes = options.max_bytes,
                .handler = std::move(handler)},
               options);
}

void IOStream::read_into(std::span<std::byte> room, ReadHandler handler,
                         const ReadOptions& options) {
  if (state_ == nullptr) return;
  state_->read({.count = room.size(),
                .partial = options.partial,
                .into = room,
                .handler = std::move(handler)},
               options);
}

void IOStream::read_until_close(ReadHandler handler) {
  if (state_ == nullptr) return;
  state_->read({.kind = ReadRequest::Kind::close, .handler = std::move(handler)}, {});
}

void IOStream::read_until_close(std::function<void(ByteView)> on_chunk, ReadHandler handler) {
  if (state_ == nullptr) return;
  state_->read({.kind = ReadRequest::Kind::close,
                .on_chunk = std::move(on_chunk),
                .handler = std::move(handler)},
               {});
}

void IOStream::cancel_read() {
  if (state_ != nullptr) state_->cancel(Errc::read_cancelled);
}

bool IOStream::reading() const noexcept {
  return state_ != nullptr && state_->reading();
}

std::function<void()> IOStream::read_canceller() const {
  return [weak = std::weak_ptr<State>(state_)] {
    if (const auto state = weak.lock()) state->cancel(Errc::read_cancelled);
  };
}

void IOStream::when_drained(std::function<void(std::error_code)> function) {
  if (state_ != nullptr) state_->when_drained(std::move(function));
}

void IOStream::when_open(std::function<void(std::error_code)> function) {
  if (state_ != nullptr) state_->when_open(std::move(function));
}

void IOStream::start_tls(const TransportLayer& tls, std::function<void(std::error_code)> function) {
  if (state_ != nullptr) state_->start_tls(tls, std::move(function));
}

void IOStream::when_sent(std::function<void(std::error_code)> function) {
  if (Adapter* adapter = connected()) return adapter->when_sent(std::move(function));
  if (state_ != nullptr) {
    state_->tell_later(function,
                       state_->error() ? state_->error() : make_error_code(Errc::end_of_stream));
  }
}

void IOStream::set_close_callback(std::function<void(const CloseReason&)> callback) {
  if (Adapter* adapter = connected()) adapter->set_close_callback(std::move(callback));
}

WriteStatus IOStream::write(ByteView bytes) {
  Adapter* adapter = connected();
  return adapter != nullptr ? state_->written(adapter->write(bytes)) : WriteStatus::closed;
}

WriteStatus IOStream::write(const SharedBytes& bytes) {
  Adapter* adapter = connected();
  return adapter != nullptr ? state_->written(adapter->write(bytes)) : WriteStatus::closed;
}

WriteStatus IOStream::write_droppable(const SharedBytes& bytes) {
  Adapter* adapter = connected();
  return adapter != nullptr ? state_->written(adapter->write_droppable(bytes))
                            : WriteStatus::closed;
}

void IOStream::close(std::error_code error) {
  Adapter* adapter = connected();
  if (adapter == nullptr || !adapter->is_open()) return;
  adapter->close(error);
  // The connection may linger; a reader need not wait for that.
  state_->end_reads(error ? error : make_error_code(Errc::closed_here));
}

void IOStream::abort() {
  if (Adapter* adapter = connected()) adapter->abort();
}

void IOStream::shutdown_write() {
  if (Adapter* adapter = connected()) adapter->shutdown_write();
}

void IOStream::set_keep_open(bool on) {
  if (state_ != nullptr) state_->set_keep_open(on);
}

void IOStream::pause_reading() {
  if (state_ != nullptr) state_->pause(true);
}

void IOStream::resume_reading() {
  if (state_ != nullptr) state_->pause(false);
}

IOLoop& IOStream::loop() const noexcept {
  return state_->loop();
}

bool IOStream::is_open() const noexcept {
  const Adapter* adapter = connected();
  return adapter != nullptr && adapter->is_open();
}

bool IOStream::writing() const noexcept {
  const Adapter* adapter = connected();
  return adapter != nullptr && adapter->queued_bytes() > 0;
}

std::error_code IOStream::error() const noexcept {
  return state_ == nullptr ? std::error_code() : state_->error();
}

Address IOStream::peer_address() const {
  return state_ == nullptr ? Address() : state_->peer();
}

int IOStream::native_handle() const noexcept {
  const Adapter* adapter = connected();
  return adapter != nullptr ? adapter->native_handle() : -1;
}

const Transport* IOStream::transport() const noexcept {
  const Adapter* adapter = connected();
  return adapter != nullptr ? adapter->transport() : nullptr;
}

ProtocolFactory handle_streams(std::function<void(IOStream)> handler) {
  return [handler = std::move(handler)](const Address& peer) -> std::unique_ptr<Protocol> {
    auto state = std::make_shared<IOStream::State>(peer, StreamOptions().max_buffer_size);
    return std::make_unique<IOStream::Adapter>(std::move(state), handler);
  };
}

IOStream::Adapter* IOStream::connected() const noexcept {
  return state_ == nullptr ? nullptr : state_->adapter();
}

}  // namespace twister
