#include "tls_transport.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "tls_error.hpp"

namespace twister::detail {
namespace {

// What is encrypted before it is sent: a full buffer of the stream's high-water mark, in one send.
constexpr std::size_t max_encrypted_bytes = 64 * 1024;

IoResult would_block() noexcept {
  return {.status = IoResult::Status::would_block, .bytes = 0, .error = {}};
}

}  // namespace

// OpenSSL's side of the transport below.
struct TlsTransport::Bio {
  static TlsTransport& self(BIO* bio) { return *static_cast<TlsTransport*>(::BIO_get_data(bio)); }

  static int read(BIO* bio, char* room, int size) {
    ::BIO_clear_retry_flags(bio);
    TlsTransport& tls = self(bio);
    if (tls.inner_ended_) return 0;
    if (tls.receive_error_) return -1;
    if (!tls.inner_readable_) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const IoResult result = tls.inner_->receive(
        std::as_writable_bytes(std::span(room, static_cast<std::size_t>(size))));
    switch (result.status) {
      case IoResult::Status::ok:
        if (result.bytes < static_cast<std::size_t>(size) && !tls.inner_hangup_)
          tls.inner_readable_ = false;
        return static_cast<int>(result.bytes);
      case IoResult::Status::would_block:
        tls.inner_readable_ = tls.inner_hangup_ = false;
        BIO_set_retry_read(bio);
        return -1;
      case IoResult::Status::end_of_stream:
        tls.inner_ended_ = true;
        return 0;
      case IoResult::Status::failed:
        tls.receive_error_ = result.error;
        return -1;
    }
    return -1;
  }

  static int write(BIO* bio, const char* bytes, int size) {
    ::BIO_clear_retry_flags(bio);
    self(bio).encrypted_.append(as_bytes({bytes, static_cast<std::size_t>(size)}));
    return size;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return self(bio).inner_ended_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static int create(BIO* bio) {
    ::BIO_set_init(bio, 1);
    return 1;
  }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* each = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "twister");
      ::BIO_meth_set_read(each, read);
      ::BIO_meth_set_write(each, write);
      ::BIO_meth_set_ctrl(each, control);
      ::BIO_meth_set_create(each, create);
      return each;
    }();
    return made;
  }
};

TlsTransport::TlsTransport(std::unique_ptr<Transport> inner, SslPtr ssl,
                           std::shared_ptr<const void> context)
    : inner_(std::move(inner)), context_(std::move(context)), ssl_(std::move(ssl)) {
  BIO* bio = ::BIO_new(Bio::method());
  if (bio == nullptr) throw std::bad_alloc();
  ::BIO_set_data(bio, this);
  ::SSL_set_bio(ssl_.get(), bio, bio);
  // One receive for the whole record, instead of one for its header and one for the rest.
  ::SSL_set_read_ahead(ssl_.get(), 1);
}

TlsTransport::~TlsTransport() = default;

void TlsTransport::start(TransportEvents& events) {
  events_ = &events;
  if (!std::exchange(inner_started_, true)) inner_->start(*this);
}

void TlsTransport::on_ready(Readiness readiness) {
  if (has(readiness, Readiness::readable | Readiness::hangup | Readiness::failed)) {
    inner_readable_ = true;
  }
  if (has(readiness, Readiness::hangup | Readiness::failed)) inner_hangup_ = true;
  if (has(readiness, Readiness::writable)) {
    inner_writable_ = true;
    flush();
    if (held_) readiness = readiness | Readiness::readable;
  }
  events_->on_ready(readiness);
}

IoResult TlsTransport::establish() {
  if (!inner_->established()) {
    const IoResult below = inner_->establish();
    if (below.status != IoResult::Status::ok) return below;
    inner_readable_ = inner_writable_ = true;
  }
  ::ERR_clear_error();
  const int result = ::SSL_do_handshake(ssl_.get());
  const IoResult outcome = result == 1 ? IoResult{} : failure(result);
  flush();  // also the alert that says why
  established_ = result == 1;
  if (outcome.status == IoResult::Status::ok && !established_) return would_block();
  return outcome;
}

IoResult TlsTransport::receive(std::span<std::byte> room) {
  if (!established_) return would_block();
  std::size_t filled = 0;
  while (filled < room.size() && !end_) {
    // The peer's requests for new keys are answered: not without end, while it does not read.
    held_ = encrypted_.size() >= max_encrypted_bytes;
    if (held_) break;
    ::ERR_clear_error();
    std::size_t got = 0;
    const int result = ::SSL_read_ex(ssl_.get(), room.data() + filled, room.size() - filled, &got);
    filled += got;
    if (result == 1) continue;
    const IoResult end = failure(result);
    if (end.status == IoResult::Status::would_block) break;
    end_ = end;
  }
  flush();
  if (filled == 0) return end_.value_or(would_block());
  return {.status = IoResult::Status::ok, .bytes = filled, .error = {}, .more = end_.has_value()};
}

IoResult TlsTransport::send(std::span<const ByteView> pieces) {
  if (!established_) return would_block();
  flush();
  std::size_t taken = 0;
  for (ByteView piece : pieces) {
    while (!piece.empty() && !send_error_) {
      if (encrypted_.size() >= max_encrypted_bytes) flush();
      if (!encrypted_.empty() && !inner_writable_) break;
      const int count = encrypt(piece);
      if (count <= 0) return failure(count);
      taken += static_cast<std::size_t>(count);
      piece = piece.subspan(static_cast<std::size_t>(count));
    }
    if (!piece.empty()) break;
  }
  flush();
  if (send_error_) return {.status = IoResult::Status::failed, .bytes = 0, .error = send_error_};
  if (taken == 0) return would_block();
  return {.status = IoResult::Status::ok, .bytes = taken, .error = {}};
}

// One record, at most; how much of `bytes` is in it, or what SSL_write said.
int TlsTransport::encrypt(ByteView bytes) {
  ::ERR_clear_error();
  const std::size_t size = std::min<std::size_t>(bytes.size(), SSL3_RT_MAX_PLAIN_LENGTH);
  return ::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(size));
}

void TlsTransport::flush() {
  while (!encrypted_.empty() && inner_writable_ && !send_error_) {
    const ByteView all = encrypted_.view();
    const IoResult result = inner_->send({&all, 1});
    if (result.status == IoResult::Status::failed) {
      send_error_ = result.error;
      encrypted_.clear();
      break;
    }
    if (result.bytes < all.size()) inner_writable_ = false;
    encrypted_.consume(result.bytes);
    sent_bytes_ += result.bytes;
  }
  if (!encrypted_.empty()) return;
  encrypted_.release();  // an idle connection keeps none
  if (std::exchange(ending_, false)) inner_->shutdown_send();
}

void TlsTransport::shutdown_send() {
  ::ERR_clear_error();
  ::SSL_shutdown(ssl_.get());  // close_notify; the peer's is read as the end of the stream
  ::ERR_clear_error();
  ending_ = true;
  flush();
}

// What a call that did not succeed means.
IoResult TlsTransport::failure(int result) {
  const auto failed = [](std::error_code error) {
    return IoResult{.status = IoResult::Status::failed, .bytes = 0, .error = error};
  };
  switch (::SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return would_block();
    case SSL_ERROR_ZERO_RETURN:
      return {.status = IoResult::Status::end_of_stream, .bytes = 0, .error = {}};
    default:
      break;
  }
  if (receive_error_) {
    ::ERR_clear_error();
    return failed(receive_error_);
  }
  if (inner_ended_) {
    ::ERR_clear_error();
    // Before the handshake is over there is nothing that could be cut short.
    if (!established_) {
      return {.status = IoResult::Status::end_of_stream, .bytes = 0, .error = {}};
    }
    return failed(TlsErrc::truncated);
  }
  const long verdict = ::SSL_get_verify_result(ssl_.get());
  if (!established_ && verdict != X509_V_OK &&
      ERR_GET_REASON(::ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    ::ERR_clear_error();
    return failed({static_cast<int>(verdict), tls_verify_category()});
  }
  if (ERR_GET_REASON(::ERR_peek_last_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    ::ERR_clear_error();
    return failed(TlsErrc::no_certificate);
  }
  return failed(take_openssl_error());
}

}  // namespace twister::detail
