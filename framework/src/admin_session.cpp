#include <utility>

#include "admin_core.hpp"

namespace twister::detail {

void AdminSession::on_data(ByteView data) {
  // Bounded: while a reply is due nothing is read, so this is what is left of one receive and one
  // receive more.
  ahead_ += as_text(data);
  read_on();
}

void AdminSession::on_close(const CloseReason&) {
  *self_ = nullptr;
  core_->loop().cancel(deadline_);
  core_->remove(*this);
}

// From here the peer has request_timeout to come up with a whole request.
void AdminSession::arm() {
  core_->loop().cancel(deadline_);
  deadline_ = core_->loop().call_later(saturated(core_->options().request_timeout),
                                       [this] { close(Errc::read_timeout); });
}

// A loop, not a recursion: a peer may send many requests at once, and most are answered at once. It
// has to take the replies, too: while output is high nothing more is answered.
void AdminSession::read_on() {
  if (std::exchange(reading_, true)) return;
  while (!asking_ && !ahead_.empty() && accepts_data()) {
    ahead_.erase(0, parser_.feed(as_bytes(ahead_)));
    if (parser_.status() != AdminRequestParser::Status::incomplete) ask();
  }
  reading_ = false;
}

void AdminSession::ask() {
  using Status = AdminRequestParser::Status;
  const Status status = parser_.status();
  if (status != Status::complete) {
    const int code = status == Status::method ? 405 : status == Status::too_large ? 431 : 400;
    return reply(error_page(code), false, false);
  }
  asking_ = true;
  pause_reading();
  core_->loop().cancel(deadline_);
  const AdminRequest request = parser_.request();
  parser_.reset();
  core_->answer(request, [self = self_, head = request.head,
                          keep_alive = request.keep_alive](const AdminResponse& response) {
    if (*self != nullptr) (*self)->reply(response, head, keep_alive);
  });
}

void AdminSession::reply(const AdminResponse& response, bool head, bool keep_alive) {
  write(http_message(response, head, keep_alive));
  if (!keep_alive) return close();
  asking_ = false;
  arm();
  resume_reading();
  read_on();
}

}  // namespace twister::detail
