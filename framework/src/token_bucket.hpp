// src/token_bucket.hpp - so much a second, with a burst.
#pragma once

#include <algorithm>

#include <twister/clock.hpp>
#include <twister/stream_options.hpp>

namespace twister::detail {

// Tokens flow in at a steady rate, up to the burst. More may be taken than there are: then there is a
// debt, and nothing more should be taken until it is paid.
class TokenBucket {
 public:
  TokenBucket(const RateLimit& limit, TimePoint now) noexcept
      : per_second_(static_cast<double>(limit.per_second)),
        most_(static_cast<double>(limit.burst > 0 ? limit.burst : limit.per_second)),
        tokens_(most_),
        filled_(now) {}

  // Takes `count`; the time until there is one token again, zero when there is.
  Duration take(std::size_t count, TimePoint now) noexcept {
    const std::chrono::duration<double> passed = now - filled_;
    filled_ = now;
    tokens_ = std::min(most_, tokens_ + passed.count() * per_second_);
    tokens_ -= static_cast<double>(count);
    if (tokens_ >= 1) return Duration::zero();
    // Rounded up, so that the token is there when the time is over.
    const std::chrono::duration<double> wait((1 - tokens_) / per_second_);
    return std::chrono::ceil<std::chrono::milliseconds>(wait);
  }

 private:
  double per_second_;
  double most_;
  double tokens_;
  TimePoint filled_;
};

}  // namespace twister::detail
