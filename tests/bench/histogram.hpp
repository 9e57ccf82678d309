// histogram.hpp - latencies in a fixed amount of memory, each to within 1 %.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace twister::bench {

// Counts nanoseconds in buckets whose width grows with the value: 64 to each power of two.
class Histogram {
 public:
  void record(std::uint64_t nanoseconds, std::uint64_t times = 1) noexcept {
    counts_[bucket(nanoseconds)] += times;
    total_ += times;
    largest_ = std::max(largest_, nanoseconds);
  }

  // The value that `share` of all are not above; 0 when nothing was recorded.
  std::uint64_t percentile(double share) const noexcept {
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > rank) return std::min(highest_of(i), largest_);
    }
    return largest_;
  }

  std::uint64_t largest() const noexcept { return largest_; }
  std::uint64_t total() const noexcept { return total_; }

 private:
  static constexpr unsigned bits = 6;

  static std::size_t bucket(std::uint64_t value) noexcept {
    if (value < (1U << bits)) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - bits - 1;
    return (std::size_t{shift} << bits) + (value >> shift);
  }
  static std::uint64_t highest_of(std::size_t index) noexcept {
    if (index < (2U << bits)) return index;
    const std::size_t shift = (index >> bits) - 1;
    return (((index & ((1U << bits) - 1)) + (1U << bits) + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - bits + 1) << bits> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace twister::bench
