// How a connection goes on with another Protocol.
#include <utility>

#include "loop_core.hpp"
#include "stream.hpp"
#include "stream_extras.hpp"

namespace twister::detail {

// Another Protocol is to come, or has something left to it.
bool Stream::hands_over() const noexcept {
  return extras_ != nullptr && extras_->handover != nullptr;
}

bool Stream::switches() const noexcept {
  return hands_over() && extras_->handover->next != nullptr;
}

std::size_t Stream::kept_bytes() const noexcept {
  return protocol_->kept_bytes() + (hands_over() ? extras_->handover->rest.size() : 0);
}

bool Stream::switch_protocol(std::unique_ptr<Protocol> next, ByteView rest) {
  if (!is_open()) return true;  // as every verb, without effect
  if (switches()) return false;
  auto handover = std::make_unique<Handover>();
  handover->rest.append(rest);
  if (const auto& former = extras().handover) handover->rest.append(former->rest.view());
  handover->next = std::move(next);
  extras_->handover = std::move(handover);
  reading_ = false;
  loop_.schedule(*this);
  return true;
}

void Stream::hand_over() {
  if (!is_open()) return extras_->handover.reset();
  Handover& handover = *extras_->handover;
  guard("take_kept", [&] {
    const ByteBuffer kept = protocol_->take_kept();
    handover.rest.append(kept.view());
  });
  if (!handover.rest.empty()) account_input();
  keeps_input(0, false);
  const CloseReason reason{.code = Errc::handed_over, .detail = {}};
  guard("on_close", [&] { protocol_->on_close(reason); });
  // What was asked for in the name of the former is not the next one's.
  in_place_ = false;
  paused_ = false;
  pause_told_ = false;
  extras_->on_chunk = nullptr;
  if (eof_) readable_ = true;  // to be received, and told, once more
  eof_ = false;
  handover.next->stream_ = this;
  handover.next->server_ = protocol_->server_;
  protocol_->stream_ = nullptr;  // its destructor may not use what is another's
  protocol_ = std::move(handover.next);
  guard("on_connect", [this] { protocol_->on_connect(); });
  if (!switches()) reading_ = true;
  resumed_ = true;
  loop_.schedule(*this);
}

// What the former Protocol has left, before anything new is received.
void Stream::deliver_rest() {
  const auto handover = std::move(extras_->handover);
  if (!handover->rest.empty()) deliver(handover->rest.view());
  // Nothing was kept by this Protocol before, so that it has not to be told that reading goes on.
}

}  // namespace twister::detail
