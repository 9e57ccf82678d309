#include "twister/metrics.hpp"

#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "exposition.hpp"
#include "metric_family.hpp"

namespace twister {
namespace detail {

struct CallbackCell {
  std::mutex mutex;  // held while `read` runs
  std::function<double()> read;
  // Read without the lock, which is not to be waited for under the table's: `read` may register.
  std::atomic<bool> retired{false};

  std::optional<double> ask() {
    const std::lock_guard lock(mutex);
    if (retired) return std::nullopt;
    try {
      return read();
    } catch (...) {
      return std::nullopt;
    }
  }
};

class MetricsTable {
 public:
  explicit MetricsTable(MetricsOptions options) : options_(options) {}

  std::shared_ptr<MetricCell> add_cell(const MetricName& metric) {
    auto cell = std::make_shared<MetricCell>();
    cell->bounds = metric.shape.bounds;
    if (metric.shape.type == MetricType::histogram)
      cell->buckets = std::vector<std::atomic<std::uint64_t>>(cell->bounds.size() + 1);
    const std::lock_guard lock(mutex_);
    series(metric).cells.push_back(cell);
    // What the user holds: its end retires the cell, from whichever thread.
    return {cell.get(),
            [cell](MetricCell* held) { held->retired.store(true, std::memory_order_release); }};
  }

  std::shared_ptr<CallbackCell> add_callback(const MetricName& metric,
                                             std::function<double()> read) {
    if (!read) refuse_metric(metric.name, "there is nothing to call");
    auto cell = std::make_shared<CallbackCell>();
    cell->read = std::move(read);
    const std::lock_guard lock(mutex_);
    series(metric).callbacks.push_back(cell);
    return {cell.get(), [cell](CallbackCell* held) {
              const std::lock_guard running(held->mutex);
              held->retired = true;
            }};
  }

  void write(std::string& out) {
    const Answers answers = ask_callbacks();
    Exposition exposition(out);
    const std::lock_guard lock(mutex_);
    forget_retired();
    for (const auto& [name, family] : families_) {
      bool begun = false;
      for (const auto& [labels, one] : family.series) {
        const std::optional<Totals> totals = sum(family.shape, one, answers);
        if (!totals) continue;
        if (!begun) exposition.family(name, family.shape.help, name_of(family.shape.type));
        begun = true;
        if (family.shape.type == MetricType::counter) {
          exposition.sample(labels, totals->count);
        } else if (family.shape.type == MetricType::gauge) {
          exposition.sample(labels, totals->value);
        } else {
          exposition.histogram(labels, family.shape.bounds, totals->buckets, totals->value);
        }
      }
    }
  }

 private:
  using Answers = std::map<const CallbackCell*, std::optional<double>>;

  struct Totals {
    std::uint64_t count = 0;
    double value = 0;
    std::vector<std::uint64_t> buckets;

    void add(const MetricCell& cell) {
      count += cell.count.load(std::memory_order_relaxed);
      value += cell.value.load(std::memory_order_relaxed);
      buckets.resize(cell.buckets.size());
      for (std::size_t i = 0; i < buckets.size(); ++i)
        buckets[i] += cell.buckets[i].load(std::memory_order_relaxed);
    }
  };

  struct Series {
    std::vector<std::shared_ptr<MetricCell>> cells;
    std::vector<std::shared_ptr<CallbackCell>> callbacks;
    Totals retired;
  };

  struct Family {
    FamilyShape shape;
    std::map<std::string, Series> series;  // by the text of their labels
  };

  Series& series(const MetricName& metric) {
    Family& family = family_of(metric.name, metric.shape);
    if (const auto found = family.series.find(metric.labels); found != family.series.end())
      return found->second;
    if (series_ >= options_.max_series) forget_retired();
    if (series_ >= options_.max_series) {
      throw std::length_error("metric \"" + metric.name + "\": more than max_series " +
                              std::to_string(options_.max_series) + " series");
    }
    ++series_;
    return family.series[metric.labels];
  }

  Family& family_of(const std::string& name, const FamilyShape& shape) {
    if (const auto found = families_.find(name); found != families_.end()) {
      const FamilyShape& first = found->second.shape;
      if (first.type != shape.type)
        refuse_metric(name, "is a " + std::string(name_of(first.type)) + " already");
      if (first.help != shape.help) refuse_metric(name, "has another help text already");
      if (first.labels != shape.labels) refuse_metric(name, "has other labels already");
      if (first.bounds != shape.bounds) refuse_metric(name, "has other bounds already");
      return found->second;
    }
    check_series_names(name, shape.type);
    return families_.emplace(name, Family{.shape = shape, .series = {}}).first->second;
  }

  // A histogram's series have suffixes, and so may the name of another family.
  void check_series_names(const std::string& name, MetricType type) {
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      if (type == MetricType::histogram && families_.contains(name + suffix))
        refuse_metric(name,
                      std::string("there is a metric with its suffix ") + suffix + " already");
      if (!name.ends_with(suffix)) continue;
      const auto stem = name.substr(0, name.size() - std::string_view(suffix).size());
      const auto found = families_.find(stem);
      if (found != families_.end() && found->second.shape.type == MetricType::histogram)
        refuse_metric(name, "is a series of the histogram \"" + std::string(stem) + "\"");
    }
  }

  // Without the lock of the table: a callback may take its time, or register something.
  Answers ask_callbacks() {
    std::vector<std::shared_ptr<CallbackCell>> cells;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, family] : families_)
        for (const auto& [labels, one] : family.series)
          cells.insert(cells.end(), one.callbacks.begin(), one.callbacks.end());
    }
    Answers answers;
    for (const auto& cell : cells) answers[cell.get()] = cell->ask();
    return answers;
  }

  // What counters and histograms counted is kept; gauges go, and a series without any goes too.
  void forget_retired() {
    for (auto& [name, family] : families_) {
      const bool keeps = family.shape.type != MetricType::gauge;
      for (auto next = family.series.begin(); next != family.series.end();) {
        Series& one = next->second;
        std::erase_if(one.cells, [&](const std::shared_ptr<MetricCell>& cell) {
          if (!cell->retired.load(std::memory_order_acquire)) return false;
          if (keeps) one.retired.add(*cell);
          return true;
        });
        std::erase_if(one.callbacks, [](const std::shared_ptr<CallbackCell>& cell) {
          return cell->retired.load(std::memory_order_acquire);
        });
        const bool over = !keeps && one.cells.empty() && one.callbacks.empty();
        next = over ? family.series.erase(next) : std::next(next);
        if (over) --series_;
      }
    }
  }

  // Empty when there is nothing to say of a series: callbacks alone, none of which answered.
  static std::optional<Totals> sum(const FamilyShape& shape, const Series& one,
                                   const Answers& answers) {
    Totals totals = one.retired;
    bool any = shape.type != MetricType::gauge || !one.cells.empty();
    for (const auto& cell : one.cells) totals.add(*cell);
    for (const auto& cell : one.callbacks) {
      const auto answer = answers.find(cell.get());
      if (answer == answers.end() || !answer->second) continue;
      totals.value += *answer->second;
      any = true;
    }
    return any ? std::optional(std::move(totals)) : std::nullopt;
  }

  const MetricsOptions options_;
  std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
  std::size_t series_ = 0;
};

}  // namespace detail

using detail::MetricType;

MetricsRegistry::MetricsRegistry(MetricsOptions options)
    : table_(std::make_unique<detail::MetricsTable>(options)) {}

MetricsRegistry::~MetricsRegistry() = default;

Counter MetricsRegistry::counter(std::string_view name, std::string_view help,
                                 const MetricLabels& labels) {
  return Counter(table_->add_cell(detail::MetricName(name, help, labels, MetricType::counter)));
}

Gauge MetricsRegistry::gauge(std::string_view name, std::string_view help,
                             const MetricLabels& labels) {
  return Gauge(table_->add_cell(detail::MetricName(name, help, labels, MetricType::gauge)));
}

CallbackGauge MetricsRegistry::callback_gauge(std::string_view name, std::string_view help,
                                              std::function<double()> read,
                                              const MetricLabels& labels) {
  return CallbackGauge(table_->add_callback(
      detail::MetricName(name, help, labels, MetricType::gauge), std::move(read)));
}

Histogram MetricsRegistry::histogram(std::string_view name, std::string_view help,
                                     std::vector<double> bounds, const MetricLabels& labels) {
  return Histogram(table_->add_cell(
      detail::MetricName(name, help, labels, MetricType::histogram, std::move(bounds))));
}

void MetricsRegistry::write(std::string& out) const {
  table_->write(out);
}

std::string MetricsRegistry::text() const {
  std::string out;
  write(out);
  return out;
}

}  // namespace twister
