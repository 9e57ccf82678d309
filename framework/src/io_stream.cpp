#include "twister/io_stream.hpp"

#include <utility>

#include <twister/make_connection.hpp>

#include "io_stream_state.hpp"

namespace twister {

using detail::ReadRequest;

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
  const std::uint64_t read = state_ != nullptr ? state_->last_read() : 0;
  return [weak = std::weak_ptr<State>(state_), read] {
    if (const auto state = weak.lock()) state->cancel(read, Errc::read_cancelled);
  };
}

void IOStream::when_drained(std::function<void(std::error_code)> function) {
  if (state_ != nullptr) state_->when_drained(std::move(function));
}

std::function<void()> IOStream::drain_canceller() const {
  const std::uint64_t waiter = state_ != nullptr ? state_->last_drain() : 0;
  return [weak = std::weak_ptr<State>(state_), waiter] {
    if (const auto state = weak.lock()) state->cancel_drain(waiter);
  };
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

std::function<void(std::exception_ptr)> IOStream::failure_handler() const {
  if (state_ == nullptr) return [](const std::exception_ptr&) {};
  return state_->failure_handler();
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

Address IOStream::local_address() const {
  const Adapter* adapter = connected();
  return adapter != nullptr ? adapter->local_address() : Address();
}

void IOStream::set_no_delay(bool on) {
  if (Adapter* adapter = connected()) adapter->set_no_delay(on);
}

void IOStream::set_keep_alive(const std::optional<KeepAlive>& options) {
  if (Adapter* adapter = connected()) adapter->set_keep_alive(options);
}

std::chrono::milliseconds IOStream::set_idle_timeout(std::chrono::milliseconds timeout) {
  Adapter* adapter = connected();
  return adapter != nullptr ? adapter->set_idle_timeout(timeout) : never;
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
