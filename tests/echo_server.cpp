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
#include "support/server_arguments.hpp"

namespace {

using twister::testing::BadOption;
using twister::testing::ServerArguments;

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

twister::ProtocolFactory take_codec(ServerArguments& arguments) {
  const std::string codec = arguments.take("--codec", "raw");
  const auto limit =
      arguments.take_number<std::size_t>("--max-frame-bytes", 1, "a number of bytes, 1 or more");
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

int run(ServerArguments arguments) {
  const twister::ProtocolFactory factory = take_codec(arguments);
  twister::ServeOptions options{.max_processes = 256};
  twister::ServerOptions& server = options.server;
  twister::IOLoop::Callback reload;
  arguments.take_seconds("--handshake-timeout", server.stream.handshake_timeout);
  arguments.take_seconds("--idle-timeout", server.stream.idle_timeout);
  arguments.take_seconds("--read-timeout", server.stream.message_timeout);
  if (const auto most = arguments.take_number<std::size_t>("--max-per-ip", 1,
                                                           "a number of connections, 1 or more")) {
    server.max_connections_per_address = *most;
  }
  if (const std::string path = arguments.take("--unix"); !path.empty()) {
    options.host = "unix:" + path;
  }
  const std::string certificate = arguments.take("--tls-cert");
  const std::string key = arguments.take("--tls-key");
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
  if (arguments.take_flag("--proxy-protocol")) {
    server.proxy_protocol.trusted = {twister::Network::parse("127.0.0.0/8"),
                                     twister::Network::parse("::1"),
                                     twister::Network::parse("unix:")};
  }
  return twister::serve_main(
      arguments.argc(), arguments.argv(),
      [&](twister::IOLoop& loop, std::string_view address, const twister::ServerOptions& given) {
        // A process that is restarted has what its parent had read at the start.
        if (reload && twister::task_id()) reload();
        return std::make_unique<EchoServer>(loop, address, factory, given, reload);
      },
      options);
}

}  // namespace

int main(int argc, char** argv) try {
  return run(ServerArguments(argc, argv));
} catch (const BadOption& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
