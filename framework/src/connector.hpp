// src/connector.hpp - one connection out of many addresses: happy eyeballs.
//
// The addresses are parted by family; the first one's family is primary. Its first address is dialed
// at once, the other family's after 300 ms, or as soon as the first attempt has failed. From then on
// each failure dials the next address of its own family. The first connection wins.
// Invariants:
//   1. At most one attempt a family is under way.
//   2. When `done` is called no attempt is under way, no timer is set, and nothing but the winner is
//      open.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <system_error>
#include <vector>

#include <twister/dialer.hpp>
#include <twister/io_loop.hpp>

namespace twister::detail {

// How long the first family has to itself. Tornado's figure: longer than a round trip to most of the
// world, shorter than what people notice.
inline constexpr std::chrono::milliseconds second_family_delay = std::chrono::milliseconds(300);

// One address and what became of it.
struct Attempt {
  Address to;
  std::error_code error;  // empty while it is under way
};

// Ownership: shared; destroying it, or cancel(), gives up what is under way. The dialer outlives it.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  // Told once, from the loop; null when every address has failed.
  using Done = std::function<void(std::unique_ptr<Transport>)>;

  Connector(IOLoop& loop, Dialer& dialer, const std::vector<Address>& addresses,
            DialOptions options, Done done);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // There is at least one address.
  void start();
  void cancel();
  // In the order of their beginning.
  const std::vector<Attempt>& attempts() const noexcept { return attempts_; }

 private:
  struct Family {
    std::vector<Address> addresses;
    std::size_t next = 0;
    std::function<void()> give_up;  // set while an attempt is under way
  };

  void dial_next(Family& family);
  void start_second_family();
  void on_dialed(Family& family, std::size_t attempt, std::error_code error,
                 std::unique_ptr<Transport> transport);
  void finish(std::unique_ptr<Transport> transport);

  IOLoop& loop_;
  std::weak_ptr<void> loop_lifetime_;
  Dialer& dialer_;
  DialOptions options_;
  Done done_;
  std::array<Family, 2> families_;
  std::vector<Attempt> attempts_;
  TimerId timer_;  // until the second family may start
};

}  // namespace twister::detail
