// src/admin_core.hpp - what is behind an AdminServer: listeners, sessions, and the loops it asks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <twister/admin_server.hpp>
#include <twister/protocol.hpp>

#include "acceptor.hpp"
#include "admin_pages.hpp"
#include "admin_request.hpp"
#include "survey.hpp"

namespace twister::detail {

class AdminSession;

// Ownership: shared by the AdminServer and its sessions, which outlive it by a turn.
class AdminCore : public std::enable_shared_from_this<AdminCore> {
 public:
  using Reply = std::function<void(const AdminResponse&)>;

  AdminCore(IOLoop& loop, std::string_view address, const MetricsRegistry& registry,
            AdminOptions options);

  void start() { add_sockets(bind_sockets(address_, options_.bind)); }
  void add_sockets(std::vector<ListeningSocket> sockets);
  void add_connection(std::unique_ptr<Transport> transport);
  // The AdminServer is being destroyed: nothing is answered any more.
  void detach();
  std::vector<Address> local_addresses() const;

  // Calls `reply` once, perhaps at once, or never when the AdminServer ends before.
  void answer(const AdminRequest& request, Reply reply);

  IOLoop& loop() noexcept { return loop_; }
  const AdminOptions& options() const noexcept { return options_; }
  void add(AdminSession& session) { sessions_.insert(&session); }
  // Removing twice has no effect.
  void remove(AdminSession& session) noexcept { sessions_.erase(&session); }

 private:
  void accept(int descriptor, const Address& peer);
  bool host_allowed(const AdminRequest& request) const;

  IOLoop& loop_;
  std::string address_;
  const MetricsRegistry& registry_;
  AdminOptions options_;
  std::unique_ptr<Survey> counts_;       // what loops have counted
  std::unique_ptr<Survey> connections_;  // and their connections
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  bool loopback_only_ = false;
  std::unordered_set<AdminSession*> sessions_;
};

// One connection of an operator: a request at a time, its reply, and the next.
class AdminSession final : public Protocol {
 public:
  explicit AdminSession(std::shared_ptr<AdminCore> core) : core_(std::move(core)) {
    core_->add(*this);
  }
  // Not in on_close alone: when memory runs out, a session may end without ever having a connection.
  ~AdminSession() override { core_->remove(*this); }

  void on_connect() override { arm(); }
  void on_data(ByteView data) override;
  void on_close(const CloseReason& reason) override;

 private:
  void on_reading_resumed() override { read_on(); }
  void arm();
  void read_on();
  void ask();
  void reply(const AdminResponse& response, bool head, bool keep_alive);

  std::shared_ptr<AdminCore> core_;
  // Null once the connection is gone, for replies that come later.
  std::shared_ptr<AdminSession*> self_ = std::make_shared<AdminSession*>(this);
  AdminRequestParser parser_;
  std::string ahead_;     // what came behind the request that is being answered
  bool asking_ = false;   // a reply is due
  bool reading_ = false;  // read_on() is at work
  TimerId deadline_;
};

}  // namespace twister::detail
