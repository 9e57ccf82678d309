#include "twister/testing/manual_dialer.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include <twister/testing/memory_transport.hpp>

namespace twister::testing {

ManualDialer::ManualDialer(IOLoop& loop) : loop_(loop) {}

std::size_t ManualDialer::pending() const noexcept {
  return static_cast<std::size_t>(std::count_if(attempts_->begin(), attempts_->end(),
                                                [](const Attempt& each) { return each.pending; }));
}

std::unique_ptr<Transport> ManualDialer::succeed(std::size_t attempt) {
  MemoryTransportOptions options;
  options.second_address = attempts_->at(attempt).to;  // what the near end says of the far one
  auto [near, far] = memory_transport_pair(loop_, options);
  answer(attempt, {}, std::move(near));
  return std::move(far);
}

void ManualDialer::fail(std::size_t attempt, std::error_code error) {
  answer(attempt, error, nullptr);
}

void ManualDialer::answer(std::size_t attempt, std::error_code error,
                          std::unique_ptr<Transport> transport) {
  if (!attempts_->at(attempt).pending) {
    throw std::logic_error("attempt " + std::to_string(attempt) + " is not pending");
  }
  // std::function copies what it holds.
  const auto kept = std::make_shared<std::unique_ptr<Transport>>(std::move(transport));
  loop_.add_callback([attempts = attempts_, attempt, error, kept] {
    Attempt& answered = (*attempts)[attempt];
    if (!std::exchange(answered.pending, false)) return;  // given up meanwhile
    const Handler handler = std::exchange(answered.handler, nullptr);
    handler(error, std::move(*kept));
  });
  loop_.run_until_idle();
}

std::function<void()> ManualDialer::dial(const Address& to, const DialOptions& options,
                                         Handler handler) {
  const std::size_t index = attempts_->size();
  attempts_->push_back({.to = to, .options = options, .handler = std::move(handler)});
  return [weak = std::weak_ptr(attempts_), index] {
    const auto attempts = weak.lock();
    if (attempts == nullptr || !std::exchange((*attempts)[index].pending, false)) return;
    (*attempts)[index].given_up = true;
    const Handler forgotten = std::exchange((*attempts)[index].handler, nullptr);
  };
}

}  // namespace twister::testing
