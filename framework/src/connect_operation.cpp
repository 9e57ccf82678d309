#include "connect_operation.hpp"

#include <algorithm>
#include <utility>

#include "stream.hpp"

namespace twister::detail {

// How the end of a connection is learned: the stream keeps its options until it is deleted, and these
// tell of it as they go. A close callback would do, were there more than one: it is the Protocol's.
struct ConnectOperation::Ending {
  std::weak_ptr<ConnectOperation> operation;
  CloseReason reason;
  std::function<void(const CloseReason&)> ended;

  static std::shared_ptr<const StreamOptions> told_by(const StreamOptions& options, IOLoop& loop,
                                                      const std::shared_ptr<Ending>& ending) {
    return {new StreamOptions(options), [&loop, ending](const StreamOptions* gone) {
              delete gone;
              loop.add_callback([ending] { ending->tell(); });
            }};
  }

  void tell() {
    const auto opening = operation.lock();
    if (opening != nullptr && !opening->finished_) {
      opening->fail(reason.code ? reason.code : make_error_code(Errc::end_of_stream), reason.detail);
    } else if (ended) {
      ended(reason);
    }
  }
};

ConnectOperation::ConnectOperation(std::shared_ptr<ClientCore> core, ConnectRequest request)
    : core_(std::move(core)), request_(std::move(request)) {}

ConnectOperation::~ConnectOperation() {
  if (deadline_ && core_->loop_lives()) core_->loop().cancel(deadline_);
}

void ConnectOperation::start() {
  const std::weak_ptr<ConnectOperation> weak = weak_from_this();
  const auto timeout = request_.options.timeout.value_or(core_->options().timeout);
  deadline_ = core_->loop().call_later(saturated(timeout), [weak] {
    if (const auto self = weak.lock()) self->on_deadline();
  });
  if (request_.to.address()) return dial({*request_.to.address()});
  const auto family = request_.options.family.value_or(core_->options().family);
  end_lookup_ = core_->resolver().resolve(
      request_.to.host(), request_.to.port(), family,
      [weak, family](std::error_code error, std::vector<Address> addresses) {
        // A resolver of the user need not know about families.
        if (family != Address::Family::none) {
          std::erase_if(addresses, [&](const Address& each) { return each.family() != family; });
        }
        if (const auto self = weak.lock()) self->on_looked_up(error, std::move(addresses));
      });
}

void ConnectOperation::cancel() {
  finish({std::make_error_code(std::errc::operation_canceled), failure({})}, false);
}

void ConnectOperation::on_looked_up(std::error_code error, std::vector<Address> addresses) {
  if (finished_) return;
  end_lookup_ = nullptr;
  if (error) return fail(Errc::lookup_failed, error == Errc::lookup_failed ? "" : error.message());
  if (addresses.empty()) return fail(Errc::lookup_failed, "no address");
  dial(std::move(addresses));
}

void ConnectOperation::dial(std::vector<Address> addresses) {
  if (addresses.size() > max_dialed_addresses) addresses.resize(max_dialed_addresses);
  const TcpClientOptions& options = core_->options();
  connector_ = std::make_shared<Connector>(
      core_->loop(), core_->dialer(), addresses,
      DialOptions{.source = options.source,
                  .no_delay = options.no_delay,
                  .keep_alive = options.keep_alive},
      [weak = weak_from_this()](std::unique_ptr<Transport> transport) {
        if (const auto self = weak.lock()) self->on_dialed(std::move(transport));
      });
  connector_->start();
}

void ConnectOperation::on_dialed(std::unique_ptr<Transport> transport) {
  if (transport == nullptr) {
    return fail(connector_->attempts().back().error, failed_attempts());
  }
  transport_ = std::move(transport);
  // In a turn of its own, at whose end on_connect is called: a dialer may be in the middle of
  // another stream's.
  core_->loop().add_callback([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->open_stream();
  });
}

// Null when it has failed.
std::unique_ptr<Protocol> ConnectOperation::apply_layer_and_build() {
  const auto refused = std::make_error_code(std::errc::operation_canceled);
  const Address peer = transport_->peer_address();
  try {
    if (const TransportLayer& layer = core_->options().layer) {
      transport_ = layer(std::move(transport_), request_.to.host());
      if (transport_ == nullptr) fail(refused, "the layer refused the connection");
    }
    if (finished_) return nullptr;
    auto protocol = request_.build(peer);
    if (protocol == nullptr) fail(refused, "the factory refused the connection");
    return protocol;
  } catch (const std::exception& error) {
    fail(Errc::callback_threw, error.what());
  } catch (...) {
    fail(Errc::callback_threw, "not an exception");
  }
  return nullptr;
}

void ConnectOperation::open_stream() {
  if (finished_) return;
  auto protocol = apply_layer_and_build();
  if (protocol == nullptr || finished_) return;  // the factory may have cancelled this
  ending_ = std::make_shared<Ending>();
  ending_->operation = weak_from_this();
  ending_->ended = std::move(request_.ended);
  IOLoop& loop = core_->loop();
  Stream& stream = Stream::open(loop.core(), std::move(transport_), std::move(protocol),
                                Ending::told_by(core_->options().stream, loop, ending_));
  stream.set_close_callback(
      [ending = ending_](const CloseReason& reason) { ending->reason = reason; });
  handle_ = stream.handle();
  // The seam for transports with a handshake: on_opened() has to be called when on_connect has been.
  // A transport without one is open at the end of this turn, and this comes right behind it.
  loop.add_callback([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_opened();
  });
}

void ConnectOperation::on_opened() {
  // If it has ended already, `ending_` says why.
  if (!finished_ && handle_->stream != nullptr) finish({}, true);
}

void ConnectOperation::on_deadline() {
  deadline_ = {};
  const auto timeout = request_.options.timeout.value_or(core_->options().timeout);
  std::string why = "after " + std::to_string(timeout.count()) + " ms";
  if (end_lookup_) why += ", looking it up";
  if (connector_ != nullptr && transport_ == nullptr && handle_ == nullptr) {
    why += ", " + failed_attempts();
  }
  if (handle_ != nullptr) why += ", in the handshake";
  fail(Errc::connect_timeout, why);
}

// ---- the end ----

std::string ConnectOperation::failure(std::string_view why) const {
  std::string text = "cannot connect to " + request_.to.to_string();
  if (!why.empty()) text.append(" (").append(why).append(")");
  return text;
}

// The addresses, each with its error unless that is the same for all.
std::string ConnectOperation::failed_attempts() const {
  const std::vector<Attempt>& attempts = connector_->attempts();
  const std::error_code common = attempts.back().error;
  const bool alike = common && std::all_of(attempts.begin(), attempts.end(), [&](const Attempt& each) {
                       return each.error == common;
                     });
  // The only address, and it is what was asked for.
  if (alike && attempts.size() == 1 && attempts[0].to.to_string() == request_.to.to_string()) return {};
  std::string text;
  for (const Attempt& attempt : attempts) {
    if (!text.empty()) text += ", ";
    text += attempt.to.to_string();
    if (alike) continue;
    text += attempt.error ? " " + attempt.error.message() : " no answer";
  }
  return text;
}

void ConnectOperation::fail(std::error_code code, std::string_view why) {
  finish({code, failure(why)}, true);
}

void ConnectOperation::finish(const ConnectError& error, bool from_loop) {
  if (std::exchange(finished_, true)) return;
  const auto self = shared_from_this();
  core_->forget(self);
  const bool loop_lives = core_->loop_lives();
  const TimerId deadline = std::exchange(deadline_, {});
  if (deadline && loop_lives) core_->loop().cancel(deadline);
  if (const auto end_lookup = std::exchange(end_lookup_, nullptr)) end_lookup();
  if (connector_ != nullptr) connector_->cancel();
  transport_ = nullptr;
  if (error && ending_ != nullptr) ending_->ended = nullptr;
  if (error && handle_ != nullptr && handle_->stream != nullptr) {
    handle_->stream->abort({.code = error.code, .detail = error.detail});
  }
  const auto done = std::exchange(request_.done, nullptr);
  if (from_loop) return done(error, handle_);
  if (loop_lives) core_->loop().add_callback([done, error] { done(error, nullptr); });
}

}  // namespace twister::detail
