#include "twister/clock.hpp"

namespace twister {
namespace {

class SystemClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
  bool real() const noexcept override { return true; }
};

}  // namespace

Clock& Clock::system() noexcept {
  static SystemClock clock;
  return clock;
}

}  // namespace twister
