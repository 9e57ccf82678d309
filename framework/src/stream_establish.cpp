// src/stream_establish.cpp - how a stream begins: transport, limits, layers, Protocol; and a layer that
// is added later.
#include <system_error>
#include <utility>

#include <twister/tcp_server.hpp>

#include "loop_core.hpp"
#include "stream.hpp"
#include "stream_extras.hpp"

namespace twister::detail {
namespace {

// Stands in for a Protocol that is not built yet.
class Arriving final : public Protocol {};

// Stands in for a transport that is gone.
class NoTransport final : public Transport {
 public:
  explicit NoTransport(Address peer) : peer_(std::move(peer)) {}
  void start(TransportEvents&) override {}
  IoResult receive(std::span<std::byte>) override { return gone(); }
  IoResult send(std::span<const ByteView>) override { return gone(); }
  void shutdown_send() override {}
  void close() noexcept override {}
  void reset() noexcept override {}
  Address peer_address() const override { return peer_; }

 private:
  static IoResult gone() noexcept {
    return {.status = IoResult::Status::failed,
            .bytes = 0,
            .error = std::make_error_code(std::errc::not_connected)};
  }
  Address peer_;
};

}  // namespace

Stream& Stream::open_arriving(LoopCore& loop, std::unique_ptr<Transport> transport, Arrival arrival,
                              std::shared_ptr<const StreamShared> options, TcpServer* server) {
  Stream& stream =
      open(loop, std::move(transport), std::make_unique<Arriving>(), std::move(options), server);
  stream.arriving_ = true;
  stream.extras().arrival = std::make_unique<Arrival>(std::move(arrival));
  return stream;
}

void Stream::keep_admission(Admission admission) {
  extras().admission = std::move(admission);
}

// True when the connection is established, and the turn can go on.
bool Stream::establish() {
  if (!establish_transport()) return false;
  if (arriving_ && !establish_arrival()) return false;
  if (extras_ != nullptr && extras_->early_layer && !establish_early_layer()) return false;
  establishing_ = false;
  layering_ = false;
  if (extras_ != nullptr) extras_->open_by = TimePoint::max();
  if (!connect_told_) {
    // One that was closed before the loop came to it only sends what it has written.
    if (state_ == State::opening) state_ = State::open;
    tell_connected();
  }
  if (extras_ == nullptr) return true;
  if (const auto established = std::exchange(extras_->when_established, {})) {
    guard("established", established);
  }
  return true;
}

bool Stream::establish_transport() {
  IoResult result;
  try {
    if (!started_) transport_->start(*this);
    started_ = true;
    if (transport_->established()) return true;
    if (draining_ && !connect_told_) {
      fail({.code = Errc::server_draining, .detail = {}});
      return false;
    }
    if (state_ == State::closing && output_ == nullptr) {
      fail(CloseReason(extras().reason));
      return false;
    }
    result = transport_->establish();
  } catch (const std::system_error& error) {
    fail({.code = error.code(), .detail = error.what()});
    return false;
  }
  Extras& more = extras();
  switch (result.status) {
    case IoResult::Status::ok:
      // Whatever came behind the handshake is in the transport now, and no event tells of it.
      readable_ = writable_ = true;
      return true;
    case IoResult::Status::would_block:
      if (more.open_by == TimePoint::max()) {
        more.open_by = later(loop_.now(), options_->handshake_timeout);
        watch_deadlines();
      }
      return false;
    case IoResult::Status::end_of_stream:
      fail({.code = Errc::reset, .detail = "the peer left before the connection was established"});
      return false;
    case IoResult::Status::failed:
      fail(reason_of(result.error));
      return false;
  }
  return false;
}

// The peer is known: limits first, then the layer, then the Protocol.
bool Stream::establish_arrival() {
  Arrival& arrival = *extras().arrival;
  const Address peer = transport_->peer_address();
  std::unique_ptr<Protocol> built;
  guard("build_class", [&] {
    if (const auto admit = std::exchange(arrival.admit, {})) {
      auto admission = admit(peer);
      if (!admission) return;
      keep_admission(*std::move(admission));
    }
    if (const auto layer = std::exchange(arrival.layer, {})) add_layer(layer);
    if (establish_transport()) built = arrival.build(peer);
  });
  if (state_ >= State::dying || !transport_->established()) return false;
  if (built == nullptr) {
    fail({.code = Errc::refused, .detail = {}});
    return false;
  }
  arriving_ = false;
  extras().arrival.reset();
  built->stream_ = this;
  built->server_ = protocol_->server_;
  protocol_ = std::move(built);
  return true;
}

bool Stream::start_layer(const TransportLayer& layer, std::function<void()> established) {
  if (!is_open()) return true;  // as every verb, without effect
  check(!encoding_, "start_tls: inside write_in_place(), or a command of a RespProtocol");
  if (layering_) return false;
  layering_ = true;
  Extras& more = extras();
  more.when_established = std::move(established);
  if (!connect_told_) {
    more.early_layer = layer;
    if (output_ != nullptr) abort({.code = Errc::unsent_output, .detail = {}});
    return true;
  }
  // Within a turn, the rest of what was received may still be on its way to being kept: see end_turn().
  if (!in_turn_ && kept_bytes() > 0) {
    abort({.code = Errc::unread_input, .detail = {}});
    return true;
  }
  flush();
  if (output_ != nullptr) {
    abort({.code = Errc::unsent_output, .detail = {}});
    return true;
  }
  guard("start_tls", [&] { add_layer(layer); });
  loop_.schedule(*this);
  return true;
}

bool Stream::establish_early_layer() {
  const TransportLayer layer = std::exchange(extras_->early_layer, {});
  guard("start_tls", [&] { add_layer(layer); });
  return state_ < State::dying && establish_transport();
}

void Stream::add_layer(const TransportLayer& layer) {
  // What a layer that throws has been given is gone with it.
  const Address peer = transport_->peer_address();
  auto below = std::exchange(transport_, std::make_unique<NoTransport>(peer));
  auto layered = layer(std::move(below));
  if (layered == nullptr) return fail({.code = Errc::refused, .detail = "by its layer"});
  transport_ = std::move(layered);
  started_ = false;
  establishing_ = true;
}

void Stream::tell_connected() {
  connect_told_ = true;
  guard("on_connect", [this] {
    if (TcpServer* server = protocol_->server_) {
      server->on_connect(*protocol_);
    } else {
      protocol_->on_connect();
      protocol_->read_until_close();
    }
  });
}

}  // namespace twister::detail
