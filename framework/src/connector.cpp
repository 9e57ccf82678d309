#include "connector.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <twister/error.hpp>

#include "loop_core.hpp"

namespace twister::detail {

Connector::Connector(IOLoop& loop, Dialer& dialer, const std::vector<Address>& addresses,
                     DialOptions options, Done done)
    : loop_(loop),
      loop_lifetime_(loop.core().lifetime()),
      dialer_(dialer),
      options_(std::move(options)),
      done_(std::move(done)) {
  for (const Address& address : addresses) {
    const bool primary = address.family() == addresses.front().family();
    families_[primary ? 0 : 1].addresses.push_back(address);
  }
}

Connector::~Connector() {
  cancel();
}

void Connector::cancel() {
  done_ = nullptr;
  stop_timer();
  for (Attempt& attempt : attempts_) {
    attempt.under_way = false;
    if (const auto give_up = std::exchange(attempt.give_up, nullptr)) give_up();
  }
}

// Of this family, or of the other one when this one has none left.
void Connector::dial_next(std::size_t family) {
  if (families_[family].done()) family = 1 - family;
  Family& chosen = families_[family];
  if (!done_ || chosen.done()) return;
  attempts_.push_back({.to = chosen.addresses[chosen.next++], .family = family});
  restart_timer();
  dial(attempts_.size() - 1);
}

void Connector::dial(std::size_t attempt) {
  const auto told = [weak = weak_from_this(), attempt](std::error_code error,
                                                       std::unique_ptr<Transport> transport) {
    // A connection that comes too late is closed by going.
    if (const auto self = weak.lock()) self->on_dialed(attempt, error, std::move(transport));
  };
  std::string thrown;
  try {
    auto give_up = dialer_.dial(attempts_[attempt].to, options_, told);
    attempts_[attempt].give_up = std::move(give_up);
    if (!done_) cancel();  // was called meanwhile
    return;
  } catch (const std::exception& error) {
    thrown = error.what();
  } catch (...) {
    thrown = "not an exception";
  }
  attempts_[attempt].detail = std::move(thrown);
  // Later, as every other answer: whoever has begun this is still inside its call.
  loop_.add_callback([told] { told(Errc::callback_threw, nullptr); });
}

void Connector::restart_timer() {
  stop_timer();
  if (families_[0].done() && families_[1].done()) return;
  timer_ = loop_.call_later(attempt_delay, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->timer_ = {};
    self->dial_next(1 - self->attempts_.back().family);
  });
}

void Connector::stop_timer() {
  const TimerId timer = std::exchange(timer_, {});
  if (timer && !loop_lifetime_.expired()) loop_.cancel(timer);
}

void Connector::on_dialed(std::size_t attempt, std::error_code error,
                          std::unique_ptr<Transport> transport) {
  if (!std::exchange(attempts_[attempt].under_way, false)) return;
  attempts_[attempt].give_up = nullptr;
  if (transport != nullptr) return finish(std::move(transport));
  attempts_[attempt].error = error ? error : std::make_error_code(std::errc::io_error);
  dial_next(attempts_[attempt].family);
  // What was dialed may have been of the other family already; or there is none.
  if (families_[1].next == 0 && !families_[1].done()) dial_next(1);
  const auto under_way = [](const Attempt& each) { return each.under_way; };
  if (std::none_of(attempts_.begin(), attempts_.end(), under_way)) finish(nullptr);
}

void Connector::finish(std::unique_ptr<Transport> transport) {
  const Done done = std::exchange(done_, nullptr);
  cancel();
  if (done) done(std::move(transport));
}

}  // namespace twister::detail
