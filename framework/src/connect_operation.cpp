#include "connect_operation.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "handle_core.hpp"
#include "stream.hpp"

namespace twister::detail {

ConnectOperation::ConnectOperation(std::shared_ptr<ClientCore> core, ConnectRequest request)
    : core_(std::move(core)), request_(std::move(request)) {}

ConnectOperation::~ConnectOperation() {
  core_->forget(*this);
  if (end_lookup_) end_lookup_();
}

template <class Step>
void ConnectOperation::guarded(Step&& step) {
  std::string thrown;
  try {
    return step();
  } catch (const std::exception& error) {
    if (finished_) throw;  // by somebody who was told already
    thrown = error.what();
  } catch (...) {
    if (finished_) throw;
    thrown = "not an exception";
  }
  finish({Errc::callback_threw, failure(thrown)}, false);
}

void ConnectOperation::start() {
  const auto timeout = request_.options.timeout.value_or(core_->options().timeout);
  deadline_ = core_->loop().call_later(saturated(timeout),
                                       [self = shared_from_this()] { self->on_deadline(); });
  guarded([this] {
    if (request_.to.address()) return dial({*request_.to.address()});
    look_up();
  });
}

void ConnectOperation::look_up() {
  const auto family = request_.options.family.value_or(core_->options().family);
  end_lookup_ = core_->resolver().resolve(
      request_.to.host(), request_.to.port(), family,
      [weak = weak_from_this(), family](std::error_code error, std::vector<Address> addresses) {
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
  guarded([&] { dial(std::move(addresses)); });
}

void ConnectOperation::dial(std::vector<Address> addresses) {
  if (addresses.size() > max_dialed_addresses) addresses.resize(max_dialed_addresses);
  const TcpClientOptions& options = core_->options();
  connector_ = std::make_shared<Connector>(
      core_->loop(), core_->dialer(), addresses,
      DialOptions{
          .source = options.source, .no_delay = options.no_delay, .keep_alive = options.keep_alive},
      [weak = weak_from_this()](std::unique_ptr<Transport> transport) {
        if (const auto self = weak.lock()) self->on_dialed(std::move(transport));
      });
  connector_->start();
}

void ConnectOperation::on_dialed(std::unique_ptr<Transport> transport) {
  if (transport != nullptr) return guarded([&] { open_stream(std::move(transport)); });
  fail(connector_->attempts().back().error, failed_attempts());
}

void ConnectOperation::open_stream(std::unique_ptr<Transport> transport) {
  const std::weak_ptr<ConnectOperation> weak = weak_from_this();
  TransportLayer layer;
  if (core_->options().layer) {
    layer = [weak](std::unique_ptr<Transport> connected) -> std::unique_ptr<Transport> {
      const auto self = weak.lock();
      return self != nullptr ? self->add_layer(std::move(connected)) : nullptr;
    };
  }
  reached_ = transport->peer_address().to_string();
  if (reached_ == request_.to.to_string()) reached_.clear();
  Stream& stream =
      Stream::open_arriving(core_->loop().core(), std::move(transport),
                            {.admit = {},
                             .layer = std::move(layer),
                             .build =
                                 [weak](const Address& peer) {
                                   const auto self = weak.lock();
                                   return self != nullptr ? self->build(peer) : nullptr;
                                 },
                             .failed =
                                 [weak](const CloseReason& reason) {
                                   if (const auto self = weak.lock()) self->on_not_opened(reason);
                                 }},
                            core_->stream_options());
  handle_ = stream.handle();
  if (request_.ended) tell_when_ended(stream);
}

std::unique_ptr<Transport> ConnectOperation::add_layer(std::unique_ptr<Transport> transport) {
  auto layered = core_->options().layer(std::move(transport), request_.to.host());
  if (layered == nullptr) {
    fail(std::make_error_code(std::errc::operation_canceled), "the layer refused the connection");
  }
  return layered;
}

// Null refuses the connection; what it throws is logged by the stream, and told as the reason.
std::unique_ptr<Protocol> ConnectOperation::build(const Address& peer) {
  if (finished_) return nullptr;
  auto protocol = request_.build(peer);
  if (protocol == nullptr) {
    fail(std::make_error_code(std::errc::operation_canceled), "the factory refused the connection");
    return nullptr;
  }
  // The stream calls on_connect behind this, and the loop nothing before what is posted here.
  core_->loop().add_callback([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_opened();
  });
  return protocol;
}

void ConnectOperation::on_opened() {
  if (finished_) return;
  if (handle_->stream == nullptr) return on_not_opened({.code = Errc::reset, .detail = {}});
  finish({}, true);
}

void ConnectOperation::on_not_opened(const CloseReason& reason) {
  if (reason.code == Errc::loop_stopped) request_.done = nullptr;  // nobody is told any more
  std::string why = reached_;
  if (!reason.detail.empty()) why += (why.empty() ? "" : ", ") + reason.detail;
  fail(reason.code ? reason.code : make_error_code(Errc::reset), why);
}

// The stream gives its admission back when it is deleted. The reason is that of its close callback,
// of which there is one, and which the Protocol may take for itself.
void ConnectOperation::tell_when_ended(Stream& stream) {
  const auto reason = std::make_shared<CloseReason>();
  stream.set_close_callback([reason](const CloseReason& told) { *reason = told; });
  stream.keep_admission(Admission(
      [&loop = core_->loop(), reason, ended = std::move(request_.ended), opened = opened_] {
        if (*opened) loop.add_callback([reason, ended] { ended(*reason); });
      }));
}

void ConnectOperation::on_deadline() {
  deadline_ = {};
  const auto timeout = request_.options.timeout.value_or(core_->options().timeout);
  std::string why = "after " + std::to_string(timeout.count()) + " ms";
  if (end_lookup_) why += ", looking it up";
  if (connector_ != nullptr && handle_ == nullptr) why += ", " + failed_attempts();
  if (handle_ != nullptr)
    why += ", in the handshake" + (reached_.empty() ? "" : " with " + reached_);
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
  // The only address, and it is what was asked for.
  if (common && attempts.size() == 1 && attempts[0].to.to_string() == request_.to.to_string())
    return attempts[0].detail;
  const bool alike =
      common && std::all_of(attempts.begin(), attempts.end(), [&](const Attempt& each) {
        return each.error == common && each.detail.empty();
      });
  std::string text;
  for (const Attempt& attempt : attempts) {
    if (!text.empty()) text += ", ";
    text += attempt.to.to_string();
    if (alike) continue;
    if (!attempt.error) text += " no answer";
    if (attempt.error)
      text += " " + (attempt.detail.empty() ? attempt.error.message() : attempt.detail);
  }
  return text;
}

void ConnectOperation::fail(std::error_code code, std::string_view why) {
  finish({code, failure(why)}, true);
}

void ConnectOperation::finish(const ConnectError& error, bool from_loop) {
  if (std::exchange(finished_, true)) return;
  const auto self = shared_from_this();
  core_->forget(*this);
  const bool loop_lives = core_->loop_lives();
  const TimerId deadline = std::exchange(deadline_, {});
  if (deadline && loop_lives) core_->loop().cancel(deadline);
  if (const auto end_lookup = std::exchange(end_lookup_, nullptr)) end_lookup();
  if (connector_ != nullptr) connector_->cancel();
  if (!error) *opened_ = true;
  Stream* const stream = handle_ != nullptr ? handle_->stream : nullptr;
  if (error && stream != nullptr) {
    CloseReason reason{.code = error.code, .detail = error.detail};
    // Before there is a Protocol nothing was said that a reset would have to take back.
    if (stream->arriving()) stream->fail(std::move(reason));
    if (!stream->arriving()) stream->abort(std::move(reason));
  }
  const auto done = std::exchange(request_.done, nullptr);
  if (!done) return;
  if (from_loop) return done(error, handle_);
  if (loop_lives) core_->loop().add_callback([done, error] { done(error, nullptr); });
}

}  // namespace twister::detail
