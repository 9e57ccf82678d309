// twister/metrics.hpp - counters, gauges and histograms of your own, for Prometheus.
//
//   twister::MetricsRegistry metrics;
//   twister::Counter moves = metrics.counter("game_moves_total", "Moves made.");
//   moves.add();                        // a load and a store: no lock, no locked instruction
//   std::string text = metrics.text();  // the exposition format, version 0.0.4
//
// Served by AdminServer (twister/admin_server.hpp), beside the figures that twister keeps of its own
// loops and servers. Not for what has to be known of each single event: that is for logs.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twister {

namespace detail {

class MetricsTable;
struct CallbackCell;

// What one metric counts into. One thread writes, any reads: so a load and a store will do. On a
// cache line of its own, because the next cell may be another thread's.
struct alignas(64) MetricCell {
  std::atomic<std::uint64_t> count{0};
  std::atomic<double> value{0};
  std::vector<double> bounds;
  std::vector<std::atomic<std::uint64_t>> buckets;  // one more than bounds

  static void increase(std::atomic<std::uint64_t>& cell, std::uint64_t by) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  static void increase(std::atomic<double>& cell, double by) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
};

}  // namespace detail

// Names and values, such as {{"room", "lobby"}}. A value may be any UTF-8 text.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// A number that only grows. One made without a registry counts nothing.
//
// Threads: one writes. Each loop registers the name for itself; what is scraped is the sum.
// Ownership: moves, may outlive its registry, and what it has counted stays counted.
class Counter {
 public:
  Counter() = default;
  explicit Counter(std::shared_ptr<detail::MetricCell> cell) noexcept : cell_(std::move(cell)) {}
  Counter(Counter&&) = default;
  Counter& operator=(Counter&&) = default;

  void add(std::uint64_t count = 1) noexcept {
    if (cell_ != nullptr) cell_->increase(cell_->count, count);
  }
  // Of this one alone.
  std::uint64_t value() const noexcept {
    return cell_ == nullptr ? 0 : cell_->count.load(std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<detail::MetricCell> cell_;
};

// A number that goes up and down. Threads and Ownership as for Counter, but once destroyed it no
// longer counts.
class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(std::shared_ptr<detail::MetricCell> cell) noexcept : cell_(std::move(cell)) {}
  Gauge(Gauge&&) = default;
  Gauge& operator=(Gauge&&) = default;

  void set(double value) noexcept {
    if (cell_ != nullptr) cell_->value.store(value, std::memory_order_relaxed);
  }
  void add(double difference) noexcept {
    if (cell_ != nullptr) cell_->increase(cell_->value, difference);
  }
  double value() const noexcept {
    return cell_ == nullptr ? 0 : cell_->value.load(std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<detail::MetricCell> cell_;
};

// How often values fell between fixed bounds. Threads and Ownership as for Counter.
class Histogram {
 public:
  Histogram() = default;
  explicit Histogram(std::shared_ptr<detail::MetricCell> cell) noexcept : cell_(std::move(cell)) {}
  Histogram(Histogram&&) = default;
  Histogram& operator=(Histogram&&) = default;

  // What is not a number is ignored.
  void observe(double value) noexcept {
    if (cell_ == nullptr || std::isnan(value)) return;
    const auto& bounds = cell_->bounds;
    const auto bound = std::lower_bound(bounds.begin(), bounds.end(), value);
    cell_->increase(cell_->buckets[static_cast<std::size_t>(bound - bounds.begin())], 1);
    cell_->increase(cell_->value, value);
  }

 private:
  std::shared_ptr<detail::MetricCell> cell_;
};

// Keeps a function registered. Destroying it waits until a call that runs has returned, so it is
// not to be destroyed by that function, and destroys the function with what it holds.
class CallbackGauge {
 public:
  CallbackGauge() = default;
  explicit CallbackGauge(std::shared_ptr<detail::CallbackCell> cell) noexcept
      : cell_(std::move(cell)) {}
  CallbackGauge(CallbackGauge&&) = default;
  CallbackGauge& operator=(CallbackGauge&&) = default;

 private:
  std::shared_ptr<detail::CallbackCell> cell_;
};

struct MetricsOptions {
  // Names with their labels; a histogram is one. A label whose values come from outside would grow
  // without end.
  std::size_t max_series = 10'000;
};

// What there is to scrape.
//
// Threads: any. Making a metric, ending one and scraping take a lock, using one does not.
// Errors: registering throws std::invalid_argument for what Prometheus would not understand: other
//   characters in a name, a label twice, one that begins with `__` or is `le` in a histogram, a
//   value that is not UTF-8; members of a family that differ in type, help, label names or bounds; a
//   name whose series another family has; a name that begins with `twister_`, for those are
//   twister's own. std::length_error beyond max_series.
class MetricsRegistry {
 public:
  explicit MetricsRegistry(MetricsOptions options = {});
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // By custom a counter's name ends in `_total`, and units are seconds and bytes.
  [[nodiscard]] Counter counter(std::string_view name, std::string_view help,
                                const MetricLabels& labels = {});
  [[nodiscard]] Gauge gauge(std::string_view name, std::string_view help,
                            const MetricLabels& labels = {});
  // A gauge that is read at every scrape, on the thread that scrapes: `read` touches only what is
  // safe there. If it throws, its series is left out of that scrape.
  [[nodiscard]] CallbackGauge callback_gauge(std::string_view name, std::string_view help,
                                             std::function<double()> read,
                                             const MetricLabels& labels = {});
  // `bounds`, 1 to 64 of them, rise and are finite; a bucket for what exceeds them is added.
  [[nodiscard]] Histogram histogram(std::string_view name, std::string_view help,
                                    std::vector<double> bounds, const MetricLabels& labels = {});

  // Appends all of it in Prometheus' text format 0.0.4: families by name, series by labels.
  void write(std::string& out) const;
  std::string text() const;

  // Expires with the registry, though not with its metrics: for what is kept by registry, since a later one may
  // have its address.
  std::weak_ptr<void> lifetime() const noexcept { return lifetime_; }

 private:
  std::shared_ptr<detail::MetricsTable> table_;
  std::shared_ptr<void> lifetime_ = std::make_shared<char>();
};

}  // namespace twister
