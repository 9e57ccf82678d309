// twister/reconnecting_client.hpp - one connection that is made again whenever it is lost.
//
//   twister::ReconnectingClient client(loop, "chat.example.com:8888", twister::build<Chat>());
//   client.start();
//   client.when_connected([](const twister::ConnectError& error, twister::Protocol* chat) { ... });
//
// Not for many connections to one server, nor for a single try: TcpClient.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>

#include <twister/destination.hpp>
#include <twister/handle.hpp>
#include <twister/protocol.hpp>
#include <twister/protocol_factory.hpp>
#include <twister/tcp_client.hpp>

namespace twister {

class IOLoop;

// Makes a connection ready for use: a login, a subscription. It calls `done` once, now or later.
using PrepareConnection =
    std::function<void(Protocol& connection, std::function<void(std::error_code)> done)>;

struct ReconnectOptions {
  // Of each attempt. Its timeout is that of one attempt.
  TcpClientOptions client{};
  // The n-th delay in a row is a random part of initial_delay * factor^(n-1), and of max_delay at the
  // most: so clients that lost the same server do not come back all at once.
  std::chrono::milliseconds initial_delay = std::chrono::seconds(1);
  std::chrono::milliseconds max_delay = std::chrono::seconds(60);
  double factor = 2;
  // A connection that lived for so long makes the next delay the first again. One that ended sooner
  // counts as a failure: a server that accepts and drops is not hammered.
  std::chrono::milliseconds reset_after = std::chrono::seconds(10);
  // Failures in a row after which it gives up, with one attempt more than retries. Unset: never.
  std::optional<unsigned> max_retries{};
  // Called for each connection, after its on_connect and before it counts as connected. An error, an
  // exception, or the deadline make the attempt a failure, and the connection is aborted.
  PrepareConnection prepare_connection{};
  std::chrono::milliseconds prepare_timeout = std::chrono::seconds(30);
  // Random numbers from 0 to 1, for the delays; empty for the usual source. A test gives its own.
  std::function<double()> random{};
};

// Keeps one connection to a destination, with a new Protocol each time: Twisted's ClientService.
//
//              start                    connected, prepared
//   idle ------------> connecting -----------------------> connected
//                       ^   | failed                          | lost
//                 delay |   v                                 |
//                      waiting <------------------------------+
//
//   stop() leads from anywhere to stopped; where there is a connection, by way of disconnecting,
//   which ends when the connection has. start() during that makes it restarting: it connects when
//   the old connection has ended. Giving up leads to stopped, too.
//
// Ownership: the loop owns the connection. Destroying the client stops it and aborts the connection;
//   it may be destroyed inside its own callbacks, and after its loop.
// Threads: the loop's.
// Limits: one connection or attempt at a time; timeouts for each step.
// Errors: failures are logged, handed to those who wait, and kept as last_error(). Options that make
//   no sense throw std::invalid_argument.
class ReconnectingClient {
 public:
  enum class State { idle, connecting, waiting, connected, disconnecting, restarting, stopped };

  ReconnectingClient(IOLoop& loop, Destination to, ProtocolFactory build,
                     ReconnectOptions options = {});
  ~ReconnectingClient();
  ReconnectingClient(const ReconnectingClient&) = delete;
  ReconnectingClient& operator=(const ReconnectingClient&) = delete;

  // Begins to connect. A client that is started already logs that, and goes on.
  void start();
  // Ends the attempt or the delay, or closes the connection as Protocol::close() does. Calls `done`
  // from the loop when nothing is left: the connection has ended, and its Protocol is destroyed.
  void stop(std::function<void()> done = {});

  // Calls the handler, from the loop, when there is a connection, now or some time: with an error when
  // the client is stopped before (std::errc::operation_canceled), when it gives up, or, on demand,
  // after that many more failed attempts. Any number may wait.
  void when_connected(ProtocolHandler handler,
                      std::optional<unsigned> fail_after_failures = std::nullopt);

  State state() const noexcept;
  // The connection while there is one and it is prepared, else null.
  Protocol* connection() const noexcept;
  // Attempts that failed and connections that were lost too soon, in a row.
  unsigned failures() const noexcept;
  // Why there was no connection the last time that there was none.
  ConnectError last_error() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace twister
