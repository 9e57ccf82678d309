#include <array>

#include <twister/make_connection.hpp>
#include <twister/testing/memory_transport.hpp>

namespace twister::testing {

// The raw transport of the far end, received into a string.
class MemoryPeer::End final : public TransportEvents {
 public:
  explicit End(std::unique_ptr<Transport> far) : transport(std::move(far)) {
    transport->start(*this);
  }

  void on_ready(Readiness) override { receive(); }

  void receive() {
    while (receiving && !ended && !reset) {
      std::array<std::byte, 4096> room;
      const IoResult result = transport->receive(room);
      if (result.status == IoResult::Status::ok) {
        received += as_text(ByteView(room).first(result.bytes));
      } else if (result.status == IoResult::Status::would_block) {
        return;
      } else {
        (result.status == IoResult::Status::end_of_stream ? ended : reset) = true;
      }
    }
  }

  std::unique_ptr<Transport> transport;
  std::string received;
  bool receiving = true;
  bool ended = false;
  bool reset = false;
};

MemoryPeer::MemoryPeer(IOLoop& loop, std::unique_ptr<Protocol> protocol,
                       const StreamOptions& stream, const MemoryTransportOptions& options)
    : loop_(loop) {
  auto [near, far] = memory_transport_pair(loop, options);
  end_ = std::make_unique<End>(std::move(far));
  make_connection(loop, std::move(near), std::move(protocol), stream);
  loop_.run_until_idle();
}

MemoryPeer::MemoryPeer(TcpServer& server, const MemoryTransportOptions& options)
    : loop_(server.loop()) {
  auto [near, far] = memory_transport_pair(loop_, options);
  end_ = std::make_unique<End>(std::move(far));
  server.add_connection(std::move(near));
  loop_.run_until_idle();
}

MemoryPeer::~MemoryPeer() = default;

std::size_t MemoryPeer::send(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ByteView rest = as_bytes(bytes.substr(sent));
    const IoResult result = end_->transport->send({&rest, 1});
    loop_.run_until_idle();
    if (result.status != IoResult::Status::ok) break;
    sent += result.bytes;
  }
  return sent;
}

void MemoryPeer::end() {
  end_->transport->shutdown_send();
  loop_.run_until_idle();
}

void MemoryPeer::reset() {
  end_->transport->reset();
  loop_.run_until_idle();
}

std::string MemoryPeer::take() {
  loop_.run_until_idle();
  return std::exchange(end_->received, {});
}

void MemoryPeer::stop_receiving() {
  end_->receiving = false;
}

void MemoryPeer::go_on_receiving() {
  end_->receiving = true;
  end_->receive();
  loop_.run_until_idle();
}

bool MemoryPeer::ended() const noexcept {
  return end_->ended;
}
bool MemoryPeer::was_reset() const noexcept {
  return end_->reset;
}

}  // namespace twister::testing
