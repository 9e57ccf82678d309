#include "twister/add_accept_handler.hpp"

#include <utility>

#include <twister/io_loop.hpp>

#include "acceptor.hpp"
#include "loop_core.hpp"
#include "socket_transport.hpp"

namespace twister {

std::function<void()> add_accept_handler(IOLoop& loop, ListeningSocket socket,
                                         std::function<void(std::unique_ptr<Transport>)> handler) {
  detail::LoopCore& core = loop.core();
  auto accept = [&core, handler = std::move(handler)](int descriptor, const Address& peer) {
    auto transport = std::make_unique<detail::SocketTransport>(core.reactor(), descriptor, peer);
    core.call([&] { handler(std::move(transport)); });
  };
  auto acceptor =
      std::make_shared<std::unique_ptr<detail::Acceptor>>(std::make_unique<detail::Acceptor>(
          core, std::move(socket), std::move(accept), std::make_shared<ServerCounters>()));
  return [acceptor, lifetime = core.lifetime()] {
    if (!lifetime.expired()) acceptor->reset();
  };
}

}  // namespace twister
