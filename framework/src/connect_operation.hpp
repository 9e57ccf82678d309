// src/connect_operation.hpp - from an Endpoint to an open stream with a Protocol.
//
// The steps, each one only ever followed by a later one or by the end:
//   looking up  end_lookup_ is set; left out for an Endpoint that is an address
//   dialing     connector_ is set
//   connected   transport_ is set, until the loop comes round
//   opening     handle_ is set: the stream is there, and on_connect is due
//   finished    everything is given back, `done` is called or about to be
// The deadline runs over all of them. Whatever calls back holds the operation weakly: the client's
// core owns it, so that it ends with the client.
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
  struct Ending;

  void on_looked_up(std::error_code error, std::vector<Address> addresses);
  void dial(std::vector<Address> addresses);
  void on_dialed(std::unique_ptr<Transport> transport);
  void open_stream();
  std::unique_ptr<Protocol> apply_layer_and_build();
  void on_opened();
  void on_deadline();

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
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<HandleCore> handle_;
  std::shared_ptr<Ending> ending_;
  bool finished_ = false;
};

}  // namespace twister::detail
