#include "twister/memory_transport.hpp"

#include <algorithm>
#include <array>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/io_loop.hpp>

namespace twister {
namespace {

// One end: what it has been sent and not yet received, and whom to tell.
struct Side {
  ByteBuffer inbox;
  bool fin = false;     // behind the inbox
  bool broken = false;  // reset by the other end
  bool closed = false;  // by this end
  bool sender_waits = false;
  TransportEvents* events = nullptr;
  Readiness news = Readiness::none;
  bool posted = false;
  Address address;
};

struct Link {
  Link(IOLoop& owner, std::size_t capacity_bytes) : loop(owner), capacity(capacity_bytes) {}
  IOLoop& loop;
  std::size_t capacity;
  std::array<Side, 2> sides;

  static void notify(const std::shared_ptr<Link>& link, std::size_t index, Readiness news) {
    Side& side = link->sides[index];
    side.news = side.news | news;
    if (std::exchange(side.posted, true)) return;
    link->loop.add_callback([link, index] {
      Side& told = link->sides[index];
      told.posted = false;
      const Readiness all = std::exchange(told.news, Readiness::none);
      if (told.events != nullptr) told.events->on_ready(all);
    });
  }
};

class MemoryTransport final : public Transport {
 public:
  MemoryTransport(std::shared_ptr<Link> link, std::size_t index)
      : link_(std::move(link)), index_(index) {}
  ~MemoryTransport() override { close(); }
  MemoryTransport(const MemoryTransport&) = delete;
  MemoryTransport& operator=(const MemoryTransport&) = delete;

  void start(TransportEvents& events) override {
    ours().events = &events;
    Readiness news = Readiness::writable;
    if (!ours().inbox.empty() || ours().fin) news = news | Readiness::readable;
    if (ours().broken) news = news | Readiness::failed;
    Link::notify(link_, index_, news);
  }

  IoResult receive(std::span<std::byte> room) override {
    Side& side = ours();
    if (side.inbox.empty()) {
      if (side.broken) return failed(std::errc::connection_reset);
      if (side.fin) return {.status = IoResult::Status::end_of_stream, .bytes = 0, .error = {}};
      return {.status = IoResult::Status::would_block, .bytes = 0, .error = {}};
    }
    const std::size_t count = std::min(room.size(), side.inbox.size());
    std::copy_n(side.inbox.data(), count, room.data());
    side.inbox.consume(count);
    if (std::exchange(side.sender_waits, false)) {
      Link::notify(link_, 1 - index_, Readiness::writable);
    }
    // What a socket tells by EPOLLRDHUP: the end waits behind a receive that came back short.
    if (side.inbox.empty() && side.fin) Link::notify(link_, index_, Readiness::hangup);
    return {.status = IoResult::Status::ok, .bytes = count, .error = {}};
  }

  IoResult send(std::span<const ByteView> pieces) override {
    Side& peer = theirs();
    if (ours().broken) return failed(std::errc::broken_pipe);
    if (peer.closed) {
      ours().broken = true;
      return failed(std::errc::broken_pipe);
    }
    std::size_t sent = 0;
    std::size_t offered = 0;
    for (const ByteView piece : pieces) {
      offered += piece.size();
      const std::size_t count = std::min(piece.size(), link_->capacity - peer.inbox.size());
      peer.inbox.append(piece.first(count));
      sent += count;
    }
    if (sent < offered) peer.sender_waits = true;
    if (sent == 0) return {.status = IoResult::Status::would_block, .bytes = 0, .error = {}};
    Link::notify(link_, 1 - index_, Readiness::readable);
    return {.status = IoResult::Status::ok, .bytes = sent, .error = {}};
  }

  void shutdown_send() override {
    theirs().fin = true;
    Link::notify(link_, 1 - index_, Readiness::readable | Readiness::hangup);
  }

  std::size_t unread_bytes() const noexcept override { return link_->sides[index_].inbox.size(); }

  void close() noexcept override {
    if (std::exchange(ours().closed, true)) return;
    ours().events = nullptr;
    // As a socket does: bytes that nobody will read come back as a reset.
    if (ours().inbox.empty()) {
      shutdown_send();
    } else {
      break_peer();
    }
  }

  void reset() noexcept override {
    if (std::exchange(ours().closed, true)) return;
    ours().events = nullptr;
    break_peer();
  }

  Address peer_address() const override { return link_->sides[1 - index_].address; }
  Address local_address() const override { return link_->sides[index_].address; }

 private:
  static IoResult failed(std::errc code) {
    return {.status = IoResult::Status::failed, .bytes = 0, .error = std::make_error_code(code)};
  }

  void break_peer() {
    theirs().broken = true;
    Link::notify(link_, 1 - index_, Readiness::readable | Readiness::failed);
  }

  Side& ours() noexcept { return link_->sides[index_]; }
  Side& theirs() noexcept { return link_->sides[1 - index_]; }

  std::shared_ptr<Link> link_;
  std::size_t index_;
};

}  // namespace

std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>> memory_transport_pair(
    IOLoop& loop, const MemoryTransportOptions& options) {
  const auto link = std::make_shared<Link>(loop, options.capacity_bytes);
  link->sides[0].address = options.first_address;
  link->sides[1].address = options.second_address;
  return {std::make_unique<MemoryTransport>(link, 0), std::make_unique<MemoryTransport>(link, 1)};
}

}  // namespace twister
