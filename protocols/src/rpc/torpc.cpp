#include <system_error>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/rpc/torpc.hpp>

namespace twister {

using nlohmann::json;

namespace {

TorpcCodec codec_of(const TorpcOptions& options) {
  return torpc_codec(options.max_body_bytes,
                     {.max_depth = options.max_depth, .max_items = options.max_items});
}

// Registers the name, then does what the options' own function does; then calls may go.
ReconnectOptions prepared(const TorpcClientOptions& options, std::shared_ptr<TorpcPeer> peer) {
  ReconnectOptions reconnect = options.reconnect;
  reconnect.prepare_connection =
      [peer = std::move(peer), name = options.name, next = options.reconnect.prepare_connection](
          Protocol& connection, const std::function<void(std::error_code)>& done) {
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

// ---- connections ----

TorpcConnection::TorpcConnection(const TorpcServices& services, const TorpcOptions& options,
                                 Told connected)
    : MessageProtocol(codec_of(options)),
      services_(&services),
      options_(options),
      connected_(std::move(connected)) {}

TorpcConnection::TorpcConnection(std::shared_ptr<TorpcPeer> peer, const TorpcOptions& options)
    : MessageProtocol(codec_of(options)), peer_(std::move(peer)) {}

void TorpcConnection::on_connect() {
  const bool is_new = peer_ == nullptr;
  if (is_new) peer_ = TorpcPeer::make(loop(), *services_, options_);
  peer_->attach([this](const TorpcMessage& message) { return send(message); }, this,
                stream_options().memory_budget);
  if (is_new) peer_->start_calls();
  if (connected_) connected_(*peer_);
}

void TorpcConnection::on_message_skipped(const CodecError& error) {
  peer_->receive_malformed(codec().payload().header(), error);
}

EofAction TorpcConnection::on_eof() {
  const EofAction action = MessageProtocol::on_eof();
  if (!is_open() || peer_->calls_served() == 0) return action;
  peer_->end_calls({RpcCode::unavailable, "the peer has ended the connection"});
  peer_->drain([this] { close(); });
  return EofAction::keep_open;
}

void TorpcConnection::on_drain() {
  peer_->drain([this] { close(Errc::server_draining); });
}

void TorpcConnection::on_close(const CloseReason& reason) {
  const auto kept = peer_;  // callbacks may do anything
  if (kept) kept->detach({RpcCode::unavailable, "the connection is lost: " + reason.message()});
}

// ---- clients ----

TorpcClient::TorpcClient(IOLoop& loop, Destination to, TorpcClientOptions options,
                         const TorpcServices& services)
    : peer_(TorpcPeer::make(loop, services, options.rpc)),
      connection_(
          loop, std::move(to),
          [peer = peer_, rpc = options.rpc] {
            return std::make_unique<TorpcConnection>(peer, rpc);
          },
          prepared(options, peer_), options.wait_for_ready,
          [peer = peer_](const ConnectError& error) {
            peer->end_calls({RpcCode::unavailable, error.message()});
          }) {
  peer_->queue_calls([this] { connection_.want(); });
}

TorpcClient::~TorpcClient() {
  peer_->queue_calls({});
  peer_->end_calls_soon({RpcCode::cancelled, "the client was destroyed"});
}

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

const TorpcServices& TorpcClient::no_services() {
  static const TorpcServices none;
  return none;
}

}  // namespace twister
