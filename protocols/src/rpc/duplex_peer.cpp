#include <array>
#include <stdexcept>
#include <utility>

#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/rpc/torpc_peer.hpp>

#include "duplex_answer.hpp"

namespace twister::detail {

namespace {

bool is_taken(WriteStatus status) {
  return status == WriteStatus::queued || status == WriteStatus::paused;
}

RpcStatus too_many(std::size_t max_calls) {
  return {RpcCode::resource_exhausted, std::to_string(max_calls) + " calls are in flight"};
}

}  // namespace

template <class Wire>
DuplexPeer<Wire>::DuplexPeer(IOLoop& loop, const Methods& methods, const Options& options)
    : options_(options),
      calls_(loop, Wire::call_ids, Wire::first_call_id),
      loop_(loop),
      methods_(methods) {}

// ---- calling ----

template <class Wire>
RpcStatus DuplexPeer<Wire>::unsent(WriteStatus status) {
  switch (status) {
    case WriteStatus::refused:
      return {RpcCode::invalid_argument, Wire::unsendable};
    case WriteStatus::dropped:
      return {RpcCode::resource_exhausted, "the peer is too slow"};
    default:
      return {RpcCode::unavailable, "no connection"};
  }
}

template <class Wire>
auto DuplexPeer<Wire>::begin_call(const json& params, Callback done, const CallOptions& options)
    -> std::optional<std::uint64_t> {
  RpcStatus refused = Wire::check_params(params);
  if (refused.ok() && !is_open() && !wanted_) refused = unsent(WriteStatus::closed);
  if (refused.ok() && calls_.size() >= options_.max_calls_in_flight) {
    refused = too_many(options_.max_calls_in_flight);
  }
  if (refused.ok()) {
    return calls_.add(std::move(done), options.timeout.value_or(options_.call_timeout));
  }
  calls_.fail_soon(std::move(done), std::move(refused));
  return std::nullopt;
}

template <class Wire>
std::function<void()> DuplexPeer<Wire>::call(std::string_view method, json params, Callback done,
                                             const CallOptions& options) {
  if (!done) throw std::invalid_argument(std::string(Wire::name) + ": a call without a callback");
  const auto id = begin_call(params, std::move(done), options);
  if (!id) return [] {};
  transmit(Wire::request(*id, method, std::move(params)), std::array{*id}, false);
  return [weak = this->weak_from_this(), id = *id] {
    if (const std::shared_ptr<DuplexPeer> self = weak.lock()) {
      self->calls_.end_soon(id, {RpcCode::cancelled, "cancelled by the caller"});
    }
  };
}

template <class Wire>
WriteStatus DuplexPeer<Wire>::transmit(Message message, Ids calls, bool has_notices) {
  if (!waits()) return send_now(message, calls);
  // Calls are counted by their table, but not what needs no answer.
  if (waiting_.size() >= 2 * options_.max_calls_in_flight) {
    end_unsent(calls, WriteStatus::dropped);
    return WriteStatus::dropped;
  }
  waiting_.push_back({std::move(message), {calls.begin(), calls.end()}, has_notices});
  wanted_();
  return WriteStatus::queued;
}

template <class Wire>
WriteStatus DuplexPeer<Wire>::send_now(const Message& message, Ids calls) {
  const WriteStatus status = send_ ? send_(message) : WriteStatus::closed;
  if (!is_taken(status)) end_unsent(calls, status);
  return status;
}

template <class Wire>
void DuplexPeer<Wire>::end_unsent(Ids calls, WriteStatus status) {
  for (const std::uint64_t id : calls) calls_.end_soon(id, unsent(status));
}

// ---- the connection ----

template <class Wire>
void DuplexPeer<Wire>::attach(Send send, Protocol* connection, MemoryBudget* budget) {
  send_ = std::move(send);
  connection_ = connection;
  budget_ = budget;
  started_ = false;
  forget_served();
}

template <class Wire>
void DuplexPeer<Wire>::start_calls() {
  started_ = true;
  while (!waiting_.empty() && send_) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    bool is_wanted = next.has_notices;
    for (const std::uint64_t id : next.calls) is_wanted = is_wanted || calls_.contains(id);
    if (is_wanted) send_now(next.message, next.calls);  // else cancelled or too late
  }
}

template <class Wire>
void DuplexPeer<Wire>::detach(const RpcStatus& why) {
  send_ = nullptr;
  connection_ = nullptr;
  budget_ = nullptr;
  started_ = false;
  forget_served();
  idle_ = nullptr;
  std::exchange(parts_, {}).clear();  // calls that are served end first: they may have made some
  metrics_ = nullptr;
  end_calls(why);
}

template <class Wire>
void DuplexPeer<Wire>::forget_served() {
  ++epoch_;
  serving_ = 0;
  replies_ = 0;
}

template <class Wire>
void DuplexPeer<Wire>::end_calls(const RpcStatus& why) {
  waiting_.clear();
  calls_.end_all(why);
}

template <class Wire>
void DuplexPeer<Wire>::end_calls_soon(const RpcStatus& why) {
  waiting_.clear();
  calls_.end_all_soon(why);
}

template <class Wire>
void DuplexPeer<Wire>::drain(std::function<void()> idle) {
  idle_ = std::move(idle);
  calls_.when_empty([this] {  // later: the last one is not told yet
    loop_.add_callback([weak = this->weak_from_this()] {
      if (const std::shared_ptr<DuplexPeer> self = weak.lock()) self->tell_if_idle();
    });
  });
  tell_if_idle();
}

template <class Wire>
void DuplexPeer<Wire>::tell_if_idle() {
  if (idle_ && serving_ == 0 && calls_.size() == 0) idle_();
}

// ---- serving ----

template <class Wire>
void DuplexPeer<Wire>::serve(const std::string& name, json& params, Ticket ticket) {
  const auto* const method = methods_.find(name);
  const auto refuse = [&](RpcRefusal cause, const RpcStatus& status) {
    const bool is_bridged = method != nullptr && method->bridged != nullptr;
    SessionMethods& its = is_bridged ? *method->bridged : *methods_.checks_;
    count_refused(static_cast<typename Wire::Peer&>(*this), its, cause);
    answer(ticket, Wire::failure(status).error, nullptr);
  };
  if (method == nullptr) return refuse(RpcRefusal::unknown_method, Wire::unknown_method(name));
  if (idle_) {
    return refuse(RpcRefusal::draining, {RpcCode::unavailable, "the server is shutting down"});
  }
  if (memory_budget().is_used_up()) {
    ++counters_.refused;
    RpcStatus status(RpcCode::resource_exhausted, "the memory budget is used up");
    status.retryable = true;
    return refuse(RpcRefusal::memory_budget, status);
  }
  if (method->later && replies_ >= options_.max_calls_in_flight) {
    ++counters_.refused;
    return refuse(RpcRefusal::max_calls_in_flight, too_many(options_.max_calls_in_flight));
  }
  const auto self = this->shared_from_this();  // whatever the handler does
  typename Wire::Context context(*self, name, ticket.is_notice);
  const auto pending = std::make_shared<DuplexAnswer<Wire>>(*this, name, std::move(ticket));
  const typename Wire::Reply reply(pending);
  const auto handle = [&] {
    try {
      if (method->later) return method->later(context, params, reply);
      reply(method->at_once(context, params));
    } catch (...) {
      reply.fail(std::current_exception());
    }
  };
  if (method->checks == nullptr) return handle();
  start_free_call(*self, *method->checks, params, pending, handle);
}

template <class Wire>
void DuplexPeer<Wire>::answer_late(const Ticket& ticket, json error, json result) {
  --serving_;
  answer(ticket, std::move(error), std::move(result));
  tell_if_idle();
}

template class DuplexPeer<JsonRpcWire>;
template class DuplexPeer<TorpcWire>;

}  // namespace twister::detail
