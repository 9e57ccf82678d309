// twister/tcp_server.hpp - accepts connections and gives each a Protocol.
//
//   twister::TcpServer server(loop, "127.0.0.1:8888", twister::build<Echo>());
//   server.start();
//   loop.run_until_signal();
//
// Not needed for a program that only serves: serve_main() (twister/serve.hpp) is shorter.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <twister/address.hpp>
#include <twister/bind_sockets.hpp>
#include <twister/codecs/byte_view.hpp>
#include <twister/counters.hpp>
#include <twister/error.hpp>
#include <twister/keep_alive.hpp>
#include <twister/protocol_factory.hpp>
#include <twister/proxy_protocol.hpp>
#include <twister/stream_options.hpp>
#include <twister/transport.hpp>

namespace twister {

class IOLoop;
namespace detail {
class ServerCore;
struct ServerHandleCore;
class Stream;
}  // namespace detail

struct ServerOptions {
  StreamOptions stream{};
  BindOptions bind{};
  // Connections beyond this are accepted and closed at once. The default is the smaller of 10 000
  // and 80 % of the descriptors that the process may open: where it has several servers, as one a loop,
  // each is to be given its part. serve() and serve_main() divide it among their threads.
  std::optional<std::size_t> max_connections{};
  // The same for those of one IPv4 address, or one IPv6 network of 64 bits, which is what one
  // customer has. Peers on unix-domain sockets are not counted. Counted in each server, and not divided
  // by serve(): chance may bring all connections of one address to one loop.
  std::size_t max_connections_per_address = unlimited;
  // Proxies in front of this server, whose PROXY headers say who the client is: with any trusted, each
  // connection has to begin with one. See twister/proxy_protocol.hpp.
  ProxyOptions proxy_protocol{};
  // Goes around the transport of each connection before its Protocol is built; on_connect comes when
  // it is established. TLS comes this way.
  TransportLayer layer{};
  // After drain(), or a signal: how long connections may take to end.
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(10);
  // Sends small messages at once (TCP_NODELAY).
  bool no_delay = true;
  std::optional<KeepAlive> keep_alive{};
};

// A server as another one sees it, that deals connections out: TcpServer::deal_connections().
//
// Threads: any. Once the server is gone it gets no connection any more.
class ServerHandle {
 public:
  // Connections that it serves, and those on their way to it.
  std::size_t connection_count() const noexcept;

 private:
  friend class detail::ServerCore;
  explicit ServerHandle(std::shared_ptr<detail::ServerHandleCore> core) : core_(std::move(core)) {}
  std::shared_ptr<detail::ServerHandleCore> core_;
};

// A server: listeners, a factory, and the connections made from them.
//
// For each connection it makes a stream, calls `build_class`, wires on_close, and calls on_connect,
// whose default calls the Protocol's on_connect and starts reading into handle_stream. A custom
// server overrides what it wants.
//
// Ownership: the loop outlives the server. Stop a server before it is destroyed; its destructor
//   aborts what is left (each Protocol still gets its on_close, the overrides here no longer can).
//   It may be destroyed inside one of its own callbacks.
// Threads: the loop's.
// Limits: max_connections; at most 128 accepts a turn; when descriptors run out, waiting
//   connections are shed and accepting rests for 100 ms.
class TcpServer {
 public:
  // `address` as for bind_sockets(), or an Endpoint's text ("fd:3", "tcp::80?backlog=100"); empty: there
  // is none but those of bind(). Nothing is bound before start().
  TcpServer(IOLoop& loop, std::string_view address, ProtocolFactory build_class,
            ServerOptions options = {});
  virtual ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  // Binds the address and accepts. Throws as bind_sockets() does. A stopped server may be started
  // again.
  void start();
  // Binds one more address now, whose connections the kernel keeps until start(). Tornado's bind.
  void bind(std::string_view address);
  // Binds one more address and accepts there at once, started or not. Tornado's listen.
  void listen(std::string_view address);
  // Accepts on sockets that are bound already.
  void add_sockets(std::vector<ListeningSocket> sockets);
  // Serves a connection that comes from elsewhere: a memory transport in a test, an adopted socket.
  void add_connection(std::unique_ptr<Transport> transport);

  // Stops accepting. Connections live on. Stopping twice has no effect.
  void stop();
  // Stops, tells every connection by Protocol::on_drain, aborts what is left after `timeout` (the
  // options' by default), then calls `done` from the loop.
  void drain(std::function<void()> done = {},
             std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  // Closes, or aborts, every connection; the server goes on.
  void close_connections(std::error_code error = {});
  void abort_connections();

  // Gives every connection that is accepted here to the one of `servers` that has the fewest, on its
  // loop, instead of serving it; empty: serves again. This server's own handle may be among them.
  void deal_connections(std::vector<ServerHandle> servers);
  // This server for those who deal.
  ServerHandle handle();

  // Where the server listens, with the ports that the kernel chose. Empty when it does not.
  std::vector<Address> local_addresses() const;
  std::size_t connection_count() const noexcept;
  // What it has counted since it was made.
  ServerCounters counters() const;
  void for_each_connection(const std::function<void(Protocol&)>& visit);
  IOLoop& loop() const noexcept;
  const ServerOptions& options() const noexcept;

 protected:
  // A connection was made. The default is `conn.on_connect(); conn.read_until_close();`.
  virtual void on_connect(Protocol& conn);
  // Bytes have come. The default hands them to `conn.on_data`.
  virtual void handle_stream(Protocol& conn, ByteView chunk);
  // A connection is over; its Protocol's on_close has been called. The default does nothing.
  virtual void on_close(Protocol& conn, const CloseReason& reason);
  // Called once before the first socket accepts, and once after the last one has closed.
  virtual void start_factory() {}
  virtual void stop_factory() {}

 private:
  friend class detail::ServerCore;
  friend class detail::Stream;

  std::shared_ptr<detail::ServerCore> core_;
};

}  // namespace twister
