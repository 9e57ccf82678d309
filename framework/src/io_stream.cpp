#include "twister/io_stream.hpp"

#include <utility>

#include <twister/make_connection.hpp>

namespace twister {

// What the stream and its adapter share; whichever ends first lets go of the other.
struct IOStream::State {
  Adapter* adapter = nullptr;
  Address peer;
  std::error_code error;
};

// The Protocol behind an IOStream. It waits, paused, until somebody wants to read.
class IOStream::Adapter final : public Protocol {
 public:
  explicit Adapter(std::shared_ptr<State> state) : state_(std::move(state)) {}

  void start_reading(std::function<void(ByteView)> on_chunk) {
    on_chunk_ = std::make_shared<const std::function<void(ByteView)>>(std::move(on_chunk));
    resume_reading();
  }

  // The stream is gone: nobody is told any more.
  void abandon() {
    state_ = nullptr;
    on_chunk_ = nullptr;
    set_close_callback(nullptr);
    abort();
  }

  void on_data(ByteView chunk) override {
    const auto on_chunk = on_chunk_;  // it may be replaced while it runs
    if (on_chunk != nullptr && *on_chunk) (*on_chunk)(chunk);
  }

  void on_close(const CloseReason& reason) override {
    if (state_ == nullptr) return;
    state_->adapter = nullptr;
    state_->error = reason.code;
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<const std::function<void(ByteView)>> on_chunk_;
};

IOStream::IOStream(IOLoop& loop, std::unique_ptr<Transport> transport, const StreamOptions& options)
    : state_(std::make_shared<State>()) {
  state_->peer = transport->peer_address();
  auto adapter = std::make_unique<Adapter>(state_);
  state_->adapter = adapter.get();
  make_connection(loop, std::move(transport), std::move(adapter), options).pause_reading();
}

IOStream::~IOStream() {
  if (state_ != nullptr && state_->adapter != nullptr) state_->adapter->abandon();
}

IOStream& IOStream::operator=(IOStream&& other) noexcept {
  if (this == &other) return *this;
  IOStream old(std::exchange(state_, std::move(other.state_)));
  return *this;
}

void IOStream::read_until_close(std::function<void(ByteView)> on_chunk) {
  if (is_connected()) state_->adapter->start_reading(std::move(on_chunk));
}

void IOStream::set_close_callback(std::function<void(const CloseReason&)> callback) {
  if (is_connected()) state_->adapter->set_close_callback(std::move(callback));
}

WriteStatus IOStream::write(ByteView bytes) {
  return is_connected() ? state_->adapter->write(bytes) : WriteStatus::closed;
}

WriteStatus IOStream::write(const SharedBytes& bytes) {
  return is_connected() ? state_->adapter->write(bytes) : WriteStatus::closed;
}

void IOStream::close(std::error_code error) {
  if (is_connected()) state_->adapter->close(error);
}

void IOStream::abort() {
  if (is_connected()) state_->adapter->abort();
}

void IOStream::shutdown_write() {
  if (is_connected()) state_->adapter->shutdown_write();
}

void IOStream::pause_reading() {
  if (is_connected()) state_->adapter->pause_reading();
}

void IOStream::resume_reading() {
  if (is_connected()) state_->adapter->resume_reading();
}

bool IOStream::is_connected() const noexcept {
  return state_ != nullptr && state_->adapter != nullptr;
}
bool IOStream::is_open() const noexcept {
  return is_connected() && state_->adapter->is_open();
}
bool IOStream::writing() const noexcept {
  return is_connected() && state_->adapter->queued_bytes() > 0;
}

std::error_code IOStream::error() const noexcept {
  return state_ == nullptr ? std::error_code() : state_->error;
}

Address IOStream::peer_address() const {
  return state_ == nullptr ? Address() : state_->peer;
}

int IOStream::native_handle() const noexcept {
  return is_connected() ? state_->adapter->native_handle() : -1;
}

}  // namespace twister
