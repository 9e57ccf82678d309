#include "loop_sample.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "loop_core.hpp"
#include "server_core.hpp"
#include "stream.hpp"

namespace twister::detail {
namespace {

std::optional<std::uint64_t> socket_cookie(int descriptor) noexcept {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (descriptor < 0 || ::getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0)
    return std::nullopt;
  return cookie;
}

void add(ServerCounters& sum, const ServerCounters& more) {
  sum.accepted += more.accepted;
  sum.refused_limit += more.refused_limit;
  sum.refused_memory += more.refused_memory;
  sum.refused_address += more.refused_address;
  sum.refused_handshake += more.refused_handshake;
  sum.refused_factory += more.refused_factory;
  sum.refused_exception += more.refused_exception;
  sum.refused_descriptors += more.refused_descriptors;
  sum.accept_failures += more.accept_failures;
  sum.drains += more.drains;
  for (std::size_t i = 0; i < close_causes; ++i) sum.closed[i] += more.closed[i];
  sum.traffic.received_bytes += more.traffic.received_bytes;
  sum.traffic.sent_bytes += more.traffic.sent_bytes;
  sum.traffic.writes_dropped += more.traffic.writes_dropped;
  sum.traffic.writes_late += more.traffic.writes_late;
}

void add_server(std::vector<ServerSample>& servers, const ServerCore& server) {
  auto found = std::find_if(servers.begin(), servers.end(),
                            [&](const ServerSample& one) { return one.label == server.label(); });
  if (found == servers.end()) {
    servers.push_back({.label = server.label(), .counters = {}});
    found = servers.end() - 1;
  }
  add(found->counters, server.counters());
  found->connections += server.connections();
  found->accepting = found->accepting || !server.acceptors().empty();
  found->draining = found->draining || server.draining();
}

}  // namespace

LoopSample take_sample(LoopCore& loop, std::size_t connections) {
  LoopSample sample;
  sample.turns = loop.activity().turns.load(std::memory_order_relaxed);
  sample.callbacks = loop.callbacks();
  sample.timers = loop.pending_timers();
  sample.streams = loop.stream_count();
  if (const LoopMonitor* monitor = loop.monitor()) {
    sample.times = {
        .longest_turn = monitor->longest_turn(), .turns = monitor->turns(), .lag = monitor->lag()};
  }
  for (const ServerCore* server : loop.servers()) add_server(sample.servers, *server);
  loop.for_each_stream(
      [&](const Stream& stream) {
        std::optional<std::string> label;
        for (const ServerCore* server : loop.servers())
          if (server->is(stream.server())) label = server->label();
        sample.connections.push_back({.id = socket_cookie(stream.transport().native_handle()),
                                      .peer = stream.transport().peer_address().to_string(),
                                      .server = std::move(label),
                                      .age = stream.age(),
                                      .received_bytes = stream.received_bytes(),
                                      .sent_bytes = stream.sent_bytes(),
                                      .queued_bytes = stream.queued_bytes()});
      },
      connections);
  return sample;
}

}  // namespace twister::detail
