#include "twister/relay.hpp"

#include <array>
#include <memory>
#include <utility>

namespace twister {
namespace {

// Both directions of one relay. Its streams' callbacks hold it; it goes with the last of them.
class Relay : public std::enable_shared_from_this<Relay> {
 public:
  Relay(IOStream first, IOStream second, std::function<void(const RelayResult&)> done)
      : sides_{std::move(first), std::move(second)}, done_(std::move(done)) {}

  void start() {
    for (std::size_t from = 0; from < 2; ++from) {
      sides_[from].set_keep_open(true);
      // Also for a side that has said its goodbye: no read of it would tell any more.
      sides_[from].set_close_callback([self = shared_from_this(), from](const CloseReason& reason) {
        self->broke_off(from, reason.code);
      });
      sides_[from].read_until_close(
          [self = shared_from_this(), from](ByteView chunk) { self->pass(from, chunk); },
          [self = shared_from_this(), from](std::error_code error, ByteView) {
            self->ended(from, error);
          });
    }
  }

 private:
  void pass(std::size_t from, ByteView chunk) {
    passed_[from] += chunk.size();
    IOStream& to = sides_[1 - from];
    const WriteStatus status = to.write(chunk);
    if (status == WriteStatus::queued) return;
    if (status != WriteStatus::paused) return sides_[from].abort();  // nobody takes it any more
    sides_[from].pause_reading();
    to.when_drained([self = shared_from_this(), from](std::error_code error) {
      if (error) return self->broke_off(1 - from, error);
      self->sides_[from].resume_reading();
    });
  }

  void ended(std::size_t from, std::error_code error) {
    if (error) {
      broke_off(from, error);
    } else {
      sides_[1 - from].shutdown_write();
    }
    if (++ends_ < 2) return;
    // Both have said all they will say; what is queued still leaves.
    for (IOStream& side : sides_) side.close();
    if (const auto done = std::exchange(done_, {})) {
      done({.first_to_second_bytes = passed_[0],
            .second_to_first_bytes = passed_[1],
            .error = error_});
    }
  }

  // Cut short on one side: the other shall not take it for the end. Its reads end by that, if they have
  // not yet. Once both have ended, each has all that there is for it, and sends it whatever becomes of
  // the other.
  void broke_off(std::size_t side, std::error_code error) {
    if (ends_ == 2) return;
    if (!error_) error_ = error;
    sides_[1 - side].abort();
  }

  std::array<IOStream, 2> sides_;
  std::array<std::uint64_t, 2> passed_{};
  std::function<void(const RelayResult&)> done_;
  std::error_code error_;
  int ends_ = 0;
};

}  // namespace

void relay(IOStream first, IOStream second, std::function<void(const RelayResult&)> done) {
  std::make_shared<Relay>(std::move(first), std::move(second), std::move(done))->start();
}

}  // namespace twister
