// call_load.hpp - what the programs that call Echo have in common: their options, and the line they print.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "../histogram.hpp"

namespace twister::bench {

inline double number_of(int argc, char** argv, const char* name, double otherwise) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], name) == 0) return std::atof(argv[i + 1]);
  }
  return otherwise;
}

struct LoadOptions {
  int port = 8888;
  int connections = 1;
  int in_flight = 1;  // of each connection
  std::size_t size = 32;
  double seconds = 5;

  LoadOptions(int argc, char** argv)
      : port(static_cast<int>(number_of(argc, argv, "--port", 8888))),
        connections(static_cast<int>(number_of(argc, argv, "--connections", 1))),
        in_flight(static_cast<int>(number_of(argc, argv, "--in-flight", 1))),
        size(static_cast<std::size_t>(number_of(argc, argv, "--size", 32))),
        seconds(number_of(argc, argv, "--duration", 5)) {}
};

enum class CallEnd { ok, refused, failed };

// Counts calls and times them. The first tenth is a warm-up: what begins in it is not timed.
class CallTimes {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  explicit CallTimes(double seconds) : seconds_(seconds) { start(); }

  // Begins anew, now.
  void start() {
    const auto after = [](double part) {
      return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(part));
    };
    begin_ = Clock::now() + after(seconds_ / 10);
    end_ = begin_ + after(seconds_);
  }
  // A call that was made at `sent` has ended. False when the time is over.
  bool record(Time sent, Time now, CallEnd how = CallEnd::ok) {
    ++all_;
    if (now >= begin_ && now < end_) count(sent, now, how);
    return now < end_;
  }
  bool over(Time now) const { return now >= end_; }
  std::uint64_t failed() const { return failed_; }

  // One line of JSON. "calls" and "calls_per_s" are those that were answered in the time that counts;
  // "all_calls" also the others.
  void print() const {
    const auto us = [this](double share) {
      return static_cast<double>(times_->percentile(share)) / 1000;
    };
    std::printf(
        "{\"calls_per_s\": %.0f, \"calls\": %llu, \"all_calls\": %llu, \"refused\": %llu, "
        "\"failed\": %llu, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
        "\"p999_us\": %.1f, \"max_us\": %.1f}\n",
        static_cast<double>(times_->total()) / seconds_, number(times_->total()), number(all_),
        number(refused_), number(failed_), us(0.5), us(0.9), us(0.99), us(0.999),
        static_cast<double>(times_->largest()) / 1000);
    std::fflush(stdout);
  }

 private:
  static unsigned long long number(std::uint64_t value) { return value; }

  void count(Time sent, Time now, CallEnd how) {
    if (how == CallEnd::refused) {
      ++refused_;
    } else if (how == CallEnd::failed) {
      ++failed_;
    } else {
      times_->record(static_cast<std::uint64_t>((now - sent).count()));
    }
  }

  double seconds_;
  Time begin_;
  Time end_;
  std::unique_ptr<Histogram> times_ = std::make_unique<Histogram>();
  std::uint64_t all_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace twister::bench
