#include "twister/rpc/client.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <twister/io_loop.hpp>

#include "client_connection.hpp"
#include "make_host.hpp"
#include "name_rules.hpp"

namespace twister {

namespace detail {

namespace {

constexpr double retries_in_hand = 10;

void check_options(const std::vector<Destination>& to, const RpcClientOptions& options) {
  const auto refuse = [](const std::string& what) {
    throw std::invalid_argument("RpcClient: " + what);
  };
  if (to.empty()) refuse("there is no address");
  if (options.connections_per_address == 0) refuse("connections_per_address is 0");
  if (options.max_attempts == 0) refuse("max_attempts is 0");
  if (options.calls_per_retry == 0) refuse("calls_per_retry is 0");
  if (options.initial_delay.count() <= 0 || options.max_delay.count() <= 0) {
    refuse("initial_delay and max_delay have to be positive");
  }
  if (!(options.factor >= 1)) refuse("factor is below 1");
  if (options.prepare_timeout.count() <= 0) refuse("prepare_timeout has to be positive");
  if (options.names.size() > max_names) refuse("there are more than 16 names");
  for (const std::string& name : options.names) {
    if (!is_name(name)) refuse("the name \"" + name + "\" is empty or longer than 255 bytes");
  }
}

}  // namespace

RpcClientCore::RpcClientCore(IOLoop& loop, std::vector<Destination> to, RpcClientOptions options)
    : loop_(loop), options_(std::move(options)) {
  check_options(to, options_);
  // Who makes no calls has no other way to see that nobody can reach it.
  if (options_.stay_connected || !options_.names.empty()) options_.rpc.ping_when_idle = true;
  host_ = make_host(loop, options_.services, options_.rpc, options_.connect.stream.metrics);
  tcp_ = std::make_unique<TcpClient>(loop, options_.connect);
  peers_.reserve(to.size() * options_.connections_per_address);
  for (std::size_t i = 0; i < options_.connections_per_address; ++i) {
    for (const Destination& each : to) peers_.push_back({.to = each, .has_names = i == 0});
  }
  idle_ = peers_.size();
}

double RpcClientCore::random() {
  if (options_.random) return options_.random();
  return std::uniform_real_distribution<>()(random_);
}

std::size_t RpcClientCore::calls_in_flight() const noexcept {
  std::size_t calls = waiting_.size() + again_.size();
  for (const Peer& peer : peers_) {
    if (peer.connection != nullptr) calls += peer.connection->calls_made();
  }
  for (const Connection* connection : leaving_) calls += connection->calls_made();
  return calls;
}

Duration RpcClientCore::round_trip() const noexcept {
  Duration shortest{};
  for (const Peer* peer : ready_) {
    const Duration time = peer->connection->round_trip();
    if (time != Duration() && (shortest == Duration() || time < shortest)) shortest = time;
  }
  return shortest;
}

void RpcClientCore::place(RpcPending& pending) {
  if (pending.retry == nullptr) {
    pending.retry = this;
    pending.attempts = 1;
    retries_ = std::min(retries_in_hand, retries_ + 1.0 / options_.calls_per_retry);
  }
  if (closed_) return reject(pending, RpcStatus(RpcCode::cancelled, "the client is closed"));
  Connection* const connection = choose();
  if (idle_ != 0 && pending.as_of >= soonest_) connect_all();
  if (connection != nullptr) return connection->start(pending);
  const bool waits = pending.waits_for_ready || pending.attempts > 1;
  if (!waits && !is_connecting()) {
    return reject(pending, RpcStatus(RpcCode::unavailable, last_error_));
  }
  if (waiting_.size() >= options_.max_waiting_calls) {
    return reject(pending,
                  RpcStatus(RpcCode::resource_exhausted, "too many calls wait for a connection"));
  }
  pending.channel = this;
  waiting_.push_back(&pending);
  if (!is_connecting()) wake_later();
}

void RpcClientCore::reject(RpcPending& pending, RpcStatus status) {
  pending.channel = nullptr;
  pending.end_later(std::move(status));
  pending.release();
}

// Null when there is none.
RpcClientCore::Connection* RpcClientCore::choose() {
  while (!ready_.empty()) {
    Peer& peer = *pick();
    if (peer.connection->is_open()) [[likely]]
      return peer.connection;
    // It is being closed, and will not say so before its output has gone or the time for that is over.
    leave(peer, "the connection is being closed");
    note_end(peer);
  }
  return nullptr;
}

// Of those that are ready, of which there is one at least.
RpcClientCore::Peer* RpcClientCore::pick() {
  const std::size_t count = ready_.size();
  if (count == 1) return ready_[0];
  if (options_.balancing == RpcBalancing::round_robin) return ready_[next_++ % count];
  const auto any = [&] {
    return std::min(count - 1, static_cast<std::size_t>(random() * static_cast<double>(count)));
  };
  const std::size_t one = any();
  std::size_t other = any();
  if (other == one) other = (one + 1) % count;
  Peer* const first = ready_[one];
  Peer* const second = ready_[other];
  return second->connection->calls_made() < first->connection->calls_made() ? second : first;
}

void RpcClientCore::drop(RpcPending& pending) {
  std::erase(waiting_, &pending);
  std::erase(again_, &pending);
  pending.release();
}

// What was not started is tried again whatever it is, and so is what is idempotent, where that may help at
// once. Within the budget, unless no server has had any work with it.
bool RpcClientCore::retry(RpcPending& pending, const RpcStatus& why, RpcReached reached) {
  const bool safe = reached != RpcReached::handler || pending.idempotent;
  if (closed_ || why != RpcCode::unavailable || !safe) return false;
  if (pending.attempts >= options_.max_attempts) return false;
  if (reached != RpcReached::nowhere) {
    if (retries_ < 1) return false;
    retries_ -= 1;
  }
  ++pending.attempts;
  pending.channel = this;
  again_.push_back(&pending);
  if (!again_posted_) {
    again_posted_ = true;
    loop_.add_callback([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self == nullptr) return;
      self->again_posted_ = false;
      // What is placed may come back at once, for the next turn.
      for (std::size_t left = self->again_.size(); left > 0 && !self->again_.empty(); --left) {
        RpcPending& each = *self->again_.front();
        self->again_.pop_front();
        each.channel = nullptr;
        each.as_of = self->loop_.now();
        self->place(each);
      }
    });
  }
  return true;
}

void RpcClientCore::close() {
  closed_ = true;
  const RpcStatus status(RpcCode::cancelled, "the client was destroyed");
  for (RpcPending* pending : std::exchange(waiting_, {})) reject(*pending, status);
  for (RpcPending* pending : std::exchange(again_, {})) reject(*pending, status);
  ready_.clear();
  for (Peer& peer : peers_) {
    loop_.cancel(peer.timer);
    if (peer.connection != nullptr) leaving_.push_back(std::exchange(peer.connection, nullptr));
  }
  for (Connection* connection : std::exchange(leaving_, {})) {
    connection->cancel_made_calls(status);
    connection->close();
  }
  tcp_.reset();
}

}  // namespace detail

RpcClient::RpcClient(IOLoop& loop, const Destination& to, RpcClientOptions options)
    : RpcClient(loop, std::vector<Destination>{to}, std::move(options)) {}

RpcClient::RpcClient(IOLoop& loop, std::vector<Destination> to, RpcClientOptions options)
    : core_(std::make_shared<detail::RpcClientCore>(loop, std::move(to), std::move(options))) {}

RpcClient::~RpcClient() {
  core_->close();
}

void RpcClient::connect() {
  core_->connect_all();
}
std::size_t RpcClient::connected() const noexcept {
  return core_->connected();
}
std::size_t RpcClient::calls_in_flight() const noexcept {
  return core_->calls_in_flight();
}
Duration RpcClient::round_trip() const noexcept {
  return core_->round_trip();
}
const RpcCounters& RpcClient::counters() const noexcept {
  return core_->host().counters();
}
IOLoop& RpcClient::loop() const noexcept {
  return core_->host().loop();
}
void RpcClient::start_call(detail::RpcPending& pending) {
  core_->place(pending);
}
detail::RpcHost& RpcClient::caller_host() noexcept {
  return core_->host();
}

}  // namespace twister
