#include "session.hpp"

#include <csignal>
#include <stdexcept>
#include <utility>

#ifdef TWISTER_TOOL_TLS
#include <twister/tls.hpp>
#endif

namespace twister::tool {

namespace {

Endpoint parse(const std::string& address) {
  try {
    return Endpoint::parse_client(address);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
}

TcpClientOptions client_options(const Endpoint& endpoint,
                                std::optional<std::chrono::milliseconds> timeout) {
  TcpClientOptions options;
  if (timeout) options.timeout = *timeout;
  options = tcp_client_options(endpoint, std::move(options));
  if (endpoint.scheme == Endpoint::Scheme::tls) {
#ifdef TWISTER_TOOL_TLS
    options.layer = TlsClientContext(tls_client_options(endpoint));
#else
    throw UsageError("tls: this program was built without TLS");
#endif
  }
  return options;
}

}  // namespace

Session::Session(Console& console, const std::string& address,
                 std::optional<std::chrono::milliseconds> timeout)
    : console_(console),
      endpoint_(parse(address)),
      on_sigint_(loop_, SIGINT, [this] { interrupt(); }),
      on_sigterm_(loop_, SIGTERM, [this] { interrupt(); }),
      client_(loop_, client_options(endpoint_, timeout)),
      begun_(loop_.now()),
      progress_(loop_, std::chrono::seconds(1), [this] { tell_progress(); }) {
  progress_.start();
}

void Session::connect(std::unique_ptr<Protocol> protocol) {
  std::optional<ConnectError> outcome;
  const auto cancel = client_.connect(Destination(endpoint_.address()), std::move(protocol),
                                      [&](const ConnectError& error, Protocol*) {
                                        outcome = error;
                                        wake();
                                      });
  on_interrupt(cancel);
  run_until([&] { return outcome.has_value(); });
  on_interrupt({});
  if (interrupted_) throw Failure(ExitCode::interrupted, "interrupted");
  if (*outcome) throw Failure(ExitCode::connection, outcome->message());
}

void Session::run_until(const std::function<bool()>& condition) {
  while (!condition()) {
    loop_.run();
    if (interrupted_ && !on_interrupt_) throw Failure(ExitCode::interrupted, "interrupted");
  }
}

void Session::tell_progress() {
  const auto seconds = std::chrono::round<std::chrono::seconds>(loop_.now() - begun_).count();
  const std::size_t printed = console_.printed();
  console_.show_progress((printed == 0 ? "waiting for " + endpoint_.address()
                                       : std::to_string(printed) + " received") +
                         ", " + std::to_string(seconds) + " s");
}

void Session::interrupt() {
  interrupted_ = true;
  if (on_interrupt_) {
    on_interrupt_();
  } else {
    wake();
  }
}

}  // namespace twister::tool
