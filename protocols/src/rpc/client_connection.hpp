// src/rpc/client_connection.hpp - a connection that tells its client.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "client_core.hpp"

namespace twister::detail {

class RpcClientCore::Connection final : public RpcConnection {
 public:
  Connection(std::shared_ptr<RpcClientCore> core, Peer& peer)
      : RpcConnection(core->host_), core_(std::move(core)), peer_(peer) {}
  ~Connection() override { forget(); }

  void on_connect() override {
    RpcConnection::on_connect();
    core_->prepare(peer_, *this);
  }
  void on_close(const CloseReason& reason) override {
    if (peer_.connection == this) {
      core_->last_error_ = reason.code ? reason.message() : "the server has closed the connection";
    }
    forget();
    RpcConnection::on_close(reason);
  }

  using RpcConnection::cancel_made_calls;
  void start(RpcPending& pending) { start_call(pending); }

 private:
  void on_going_away() override {
    if (peer_.connection == this) core_->going_away(peer_);
  }
  void forget() {
    if (peer_.connection == this) {
      core_->lost(peer_);
    } else {
      std::erase(core_->leaving_, this);
    }
  }

  std::shared_ptr<RpcClientCore> core_;
  Peer& peer_;
};

}  // namespace twister::detail
