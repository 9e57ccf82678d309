#include "twister/protocol.hpp"

#include <stdexcept>
#include <utility>

#include <twister/codecs/byte_buffer.hpp>

#include "handle_core.hpp"
#include "loop_core.hpp"
#include "socket_options.hpp"
#include "stream.hpp"

namespace twister {

Protocol::~Protocol() = default;

detail::Stream& Protocol::stream() const {
  if (stream_ == nullptr) [[unlikely]]
    throw std::logic_error("a Protocol has no connection before on_connect");
  return *stream_;
}

void Protocol::on_data(ByteView) {}
void Protocol::on_close(const CloseReason&) {}
void Protocol::on_drain() {
  close(Errc::server_draining);
}

WriteStatus Protocol::write(ByteView bytes) {
  return stream().write(bytes);
}
WriteStatus Protocol::write(const SharedBytes& bytes) {
  return stream().write(bytes);
}

WriteStatus Protocol::write_droppable(const SharedBytes& bytes) {
  return stream().write_droppable(bytes);
}

void Protocol::close(std::error_code error) {
  stream().close({.code = error ? error : make_error_code(Errc::closed_here), .detail = {}});
}

void Protocol::abort() {
  stream().abort({.code = Errc::aborted_here, .detail = {}});
}
void Protocol::shutdown_write() {
  stream().shutdown_write();
}
void Protocol::read_until_close() {
  stream().read_until_close(nullptr);
}

void Protocol::read_until_close(std::function<void(ByteView)> on_chunk) {
  stream().read_until_close(std::move(on_chunk));
}

void Protocol::set_close_callback(std::function<void(const CloseReason&)> callback) {
  stream().set_close_callback(std::move(callback));
}

void Protocol::start_tls(const TransportLayer& tls, std::function<void()> established) {
  if (!stream().start_layer(tls, std::move(established))) {
    throw std::logic_error("start_tls: another handshake is under way");
  }
}

void Protocol::switch_protocol(std::unique_ptr<Protocol> next, ByteView rest) {
  if (next == nullptr) throw std::invalid_argument("switch_protocol: no Protocol");
  if (!stream().switch_protocol(std::move(next), rest)) {
    throw std::logic_error("switch_protocol: another change is under way");
  }
}

ByteBuffer Protocol::take_kept() {
  return {};
}

void Protocol::pause_reading() {
  stream().pause_reading();
}
void Protocol::resume_reading() {
  stream().resume_reading();
}
bool Protocol::is_open() const noexcept {
  return stream_ != nullptr && stream_->is_open();
}
std::size_t Protocol::queued_bytes() const noexcept {
  return stream_ == nullptr ? 0 : stream_->unsent_bytes();
}
Address Protocol::peer_address() const {
  return stream().transport().peer_address();
}
Address Protocol::local_address() const {
  return stream().transport().local_address();
}
Handle Protocol::handle() {
  return stream_ == nullptr ? Handle() : Handle(stream_->handle());
}
IOLoop& Protocol::loop() const {
  return stream().loop().owner();
}
int Protocol::native_handle() const noexcept {
  return stream_ == nullptr ? -1 : stream_->transport().native_handle();
}

void Protocol::set_no_delay(bool on) {
  detail::set_no_delay(native_handle(), on);
}
void Protocol::set_keep_alive(const std::optional<KeepAlive>& options) {
  detail::set_keep_alive(native_handle(), options);
}
std::chrono::milliseconds Protocol::set_idle_timeout(std::chrono::milliseconds timeout) {
  return stream().set_idle_timeout(timeout);
}

const Transport* Protocol::transport() const noexcept {
  return stream_ == nullptr ? nullptr : &stream_->transport();
}

void Protocol::when_sent(std::function<void(std::error_code)> function) {
  stream().when_sent(std::move(function));
}

void Protocol::run_guarded(const std::function<void()>& work) {
  stream().guard("posted", work);
}
const StreamOptions& Protocol::stream_options() const {
  return stream().options();
}

void Protocol::close_with(CloseReason reason) {
  stream().close(std::move(reason));
}
void Protocol::blame(CloseReason reason) {
  stream().blame(std::move(reason));
}
bool Protocol::accepts_data() const noexcept {
  return stream_ != nullptr && stream_->accepts_data();
}
ByteBuffer* Protocol::begin_write() {
  return stream().begin_write();
}
WriteStatus Protocol::end_write(bool keep) {
  return stream().end_write(keep);
}
bool Protocol::delivered_message() {
  return stream_ != nullptr && stream_->delivered_message();
}
void Protocol::account_input() noexcept {
  if (stream_ != nullptr) stream_->account_input();
}
void Protocol::keeps_input(std::size_t bytes, bool anew) {
  stream().keeps_input(bytes, anew);
}
void Protocol::receive_in_place(bool on) noexcept {
  if (stream_ != nullptr) stream_->receive_in_place(on);
}

// ---- Handle ----

bool Handle::post(std::function<void(Protocol&)> work) const {
  if (core_ == nullptr) return false;
  const std::lock_guard lock(core_->mutex);
  if (core_->loop == nullptr) return false;
  core_->loop->add_callback([core = core_, work = std::move(work)] {
    if (core->stream != nullptr) {
      core->stream->guard("posted", [&] { work(core->stream->protocol()); });
    }
  });
  return true;
}

void Handle::send(SharedBytes bytes) const {
  post([bytes = std::move(bytes)](Protocol& protocol) { protocol.write(bytes); });
}

void Handle::close() const {
  post([](Protocol& protocol) { protocol.close(); });
}

void Handle::abort() const {
  post([](Protocol& protocol) { protocol.abort(); });
}

}  // namespace twister
