// echo_server: a server for outside testing. Echoes every message, re-encoded by the codec it came
// through.
//   echo_server --codec raw|protobuf|protobuf-varint|FRAMING/protobuf|(any name that AnyCodec takes)
//               [--host HOST] [--port PORT] [--unix PATH]
//               [--threads N] [--processes N]
//               [--max-frame-bytes N] [--max-connections N] [--max-per-ip N]
//               [--tls-cert FILE --tls-key FILE] (SIGHUP reads them again)
//               [--handshake-timeout SECONDS] [--idle-timeout SECONDS] [--drain-timeout SECONDS]
//               [--read-timeout SECONDS] (of one message: not for raw)
//               [--proxy-protocol] (PROXY headers come first; from this machine alone)
//               [--admin HOST:PORT] [--stall-limit SECONDS]
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <twister/codecs/any_codec.hpp>
#include <twister/codecs/any_framing.hpp>
#include <twister/codecs/framed.hpp>
#include <twister/codecs/json.hpp>
#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/lines.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/fork_processes.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/proxy_protocol.hpp>
#include <twister/serve.hpp>
#include <twister/signal_watch.hpp>
#ifdef TWISTER_ECHO_TLS
#include <twister/tls.hpp>
#endif

#include "echo_message.pb.h"

namespace {

class RawEcho : public twister::Protocol {
  void on_data(twister::ByteView data) override { write(data); }
};

template <class Codec>
class MessageEcho : public twister::MessageProtocol<Codec> {
 public:
  using twister::MessageProtocol<Codec>::MessageProtocol;

 private:
  void on_message(typename Codec::Received message) override { this->send(message); }
};

template <class Codec>
twister::ProtocolFactory echo_with(Codec codec) {
  return twister::build<MessageEcho<Codec>>(std::move(codec));
}

template <class Framing>
using ProtobufOver = twister::Framed<Framing, twister::Protobuf<echo::Message>>;

// The one message after the other that `name` says, of at most `limit` bytes each. Those that are
// measured are known to the compiler, the others are found by their names.
twister::ProtocolFactory echo_by_name(const std::string& name, std::optional<std::size_t> limit) {
  using namespace twister;
  const AnyFramingOptions options{.max_frame_bytes = limit};
  const LengthPrefixed lp32({.max_frame_bytes = limit.value_or(1024 * 1024)});
  const Lines lines({.max_line_bytes = limit.value_or(64 * 1024)});
  if (name == "raw") return build<RawEcho>();
  if (name == "lp32") return echo_with(lp32);
  if (name == "lines") return echo_with(lines);
  if (name == "jsonl") return echo_with(JsonLines(lines));
  if (name == "protobuf") return echo_with(ProtobufOver<LengthPrefixed>(lp32));
  if (name == "protobuf-varint") {
    return echo_with(ProtobufOver<AnyFraming>(AnyFraming("varint", options)));
  }
  if (name.ends_with("/protobuf")) {
    const std::string framing = name.substr(0, name.size() - std::string_view("/protobuf").size());
    return echo_with(ProtobufOver<AnyFraming>(AnyFraming(framing, options)));
  }
  return echo_with(AnyCodec(name, {.max_frame_bytes = limit}));
}

// Takes `--name value` or `--name=value` out of the arguments, so that serve_main sees the rest.
std::string take_option(std::vector<char*>& arguments, std::string_view name,
                        std::string fallback) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const auto at = arguments.begin() + static_cast<std::ptrdiff_t>(i);
    if (argument == name && i + 1 < arguments.size()) {
      fallback = arguments[i + 1];
      arguments.erase(at, at + 2);
      --i;
    } else if (argument.starts_with(name) && argument.substr(name.size()).starts_with('=')) {
      fallback = argument.substr(name.size() + 1);
      arguments.erase(at);
      --i;
    }
  }
  return fallback;
}

// Takes `--name` out of the arguments.
bool take_flag(std::vector<char*>& arguments, std::string_view name) {
  return std::erase_if(arguments, [name](const char* argument) { return argument == name; }) > 0;
}

class BadOption : public std::runtime_error {
 public:
  BadOption(std::string_view name, std::string_view value, std::string_view what)
      : runtime_error(std::string(name) + ": \"" + std::string(value) + "\" is not " +
                      std::string(what)) {}
};

template <class Number>
std::optional<Number> take_number(std::vector<char*>& arguments, std::string_view name,
                                  Number least, std::string_view what) {
  const std::string text = take_option(arguments, name, "");
  if (text.empty()) return std::nullopt;
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !(number >= least)) {
    throw BadOption(name, text, what);
  }
  return number;
}

void take_seconds(std::vector<char*>& arguments, std::string_view name,
                  std::chrono::milliseconds& option) {
  const auto seconds = take_number<double>(arguments, name, 0.001, "a number of seconds, above 0");
  if (seconds) option = std::chrono::milliseconds(static_cast<long>(*seconds * 1000));
}

twister::ProtocolFactory take_codec(std::vector<char*>& arguments) {
  const std::string codec = take_option(arguments, "--codec", "raw");
  const auto limit =
      take_number<std::size_t>(arguments, "--max-frame-bytes", 1, "a number of bytes, 1 or more");
  try {
    return echo_by_name(codec, limit);
  } catch (const std::invalid_argument& error) {
    throw BadOption(
        "--codec", codec,
        std::string("one of raw, protobuf, protobuf-varint, FRAMING/protobuf or those of "
                    "AnyCodec: ") +
            error.what());
  }
}

// A server that does what has to be done on SIGHUP.
class EchoServer : public twister::TcpServer {
 public:
  EchoServer(twister::IOLoop& loop, std::string_view address, twister::ProtocolFactory factory,
             const twister::ServerOptions& options, twister::IOLoop::Callback reload)
      : TcpServer(loop, address, std::move(factory), options) {
    if (reload) reload_.emplace(loop, SIGHUP, std::move(reload));
  }

 private:
  std::optional<twister::SignalWatch> reload_;
};

int run(std::vector<char*> arguments) {
  const twister::ProtocolFactory factory = take_codec(arguments);
  twister::ServeOptions options{.max_processes = 256};
  twister::ServerOptions& server = options.server;
  twister::IOLoop::Callback reload;
  take_seconds(arguments, "--handshake-timeout", server.stream.handshake_timeout);
  take_seconds(arguments, "--idle-timeout", server.stream.idle_timeout);
  take_seconds(arguments, "--read-timeout", server.stream.message_timeout);
  if (const auto most = take_number<std::size_t>(arguments, "--max-per-ip", 1,
                                                 "a number of connections, 1 or more")) {
    server.max_connections_per_address = *most;
  }
  if (const std::string path = take_option(arguments, "--unix", ""); !path.empty()) {
    options.host = "unix:" + path;
  }
  const std::string certificate = take_option(arguments, "--tls-cert", "");
  const std::string key = take_option(arguments, "--tls-key", "");
  if (certificate.empty() != key.empty()) {
    throw BadOption("--tls-cert and --tls-key", certificate + key, "enough: both are needed");
  }
#ifdef TWISTER_ECHO_TLS
  if (!certificate.empty()) {
    twister::TlsServerContext tls({.certificate_file = certificate, .key_file = key});
    server.layer = tls;
    reload = [tls]() mutable { tls.reload(); };
  }
#else
  if (!certificate.empty())
    throw BadOption("--tls-cert", certificate, "possible: built without TLS");
#endif
  if (take_flag(arguments, "--proxy-protocol")) {
    server.proxy_protocol.trusted = {twister::Network::parse("127.0.0.0/8"),
                                     twister::Network::parse("::1"),
                                     twister::Network::parse("unix:")};
  }
  arguments.push_back(nullptr);
  return twister::serve_main(
      static_cast<int>(arguments.size()) - 1, arguments.data(),
      [&](twister::IOLoop& loop, std::string_view address, const twister::ServerOptions& given) {
        // A process that is restarted has what its parent had read at the start.
        if (reload && twister::task_id()) reload();
        return std::make_unique<EchoServer>(loop, address, factory, given, reload);
      },
      options);
}

}  // namespace

int main(int argc, char** argv) try {
  return run({argv, argv + argc});
} catch (const BadOption& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
