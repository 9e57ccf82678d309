// src/connect_operation.hpp - from a Destination to an open stream with a Protocol.
//
// The steps, each one only ever followed by a later one or by the end:
//   looking up  end_lookup_ is set; left out for a Destination that is an address
//   dialing     connector_ is set
//   opening     handle_ is set: the stream shakes hands, if it has a layer; then the Protocol is built,
//               and its on_connect is called
//   finished    everything is given back, `done` is called or about to be
// The deadline runs over all of them, and its timer owns the operation: it ends with the loop, also
// when its handler, a coroutine for instance, owns the client. All else holds it weakly.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client_core.hpp"
#include "connector.hpp"

namespace twister::detail {

// Of the addresses that a name has. A name server may send thousands; the first few decide.
inline constexpr std::size_t max_dialed_addresses = 64;

// Errors: what a resolver, a dialer or its transport throws goes to `done`: Errc::callback_threw.
class ConnectOperation : public std::enable_shared_from_this<ConnectOperation> {
 public:
  ConnectOperation(std::shared_ptr<ClientCore> core, ConnectRequest request);
  ~ConnectOperation();
  ConnectOperation(const ConnectOperation&) = delete;
  ConnectOperation& operator=(const ConnectOperation&) = delete;

  void start();
  // `done` is told operation_canceled, later, from the loop.
  void cancel();

 private:
  void look_up();
  void on_looked_up(std::error_code error, std::vector<Address> addresses);
  void dial(std::vector<Address> addresses);
  void on_dialed(std::unique_ptr<Transport> transport);
  void open_stream(std::unique_ptr<Transport> transport);
  std::unique_ptr<Transport> add_layer(std::unique_ptr<Transport> transport);
  std::unique_ptr<Protocol> build(const Address& peer);
  void on_opened();
  void on_not_opened(const CloseReason& reason);
  void tell_when_ended(Stream& stream);
  void on_deadline();
  // Runs a step; what it throws ends the operation.
  template <class Step>
  void guarded(Step&& step);

  // "cannot connect to HOST:PORT (why)"
  std::string failure(std::string_view why) const;
  std::string failed_attempts() const;
  void fail(std::error_code code, std::string_view why = {});
  void finish(const ConnectError& error, bool from_loop);

  std::shared_ptr<ClientCore> core_;
  ConnectRequest request_;
  TimerId deadline_;
  std::function<void()> end_lookup_;
  std::shared_ptr<Connector> connector_;
  std::shared_ptr<HandleCore> handle_;
  std::string reached_;  // the address that was connected to, unless that is what was asked for
  bool finished_ = false;
  std::shared_ptr<bool> opened_ = std::make_shared<bool>(false);  // outlives this with the stream
};

}  // namespace twister::detail
