#include "twister/reconnecting_client.hpp"

#include <utility>

#include "reconnecting_core.hpp"

namespace twister {

ReconnectingClient::ReconnectingClient(IOLoop& loop, Destination to, ProtocolFactory build,
                                       ReconnectOptions options)
    : core_(std::make_shared<Core>(loop, std::move(to), std::move(build), options)) {}

ReconnectingClient::~ReconnectingClient() {
  core_->abandon();
}

void ReconnectingClient::start() {
  std::shared_ptr(core_)->start();
}

void ReconnectingClient::stop(std::function<void()> done) {
  std::shared_ptr(core_)->stop(std::move(done));
}

void ReconnectingClient::when_connected(ProtocolHandler handler,
                                        std::optional<unsigned> fail_after_failures) {
  core_->when_connected(std::move(handler), fail_after_failures);
}

ReconnectingClient::State ReconnectingClient::state() const noexcept {
  return core_->state();
}
Protocol* ReconnectingClient::connection() const noexcept {
  return core_->connection();
}
unsigned ReconnectingClient::failures() const noexcept {
  return core_->failures();
}
ConnectError ReconnectingClient::last_error() const {
  return core_->last_error();
}

}  // namespace twister
