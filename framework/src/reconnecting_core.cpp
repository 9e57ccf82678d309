#include "reconnecting_core.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include <twister/log.hpp>

namespace twister {
namespace {

using std::chrono::milliseconds;

double random_part() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

const ReconnectOptions& checked(const ReconnectOptions& options) {
  const bool sound = options.initial_delay > milliseconds::zero() &&
                     options.max_delay >= options.initial_delay && options.factor >= 1;
  if (!sound) {
    throw std::invalid_argument(
        "ReconnectOptions: 0 < initial_delay <= max_delay and factor >= 1 have to hold");
  }
  return options;
}

ConnectError cancelled() {
  return {std::make_error_code(std::errc::operation_canceled), "the client was stopped"};
}

}  // namespace

ReconnectingClient::Core::Core(IOLoop& loop, Destination to, ProtocolFactory build,
                               const ReconnectOptions& options)
    : options_(checked(options)),
      to_(std::move(to)),
      build_(std::move(build)),
      client_(std::make_shared<detail::ClientCore>(loop, options.client)) {
  if (!options_.random) options_.random = random_part;
}

// ---- verbs ----

void ReconnectingClient::Core::start() {
  switch (state_) {
    case State::idle:
    case State::stopped:
      failures_ = 0;
      return connect();
    case State::disconnecting:
      state_ = State::restarting;
      return;
    case State::connecting:
    case State::waiting:
    case State::connected:
    case State::restarting:
      log(LogLevel::warning, "already_started", {{"to", to_.to_string()}});
  }
}

void ReconnectingClient::Core::stop(std::function<void()> done) {
  if (done) stopped_.push_back(std::move(done));
  cancel_timer();
  client_->cancel_all();
  Protocol* const connection = live_connection();
  const bool was_connected = state_ == State::connected;
  const bool was_leaving = state_ == State::disconnecting || state_ == State::restarting;
  state_ = handle_ != nullptr ? State::disconnecting : State::stopped;
  if (connection != nullptr && was_connected) {
    connection->close();
  } else if (connection != nullptr && !was_leaving) {
    connection->abort();  // not prepared: there is nothing to say goodbye to
  }
  preparing_ = false;
  soon([self = shared_from_this(), waiters = std::exchange(waiters_, {})] {
    for (const Waiter& waiter : waiters) {
      self->call([&] { waiter.handler(cancelled(), nullptr); });
    }
    if (self->handle_ == nullptr) self->tell_stopped();
  });
}

void ReconnectingClient::Core::when_connected(ProtocolHandler handler,
                                              std::optional<unsigned> fail_after) {
  waiters_.push_back({std::move(handler), fail_after});
  soon([self = shared_from_this()] {
    if (self->state_ == State::connected) self->announce();
    if (self->state_ == State::disconnecting) self->fail_waiters(cancelled());
    if (self->state_ == State::stopped) {
      // One that has given up says why.
      self->fail_waiters(self->gave_up_ ? self->last_error_ : cancelled());
    }
  });
}

void ReconnectingClient::Core::abandon() {
  stop({});
  if (Protocol* const connection = live_connection()) connection->abort();
}

// ---- an attempt ----

void ReconnectingClient::Core::connect() {
  state_ = State::connecting;
  gave_up_ = false;
  const auto self = shared_from_this();
  const unsigned attempt = ++attempt_;
  const auto done = [self, attempt](const ConnectError& error,
                                    const std::shared_ptr<detail::HandleCore>& handle) {
    self->on_connected(attempt, error, handle);
  };
  client_->connect({.to = to_,
                    .options = {},
                    .build = build_,
                    .done = done,
                    .ended = [self](const CloseReason& reason) { self->on_ended(reason); }});
}

void ReconnectingClient::Core::on_connected(unsigned attempt, const ConnectError& error,
                                            const std::shared_ptr<detail::HandleCore>& handle) {
  if (attempt != attempt_ || state_ != State::connecting) return;  // stopped meanwhile
  if (error) return on_failed(error);
  handle_ = handle;
  preparing_ = true;
  prepare_error_ = {};
  if (!options_.prepare_connection) return on_prepared(attempt, {});
  prepare();
}

void ReconnectingClient::Core::prepare() {
  const std::string what = "cannot prepare the connection to " + to_.to_string();
  const auto prepared = [weak = weak_from_this(), attempt = attempt_, what](std::error_code error) {
    if (const auto self = weak.lock()) self->on_prepared(attempt, {error, what});
  };
  timer_ = loop().call_later(saturated(options_.prepare_timeout),
                             [prepared] { prepared(Errc::connect_timeout); });
  const auto self = shared_from_this();
  const unsigned attempt = attempt_;
  try {
    options_.prepare_connection(*live_connection(), prepared);
  } catch (const std::exception& error) {
    on_prepared(attempt, {Errc::callback_threw, what + " (" + error.what() + ")"});
  } catch (...) {
    on_prepared(attempt, {Errc::callback_threw, what});
  }
}

void ReconnectingClient::Core::on_prepared(unsigned attempt, ConnectError error) {
  if (attempt != attempt_ || !std::exchange(preparing_, false)) return;  // late, or a second time
  cancel_timer();
  if (error) {
    prepare_error_ = std::move(error);
    if (Protocol* const connection = live_connection()) connection->abort();
    return;  // the end of the connection does the rest
  }
  state_ = State::connected;
  connected_at_ = loop().now();
  soon([self = shared_from_this()] { self->announce(); });
}

// Not to those who begin to wait meanwhile; and an earlier handler may have stopped the client.
void ReconnectingClient::Core::announce() {
  for (std::size_t left = waiters_.size(); left > 0 && !waiters_.empty(); --left) {
    Protocol* const open = connection();
    if (open == nullptr || !open->is_open()) return;  // they wait for the next one
    const Waiter waiter = std::move(waiters_.front());
    waiters_.erase(waiters_.begin());
    call([&] { waiter.handler({}, open); });
  }
}

// ---- the end of one, and the next ----

void ReconnectingClient::Core::on_ended(const CloseReason& reason) {
  const auto self = shared_from_this();
  handle_ = nullptr;
  const bool failed = state_ == State::connecting;
  if (failed || state_ == State::connected) {
    ConnectError lost{reason.code ? reason.code : make_error_code(Errc::end_of_stream),
                      "the connection to " + to_.to_string() + " was lost"};
    if (!reason.detail.empty()) lost.detail += " (" + reason.detail + ")";
    preparing_ = false;
    cancel_timer();
    if (failed) return on_failed(prepare_error_ ? prepare_error_ : lost);
    last_error_ = std::move(lost);
    if (loop().now() - connected_at_ >= saturated(options_.reset_after)) failures_ = 0;
    return retry();
  }
  const bool restarts = state_ == State::restarting;
  if (!restarts) state_ = State::stopped;
  tell_stopped();
  if (restarts && state_ == State::restarting) connect();  // nobody has stopped it again
}

void ReconnectingClient::Core::on_failed(const ConnectError& error) {
  const auto self = shared_from_this();
  last_error_ = error;
  std::vector<Waiter> patient;
  std::vector<Waiter> due;
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    const bool now = waiter.failures_left && *waiter.failures_left <= 1;
    if (waiter.failures_left && !now) --*waiter.failures_left;
    (now ? due : patient).push_back(std::move(waiter));
  }
  waiters_ = std::move(patient);
  retry();
  for (const Waiter& waiter : due) call([&] { waiter.handler(error, nullptr); });
}

void ReconnectingClient::Core::retry() {
  ++failures_;
  const std::string why = last_error_.message();
  if (options_.max_retries && failures_ > *options_.max_retries) {
    log(LogLevel::warning, "gave_up_reconnecting", {{"to", to_.to_string()}, {"why", why}});
    state_ = State::stopped;
    gave_up_ = true;
    return fail_waiters(last_error_);
  }
  state_ = State::waiting;
  const Duration delay = next_delay();
  const auto shown = std::chrono::duration_cast<milliseconds>(delay).count();
  log(LogLevel::info, "reconnecting", {{"why", why}, {"delay_ms", std::to_string(shown)}});
  call_later(delay, &Core::connect);
}

Duration ReconnectingClient::Core::next_delay() {
  double part = 1;
  call([&] { part = options_.random(); });
  const double most = std::min(static_cast<double>(options_.initial_delay.count()) *
                                   std::pow(options_.factor, failures_ - 1),
                               static_cast<double>(options_.max_delay.count()));
  // Written so that what is no number becomes the longest delay, too.
  const double delay = part >= 0 && part <= 1 ? part * most : part < 0 ? 0 : most;
  const std::chrono::duration<double, std::milli> exact(delay);
  return exact >= Duration::max() ? Duration::max() : std::chrono::duration_cast<Duration>(exact);
}

void ReconnectingClient::Core::fail_waiters(const ConnectError& error) {
  for (const Waiter& waiter : std::exchange(waiters_, {})) {
    call([&] { waiter.handler(error, nullptr); });
  }
}

void ReconnectingClient::Core::tell_stopped() {
  for (const auto& done : std::exchange(stopped_, {})) call(done);
}

}  // namespace twister
