#include <system_error>
#include <utility>

#include <twister/rpc/torpc.hpp>

namespace twister {

using nlohmann::json;

namespace {

TorpcCodec codec_of(const TorpcOptions& options) {
  return torpc_codec(options.max_body_bytes,
                     {.max_depth = options.max_depth, .max_items = options.max_items});
}

// Registers the name, then does what the options' own function does; then calls may go.
ReconnectOptions prepared(const TorpcClientOptions& options) {
  ReconnectOptions reconnect = options.reconnect;
  reconnect.prepare_connection = [name = options.name, next = reconnect.prepare_connection](
                                     Protocol& connection,
                                     const std::function<void(std::error_code)>& done) {
    const auto peer = static_cast<TorpcConnection&>(connection).peer();
    const auto start = [peer, done](std::error_code error) {
      if (!error) peer->start_calls();
      done(error);
    };
    const auto prepare = [next, start, &connection] {
      if (next) {
        next(connection, start);
      } else {
        start({});
      }
    };
    if (name.empty()) return prepare();
    peer->register_name(name, [prepare, done](const TorpcResult& result) {
      if (result.ok() && result.value == true) return prepare();
      done(std::make_error_code(result.ok() ? std::errc::address_in_use
                                            : std::errc::connection_refused));
    });
  };
  return reconnect;
}

}  // namespace

TorpcConnection::TorpcConnection(const TorpcServices& services, const TorpcOptions& options,
                                 Told connected)
    : DuplexConnection(codec_of(options), services, options, std::move(connected)) {}

TorpcConnection::TorpcConnection(std::shared_ptr<TorpcPeer> peer, const TorpcOptions& options)
    : DuplexConnection(codec_of(options), std::move(peer)) {}

TorpcClient::TorpcClient(IOLoop& loop, Destination to, TorpcClientOptions options,
                         const TorpcServices& services)
    : DuplexClient(
          loop, std::move(to), TorpcPeer::make(loop, services, options.rpc),
          [rpc = options.rpc](std::shared_ptr<TorpcPeer> peer) {
            return std::make_unique<TorpcConnection>(std::move(peer), rpc);
          },
          prepared(options), options.wait_for_ready) {}

std::function<void()> TorpcClient::call_node(std::string_view name, std::string_view method,
                                             const json& arguments, TorpcCallback done,
                                             const TorpcCallOptions& options) {
  json all = json::array({name, method});
  if (arguments.is_array()) {
    all.insert(all.end(), arguments.begin(), arguments.end());
  } else if (!arguments.is_null()) {
    all = "not an array";  // which call() refuses
  }
  return call("call_node", std::move(all), std::move(done), options);
}

}  // namespace twister
