// src/rpc/client_preparing.cpp - what an RpcClient does with a new connection before it takes calls.
#include <exception>
#include <string>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/rpc/names.hpp>

#include "client_connection.hpp"
#include "guarded.hpp"

namespace twister::detail {

void RpcClientCore::prepare(Peer& peer, Connection& connection) {
  if (closed_) return connection.close();
  peer.connection = &connection;
  if (!options_.prepare_connection && (!peer.has_names || options_.names.empty())) {
    return became_ready(peer);
  }
  peer.state = State::preparing;
  const unsigned step = ++peer.step;
  const auto weak = weak_from_this();
  peer.timer = loop_.call_later(options_.prepare_timeout, [weak, &peer] {
    const auto self = weak.lock();
    if (self == nullptr || peer.state != State::preparing) return;
    self->give_up(peer,
                  RpcStatus(RpcCode::deadline_exceeded, "it took longer than prepare_timeout"));
  });
  if (!options_.prepare_connection) return register_names(peer);
  bool threw = true;
  guarded("prepare_connection", {}, [&] {
    options_.prepare_connection(connection, [weak, &peer, step](const RpcStatus& status) {
      const auto self = weak.lock();
      if (self == nullptr || !self->is_at(peer, step)) return;
      if (!status.ok()) return self->give_up(peer, status);
      self->register_names(peer);
    });
    threw = false;
  });
  if (threw && is_at(peer, step)) give_up(peer, RpcStatus(RpcCode::internal, "the function threw"));
}

// False when the connection is ready, was lost, or is another by now.
bool RpcClientCore::is_at(const Peer& peer, unsigned step) const noexcept {
  return !closed_ && peer.state == State::preparing && peer.step == step;
}

void RpcClientCore::register_names(Peer& peer) {
  const unsigned step = ++peer.step;
  peer.names_left = peer.has_names ? options_.names.size() : 0;
  if (peer.names_left == 0) return became_ready(peer);
  Connection& connection = *peer.connection;
  for (const std::string& name : options_.names) {
    register_name(
        connection, name, [weak = weak_from_this(), &peer, step, name](const RpcStatus& status) {
          const auto self = weak.lock();
          if (self == nullptr || !self->is_at(peer, step)) return;
          if (!status.ok()) {
            return self->give_up(
                peer, RpcStatus(status.code, "the name \"" + name + "\": " + status.text));
          }
          if (--peer.names_left == 0) self->became_ready(peer);
        });
  }
}

// Aborted, so that the server has its names back at once.
void RpcClientCore::give_up(Peer& peer, const RpcStatus& why) {
  Connection& connection = *peer.connection;
  failed(peer, "cannot prepare the connection to " + peer.to.to_string() + ": " + why.message());
  connection.abort();
}

}  // namespace twister::detail
