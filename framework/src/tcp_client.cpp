#include "twister/tcp_client.hpp"

#include <stdexcept>
#include <utility>

#include <twister/endpoint.hpp>
#include <twister/io_loop.hpp>
#include <twister/log.hpp>

#include "client_core.hpp"
#include "connect_operation.hpp"
#include "handle_core.hpp"
#include "ip_text.hpp"
#include "stream.hpp"

namespace twister {

std::string ConnectError::message() const {
  if (detail.empty()) return code ? code.message() : std::string();
  return detail + ": " + code.message();
}

TcpClientOptions tcp_client_options(const Endpoint& endpoint, TcpClientOptions defaults) {
  defaults.timeout = endpoint.time("timeout", defaults.timeout);
  if (const auto source = endpoint.option("source")) {
    const auto ip = detail::parse_ip(*source);
    // Parsing has checked that; an Endpoint may also be put together by hand.
    if (!ip) {
      throw std::invalid_argument("endpoint \"" + endpoint.to_string() +
                                  "\": its source is not an IP address");
    }
    defaults.source = *ip;
  }
  return defaults;
}

namespace detail {

ClientCore::ClientCore(IOLoop& loop, TcpClientOptions options)
    : loop_(loop),
      loop_lifetime_(loop.core().lifetime()),
      options_(std::move(options)),
      stream_options_(std::make_shared<const StreamShared>(options_.stream)),
      system_resolver_(loop),
      socket_dialer_(loop) {
  if (options_.resolver == nullptr) options_.resolver = &system_resolver_;
  if (options_.dialer == nullptr) options_.dialer = &socket_dialer_;
}

std::function<void()> ClientCore::connect(ConnectRequest request) {
  const auto operation = std::make_shared<ConnectOperation>(shared_from_this(), std::move(request));
  operations_.insert(operation.get());
  operation->start();
  return [weak = std::weak_ptr<ConnectOperation>(operation)] {
    if (const auto self = weak.lock()) self->cancel();
  };
}

void ClientCore::cancel_all() {
  while (!operations_.empty()) (*operations_.begin())->cancel();
}

}  // namespace detail

namespace {

void log_failure(const ConnectError& error, Protocol*) {
  if (error) log(LogLevel::warning, "connect_failed", {{"why", error.message()}});
}

}  // namespace

TcpClient::TcpClient(IOLoop& loop, TcpClientOptions options)
    : core_(std::make_shared<detail::ClientCore>(loop, std::move(options))) {}

TcpClient::~TcpClient() {
  core_->cancel_all();
}

std::function<void()> TcpClient::connect(const Destination& to, ConnectHandler handler,
                                         const ConnectOverrides& options) {
  // Where the stream is from on_connect until the handler is called, which is a moment later.
  const auto connected = std::make_shared<IOStream>();
  return core_->connect(
      {.to = to,
       .options = options,
       .build = handle_streams([connected](IOStream stream) { *connected = std::move(stream); }),
       .done = [connected, handler = std::move(handler)](
                   const ConnectError& error, const std::shared_ptr<detail::HandleCore>&) {
         IOStream stream = std::move(*connected);
         handler(error, error ? IOStream() : std::move(stream));
       }});
}

std::function<void()> TcpClient::connect(const Destination& to, ProtocolFactory build,
                                         ProtocolHandler handler, const ConnectOverrides& options) {
  if (!handler) handler = log_failure;
  return core_->connect(
      {.to = to,
       .options = options,
       .build = std::move(build),
       .done = [handler = std::move(handler)](const ConnectError& error,
                                              const std::shared_ptr<detail::HandleCore>& handle) {
         handler(error, error ? nullptr : &handle->stream->protocol());
       }});
}

std::function<void()> TcpClient::connect(const Destination& to, std::unique_ptr<Protocol> protocol,
                                         ProtocolHandler handler, const ConnectOverrides& options) {
  auto kept = std::make_shared<std::unique_ptr<Protocol>>(std::move(protocol));
  return connect(to, ProtocolFactory([kept] { return std::move(*kept); }), std::move(handler),
                 options);
}

IOLoop& TcpClient::loop() const noexcept {
  return core_->loop();
}
const TcpClientOptions& TcpClient::options() const noexcept {
  return core_->options();
}

}  // namespace twister
