#include <system_error>
#include <utility>

#include <twister/rpc/detail/lazy_connection.hpp>

namespace twister::detail {

LazyConnection::LazyConnection(IOLoop& loop, Destination to, ProtocolFactory build,
                               ReconnectOptions options, bool wait_for_ready,
                               std::function<void(const ConnectError&)> failed)
    : client_(loop, std::move(to), std::move(build), std::move(options)),
      wait_for_ready_(wait_for_ready),
      failed_(std::move(failed)) {}

void LazyConnection::connect() {
  using State = ReconnectingClient::State;
  const State state = client_.state();
  if (state == State::idle || state == State::stopped || state == State::disconnecting) {
    client_.start();
  }
}

void LazyConnection::want() {
  connect();
  if (std::exchange(waits_, true)) return;
  client_.when_connected(
      [this, alive = std::weak_ptr<const bool>(alive_)](const ConnectError& error, Protocol*) {
        if (alive.expired()) return;
        waits_ = false;
        if (!error) return;
        // It gave up, or was stopped: nobody else would begin again.
        const bool goes_on = client_.state() != ReconnectingClient::State::stopped;
        if (wait_for_ready_ && goes_on) return want();
        const auto failed = failed_;  // who is told may destroy the client
        failed(error);
      },
      1);
}

}  // namespace twister::detail
