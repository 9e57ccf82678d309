// src/connector.hpp - one connection out of many addresses: happy eyeballs.
//
// The addresses are parted by family; the first one's family is primary. Its first address is dialed
// at once. From then on the next one is dialed whenever
//   - none was for 300 ms (the attempt delay of RFC 8305, section 5): of the other family than the last
//     one, while it has any, so that an address which swallows what is sent to it costs 300 ms;
//   - an attempt has failed: of the same family, while it has any. The first failure also dials the
//     other family's first address.
// The first connection wins.
// Invariants:
//   1. The timer is set exactly while an address is left to dial.
//   2. When `done` is called no attempt is under way, no timer is set, and nothing but the winner is
//      open.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <twister/dialer.hpp>
#include <twister/io_loop.hpp>

namespace twister::detail {

// How long an attempt has to itself. Tornado's figure: longer than a round trip to most of the world,
// shorter than what people notice.
inline constexpr std::chrono::milliseconds attempt_delay = std::chrono::milliseconds(300);

// One address and what became of it.
struct Attempt {
  Address to;
  std::size_t family = 0;   // 0: the primary one
  bool under_way = true;    // neither answered nor given up
  std::error_code error{};  // empty unless it has failed
  std::string detail{};     // what the dialer threw, if it did
  std::function<void()> give_up{};
};

// Ownership: shared; destroying it, or cancel(), gives up what is under way. The dialer outlives it.
// Limits: attempts that run side by side are as many as there are addresses, at the most.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  // Told once, from the loop; null when every address has failed.
  using Done = std::function<void(std::unique_ptr<Transport>)>;

  Connector(IOLoop& loop, Dialer& dialer, const std::vector<Address>& addresses,
            DialOptions options, Done done);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // There is at least one address. What the dialer throws is the attempt's failure.
  void start() { dial_next(0); }
  void cancel();
  // In the order of their beginning.
  const std::vector<Attempt>& attempts() const noexcept { return attempts_; }

 private:
  struct Family {
    std::vector<Address> addresses;
    std::size_t next = 0;

    bool done() const noexcept { return next == addresses.size(); }
  };

  void dial_next(std::size_t family);
  void dial(std::size_t attempt);
  void restart_timer();
  void stop_timer();
  void on_dialed(std::size_t attempt, std::error_code error, std::unique_ptr<Transport> transport);
  void finish(std::unique_ptr<Transport> transport);

  IOLoop& loop_;
  std::weak_ptr<void> loop_lifetime_;
  Dialer& dialer_;
  DialOptions options_;
  Done done_;
  std::array<Family, 2> families_;
  std::vector<Attempt> attempts_;
  TimerId timer_;  // until the next address is dialed
};

}  // namespace twister::detail
