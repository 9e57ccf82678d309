#include "connector.hpp"

#include <utility>

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

void Connector::start() {
  if (!families_[1].addresses.empty()) {
    timer_ = loop_.call_later(second_family_delay, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->start_second_family();
    });
  }
  dial_next(families_[0]);
}

void Connector::cancel() {
  done_ = nullptr;
  const TimerId timer = std::exchange(timer_, {});
  if (timer && !loop_lifetime_.expired()) loop_.cancel(timer);
  for (Family& family : families_) {
    if (const auto give_up = std::exchange(family.give_up, nullptr)) give_up();
  }
}

void Connector::dial_next(Family& family) {
  if (family.next == family.addresses.size()) return;
  const Address& to = family.addresses[family.next++];
  const std::size_t attempt = attempts_.size();
  attempts_.push_back({to, {}});
  family.give_up = dialer_.dial(to, options_,
                                [weak = weak_from_this(), &family, attempt](
                                    std::error_code error, std::unique_ptr<Transport> transport) {
                                  // A connection that comes too late is closed by going.
                                  if (const auto self = weak.lock()) {
                                    self->on_dialed(family, attempt, error, std::move(transport));
                                  }
                                });
}

void Connector::start_second_family() {
  if (!timer_) return;  // started before
  if (!loop_lifetime_.expired()) loop_.cancel(timer_);
  timer_ = {};
  dial_next(families_[1]);
}

void Connector::on_dialed(Family& family, std::size_t attempt, std::error_code error,
                          std::unique_ptr<Transport> transport) {
  if (!done_) return;
  family.give_up = nullptr;
  if (transport != nullptr) return finish(std::move(transport));
  attempts_[attempt].error = error ? error : std::make_error_code(std::errc::io_error);
  dial_next(family);
  start_second_family();
  if (!families_[0].give_up && !families_[1].give_up) finish(nullptr);
}

void Connector::finish(std::unique_ptr<Transport> transport) {
  const Done done = std::exchange(done_, nullptr);
  cancel();
  done(std::move(transport));
}

}  // namespace twister::detail
