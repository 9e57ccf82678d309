// What clients of all kinds do about their connection: made when it is wanted, kept, and those who wait
// told when there is none.
#pragma once

#include <functional>
#include <memory>

#include <twister/destination.hpp>
#include <twister/protocol_factory.hpp>
#include <twister/reconnecting_client.hpp>

namespace twister::detail {

class LazyConnection {
 public:
  // `failed` is told when an attempt has failed while somebody waited.
  LazyConnection(IOLoop& loop, Destination to, ProtocolFactory build, ReconnectOptions options,
                 bool wait_for_ready, std::function<void(const ConnectError&)> failed);
  LazyConnection(const LazyConnection&) = delete;
  LazyConnection& operator=(const LazyConnection&) = delete;

  void connect();
  // Somebody waits for the connection.
  void want();
  ReconnectingClient& client() noexcept { return client_; }

 private:
  ReconnectingClient client_;
  bool wait_for_ready_;
  bool waits_ = false;
  std::function<void(const ConnectError&)> failed_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace twister::detail
