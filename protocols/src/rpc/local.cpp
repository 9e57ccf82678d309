#include "twister/rpc/local.hpp"

#include <memory>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/memory_transport.hpp>

namespace twister {

std::function<void()> RpcLocalDialer::dial(const Address&, const DialOptions&, Handler handler) {
  auto waiting = std::make_shared<Handler>(std::move(handler));
  server_.loop().add_callback([&server = server_, waiting] {
    if (!*waiting) return;  // given up
    auto [near, far] = memory_transport_pair(server.loop());
    server.add_connection(std::move(far));
    std::exchange(*waiting, {})({}, std::move(near));
  });
  return [waiting] { *waiting = {}; };
}

}  // namespace twister
