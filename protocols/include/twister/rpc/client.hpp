// twister/rpc/client.hpp - calls to a server, or to several that do the same.
//
//   RpcClient client(loop, "calculator.example.com:8888");
//   client.call<Sum>("calculator.Calculator/Add", add, {.timeout = 1s},
//                    [](const RpcStatus& status, Sum& sum) { ... });
//
// For a connection that is there already, an accepted one for instance: RpcConnection.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <twister/destination.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/options.hpp>
#include <twister/tcp_client.hpp>

namespace twister {

class IOLoop;
class RpcConnection;
class RpcServices;
struct RpcCounters;
struct RpcStatus;
namespace detail {
class RpcClientCore;
}

// Which connection a call goes to, of those that are there.
enum class RpcBalancing {
  round_robin,      // one after the other
  least_in_flight,  // of two that are chosen by chance, the one with fewer calls in flight
};

// Makes a new connection ready for calls: logs in, say, by calls over it. It calls `done` once, now or later.
// `connection` is there until it is lost, or prepare_timeout has passed: work that takes time keeps its handle()
// instead.
using RpcPrepareConnection =
    std::function<void(RpcConnection& connection, std::function<void(const RpcStatus&)> done)>;

struct RpcClientOptions {
  RpcOptions rpc{};
  // Of each attempt to connect. Its dialer, resolver and layer say how.
  TcpClientOptions connect{};
  RpcBalancing balancing = RpcBalancing::round_robin;
  // More than one where a single core of the server is not enough.
  std::size_t connections_per_address = 1;
  // After the n-th failure in a row an address is left alone for a random part of
  // initial_delay * factor^(n-1), max_delay at the most.
  std::chrono::milliseconds initial_delay = std::chrono::seconds(1);
  std::chrono::milliseconds max_delay = std::chrono::seconds(60);
  double factor = 2;
  // A connection that lived for so long makes the next delay the first again.
  std::chrono::milliseconds reset_after = std::chrono::seconds(10);
  // Calls that wait for a connection; more fail at once with RESOURCE_EXHAUSTED.
  std::size_t max_waiting_calls = 1024;
  // Of one call, with the first. Only what was not started, or is idempotent, is tried again.
  unsigned max_attempts = 3;
  // All calls together: one retry for so many calls, and ten in hand. When servers are overloaded,
  // clients that try again would make it worse.
  unsigned calls_per_retry = 10;
  // What the server may call here; outlives the client and its connections. Null: nothing.
  const RpcServices* services = nullptr;
  // Connects again, after those delays, without waiting for a call: for a client that is called. It begins with
  // connect(), or the first call. A path that is dead is noticed by RpcOptions::ping_when_idle, which this and
  // `names` turn on.
  bool stay_connected = false;
  // Run for each connection, before it takes calls. Anything but ok, an exception, or the time makes the
  // attempt a failure, and the connection is aborted.
  RpcPrepareConnection prepare_connection{};
  // Of the function, and the names.
  std::chrono::milliseconds prepare_timeout = std::chrono::seconds(30);
  // What others may call this client by: see <twister/rpc/names.hpp>. They are registered at each address, by
  // the first of its connections, after prepare_connection. A name that somebody has, as a server may think of
  // the connection that was lost, makes the attempt a failure; so of addresses whose servers share their names
  // give one.
  std::vector<std::string> names{};
  // Random numbers from 0 to 1, for delays and choices; empty for the usual source.
  std::function<double()> random{};
};

// Connects when the first call is made, to all addresses, and again when a connection is lost and another
// call is made. A server that goes away is left without a failed call: those that it has not started
// go elsewhere, or to a new connection.
//
// A call without a connection waits for one while an attempt is under way, and fails with UNAVAILABLE when
// all of them have failed, unless it is told to wait_for_ready. What prepares a connection is part of the
// attempt.
//
// Ownership: the loop outlives it. Destroying it ends its calls: their callbacks are told CANCELLED, from the
//   loop. It may be destroyed inside a callback. Threads: the loop's.
// Limits: max_waiting_calls, and those of RpcOptions. Errors: as RpcCaller's. std::invalid_argument for no
//   address, and for options that make no sense.
class RpcClient : public RpcCaller {
 public:
  RpcClient(IOLoop& loop, const Destination& to, RpcClientOptions options = {});
  RpcClient(IOLoop& loop, std::vector<Destination> to, RpcClientOptions options = {});
  virtual ~RpcClient();
  RpcClient(const RpcClient&) = delete;
  RpcClient& operator=(const RpcClient&) = delete;

  // Connects now, so that the first call need not wait, or for a client that makes none.
  void connect();
  // Connections that take calls.
  std::size_t connected() const noexcept;
  // Calls that have not ended.
  std::size_t calls_in_flight() const noexcept;
  // From ping to pong, of the connection where that was shortest; zero before the first. See
  // RpcOptions::ping_interval.
  Duration round_trip() const noexcept;
  // Of what the servers have called here, and of frames that made no sense.
  const RpcCounters& counters() const noexcept;
  IOLoop& loop() const noexcept;

 private:
  void start_call(detail::RpcPending& pending) override;
  detail::RpcHost& caller_host() noexcept override;

  std::shared_ptr<detail::RpcClientCore> core_;
};

}  // namespace twister
