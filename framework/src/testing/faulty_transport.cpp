#include "twister/testing/faulty_transport.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace twister::testing {

// Told on behalf of the transport when it held back for no reason of its own.
struct FaultyTransport::Wake {
  TransportEvents* events = nullptr;
};

FaultyTransport::FaultyTransport(IOLoop& loop, std::unique_ptr<Transport> inner,
                                 const FaultPlan& plan)
    : loop_(loop),
      inner_(std::move(inner)),
      plan_(plan),
      random_(plan.seed),
      wake_(std::make_shared<Wake>()) {}

FaultyTransport::~FaultyTransport() {
  wake_->events = nullptr;
}

void FaultyTransport::start(TransportEvents& events) {
  wake_->events = &events;
  inner_->start(events);
}

IoResult FaultyTransport::receive(std::span<std::byte> room) {
  if (++receives_ == plan_.fail_receive_at) {
    return {.status = IoResult::Status::failed, .bytes = 0, .error = plan_.error};
  }
  if (would_block()) {
    wake_later(Readiness::readable);
    return {.status = IoResult::Status::would_block, .bytes = 0, .error = {}};
  }
  const std::size_t most = shorten(room.size(), plan_.max_receive_bytes);
  const IoResult result = inner_->receive(room.first(most));
  // Otherwise the inner transport reports by itself.
  if (most < room.size() && result.status == IoResult::Status::ok) wake_later(Readiness::readable);
  return result;
}

IoResult FaultyTransport::send(std::span<const ByteView> pieces) {
  if (++sends_ == plan_.fail_send_at) {
    return {.status = IoResult::Status::failed, .bytes = 0, .error = plan_.error};
  }
  if (would_block()) {
    wake_later(Readiness::writable);
    return {.status = IoResult::Status::would_block, .bytes = 0, .error = {}};
  }
  std::vector<ByteView> cut(pieces.begin(), pieces.end());
  std::size_t offered = 0;
  for (const ByteView piece : pieces) offered += piece.size();
  std::size_t left = shorten(offered, plan_.max_send_bytes);
  if (left < offered) wake_later(Readiness::writable);
  for (ByteView& piece : cut) {
    piece = piece.first(std::min(piece.size(), left));
    left -= piece.size();
  }
  return inner_->send(cut);
}

bool FaultyTransport::would_block() {
  return plan_.would_block_percent > 0 && random_() % 100 < plan_.would_block_percent;
}

std::size_t FaultyTransport::shorten(std::size_t bytes, std::size_t most) {
  if (most >= bytes) return bytes;
  return 1 + random_() % most;
}

void FaultyTransport::wake_later(Readiness readiness) {
  loop_.add_callback([wake = wake_, readiness] {
    if (wake->events != nullptr) wake->events->on_ready(readiness);
  });
}

void FaultyTransport::shutdown_send() {
  inner_->shutdown_send();
}

void FaultyTransport::close() noexcept {
  wake_->events = nullptr;
  inner_->close();
}

void FaultyTransport::reset() noexcept {
  wake_->events = nullptr;
  inner_->reset();
}

Address FaultyTransport::peer_address() const {
  return inner_->peer_address();
}

Address FaultyTransport::local_address() const {
  return inner_->local_address();
}

}  // namespace twister::testing
