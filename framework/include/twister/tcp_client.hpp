// twister/tcp_client.hpp - connects to servers by name, and gives streams or Protocols their
// connection.
//
//   twister::TcpClient client(loop);
//   client.connect("example.com:80", [](const twister::ConnectError& error, twister::IOStream stream) {
//     if (error) return std::puts(error.message().c_str());
//     stream.write("GET / HTTP/1.0\r\n\r\n");
//     ...
//   });
//
// For one connection at a time that shall be there again after it broke: ReconnectingClient. The same
// for coroutines is async_connect() in <twister/asio.hpp>.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <twister/address.hpp>
#include <twister/destination.hpp>
#include <twister/dialer.hpp>
#include <twister/error.hpp>
#include <twister/io_stream.hpp>
#include <twister/keep_alive.hpp>
#include <twister/protocol_factory.hpp>
#include <twister/stream_options.hpp>
#include <twister/transport.hpp>

namespace twister {

struct Endpoint;
class Resolver;
namespace detail {
class ClientCore;
}

// Why there is no connection. Converts to its code, so that a handler may take a std::error_code and
// go without the text.
struct ConnectError {
  // Errc::lookup_failed, Errc::connect_timeout, std::errc::operation_canceled, what the system says
  // of the address that was tried last, or what was wrong with the handshake.
  std::error_code code{};
  // "cannot connect to localhost:80 ([::1]:80, 127.0.0.1:80)": the destination and every address tried,
  // each with its own error where they differ.
  std::string detail{};

  explicit operator bool() const noexcept { return static_cast<bool>(code); }
  operator std::error_code() const noexcept { return code; }  // NOLINT(google-explicit-constructor)
  // One line for a log: the detail and the code's message.
  std::string message() const;

  // With Errc and other codes, and with Condition and std::errc.
  friend bool operator==(const ConnectError& error, std::error_code other) noexcept {
    return error.code == other;
  }
  friend bool operator==(const ConnectError& error, std::error_condition condition) noexcept {
    return error.code == condition;
  }
};

// Without an error the stream is connected.
using ConnectHandler = std::function<void(const ConnectError& error, IOStream stream)>;
// Without an error the Protocol has had its on_connect; whether it is still open is for it to say.
// The pointer is good during the call, and until on_close. With an error it is null, also for a connection
// that was lost in the moment in which it was made: its Protocol has had its on_connect and its on_close.
using ProtocolHandler = std::function<void(const ConnectError& error, Protocol* protocol)>;

// The layer around a connection to `host`, the name that was connected to or the address as text:
// a TlsClientContext is one. Null refuses the connection.
using ClientLayer = std::function<std::unique_ptr<Transport>(std::unique_ptr<Transport> connected,
                                                             std::string_view host)>;

struct TcpClientOptions {
  // handshake_timeout is that of the layer.
  StreamOptions stream = client_stream_options();
  // From the call to the open stream: looking up, all attempts, and the handshake of a layer.
  // 30 s: TCP itself would go on for two minutes.
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
  // Only addresses of this kind; Family::none for all.
  Address::Family family = Address::Family::none;
  // Where connections come from, unless it is left to the system. `:PORT` goes with either family;
  // an attempt that it does not suit fails, the others go on.
  Address source{};
  // Sends small messages at once (TCP_NODELAY).
  bool no_delay = true;
  std::optional<KeepAlive> keep_alive{};
  // Null: a SystemResolver, and sockets. Otherwise they outlive the client.
  Resolver* resolver = nullptr;
  Dialer* dialer = nullptr;
  // Protocols are built, and handlers told, when its handshake is done.
  ClientLayer layer{};
};

// `defaults` with what a client's Endpoint says of `timeout` and `source`; where to is its address(). For
// the scheme `tls`, `layer` is to be a TlsClientContext(tls_client_options(endpoint)). Throws
// std::invalid_argument for a source that is no IP address, which no parsed Endpoint has.
TcpClientOptions tcp_client_options(const Endpoint& endpoint, TcpClientOptions defaults = {});

// What one connect() has otherwise than its client's options say.
struct ConnectOverrides {
  std::optional<std::chrono::milliseconds> timeout{};
  std::optional<Address::Family> family{};
};

// Connects. Of a name that has several addresses the first is tried at once, and the next one whenever
// none was for 300 ms, of the other family if it has any (happy eyeballs, RFC 8305); sooner, when an
// attempt fails. So an address that nobody answers at costs 300 ms. Attempts run side by side; the
// first connection wins, and nothing else stays open.
//
// Handlers are called once, from the loop, never inside the call.
//
// Ownership: the loop owns connections as soon as they are there; they outlive the client. Destroying
//   the client ends what is under way: handlers are told std::errc::operation_canceled. It may be
//   destroyed inside a handler. Once the loop is gone nobody is told any more.
// Threads: the loop's.
// Limits: one timeout over everything; of one name, 64 addresses, hence as many attempts at a time.
// Errors: a Destination that cannot be read throws std::invalid_argument; the rest goes to the handler,
//   also what a Resolver or a Dialer throws: Errc::callback_threw.
class TcpClient {
 public:
  explicit TcpClient(IOLoop& loop, TcpClientOptions options = {});
  ~TcpClient();
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  // Each connect() returns a function that cancels it, in which case the handler is told
  // std::errc::operation_canceled. It has no effect later, twice, or after the client is gone.

  // Connects a stream.
  std::function<void()> connect(const Destination& to, ConnectHandler handler,
                                const ConnectOverrides& options = {});
  // Connects a Protocol, made when the connection is there, with the address it led to; then its
  // on_connect is called, and then the handler. A factory that returns null drops the connection:
  // std::errc::operation_canceled. Without a handler, a failure is logged.
  std::function<void()> connect(const Destination& to, ProtocolFactory build,
                                ProtocolHandler handler = {}, const ConnectOverrides& options = {});
  // The same for a Protocol that is there already; without a connection it is destroyed.
  std::function<void()> connect(const Destination& to, std::unique_ptr<Protocol> protocol,
                                ProtocolHandler handler = {}, const ConnectOverrides& options = {});

  IOLoop& loop() const noexcept;
  const TcpClientOptions& options() const noexcept;

 private:
  std::shared_ptr<detail::ClientCore> core_;
};

}  // namespace twister
