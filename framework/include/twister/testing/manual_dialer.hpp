// twister/testing/manual_dialer.hpp - connections that come about, or fail, when a test says so.
//
//   ManualDialer dialer(loop);
//   TcpClient client(loop, {.dialer = &dialer});
//   client.connect(Address::parse("192.0.2.1:80"), ...);
//   auto far = dialer.succeed(0);  // the other end, in memory
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <system_error>
#include <vector>

#include <twister/dialer.hpp>
#include <twister/io_loop.hpp>

namespace twister::testing {

// Ownership: outlives the clients that dial by it. Threads: the loop's.
class ManualDialer final : public Dialer {
 public:
  struct Attempt {
    Address to;
    DialOptions options;
    bool pending = true;    // neither answered nor given up
    bool given_up = false;  // by the client
    Handler handler{};
  };

  explicit ManualDialer(IOLoop& loop);

  // In the order in which they began.
  const std::vector<Attempt>& attempts() const noexcept { return *attempts_; }
  std::size_t pending() const noexcept;

  // Connects an attempt that is pending, runs the loop until it is idle, and returns the other end.
  // std::logic_error for one that is not pending.
  std::unique_ptr<Transport> succeed(std::size_t attempt);
  // Ends it with an error, and runs the loop until it is idle.
  void fail(std::size_t attempt, std::error_code error);
  void fail(std::size_t attempt, std::errc error = std::errc::connection_refused) {
    fail(attempt, std::make_error_code(error));
  }

  std::function<void()> dial(const Address& to, const DialOptions& options,
                             Handler handler) override;

 private:
  void answer(std::size_t attempt, std::error_code error, std::unique_ptr<Transport> transport);

  IOLoop& loop_;
  std::shared_ptr<std::vector<Attempt>> attempts_ = std::make_shared<std::vector<Attempt>>();
};

}  // namespace twister::testing
