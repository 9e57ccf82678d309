#include "twister/metrics.hpp"

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include "exposition.hpp"
#include "metric_family.hpp"

namespace twister {
namespace detail {

struct CallbackCell {
  std::mutex mutex;              // held while `read` runs
  std::function<double()> read;  // empty once its gauge is gone

  std::optional<double> ask() {
    const std::lock_guard lock(mutex);
    if (!read) return std::nullopt;
    try {
      return read();
    } catch (...) {
      return std::nullopt;
    }
  }
  // What the user gave us, to be destroyed without any lock: what it holds may register and unregister.
  std::function<double()> retire() {
    const std::lock_guard running(mutex);
    return std::exchange(read, nullptr);
  }
};

// Families, their series, and of each the metrics that users hold.
//
// Ownership: shared by the registry and the metrics; each takes itself out when it ends, so that there
//   is never more here than is in use, and what counters and histograms have counted.
// Threads: any. No callback of a user runs, and nothing of a user's is destroyed, under `mutex_`.
class MetricsTable : public std::enable_shared_from_this<MetricsTable> {
 public:
  explicit MetricsTable(MetricsOptions options) : options_(options) {}

  std::shared_ptr<MetricCell> add_cell(const MetricName& metric) {
    std::list<MetricCell> made(1);
    const auto cell = made.begin();
    cell->bounds = metric.shape.bounds;
    cell->buckets = make_buckets(metric.shape);
    Place place;
    {
      const std::lock_guard lock(mutex_);
      place = place_of(metric);
      place.series->second.cells.splice(place.series->second.cells.end(), made);
    }
    return {&*cell,
            [table = shared_from_this(), place, cell](MetricCell*) { table->remove(place, cell); }};
  }

  std::shared_ptr<CallbackCell> add_callback(const MetricName& metric,
                                             std::function<double()> read) {
    if (!read) refuse_metric(metric.name, "there is nothing to call");
    std::list<std::shared_ptr<CallbackCell>> made{std::make_shared<CallbackCell>()};
    const auto cell = made.begin();
    (*cell)->read = std::move(read);
    Place place;
    {
      const std::lock_guard lock(mutex_);
      place = place_of(metric);
      place.series->second.callbacks.splice(place.series->second.callbacks.end(), made);
    }
    return {cell->get(), [table = shared_from_this(), place, cell](CallbackCell* held) {
              const std::function<double()> ended = held->retire();
              table->remove(place, cell);
            }};
  }

  void write(std::string& out) {
    const Answers answers = ask_callbacks();
    Exposition exposition(out);
    const std::lock_guard lock(mutex_);
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
  // Kept until the page is written: a new cell at the address of one that ended meanwhile would be
  // taken for it.
  using Answers = std::map<std::shared_ptr<CallbackCell>, std::optional<double>>;

  struct Totals {
    std::uint64_t count = 0;
    double value = 0;
    std::vector<std::uint64_t> buckets;

    void add(const MetricCell& cell) noexcept {
      count += cell.count.load(std::memory_order_relaxed);
      value += cell.value.load(std::memory_order_relaxed);
      for (std::size_t i = 0; i < buckets.size(); ++i)
        buckets[i] += cell.buckets[i].load(std::memory_order_relaxed);
    }
  };

  // Lists, of which any member can be taken out at once.
  struct Series {
    std::list<MetricCell> cells;
    std::list<std::shared_ptr<CallbackCell>> callbacks;
    Totals ended;  // what those counted that are gone
  };

  struct Family {
    FamilyShape shape;
    std::map<std::string, Series> series;  // by the text of their labels; one at least
  };
  using Families = std::map<std::string, Family, std::less<>>;

  // Where a metric is. Valid as long as it is there.
  struct Place {
    Families::iterator family;
    std::map<std::string, Series>::iterator series;
  };

  static std::vector<std::atomic<std::uint64_t>> make_buckets(const FamilyShape& shape) {
    return std::vector<std::atomic<std::uint64_t>>(bucket_count(shape));
  }
  static std::size_t bucket_count(const FamilyShape& shape) noexcept {
    return shape.type == MetricType::histogram ? shape.bounds.size() + 1 : 0;
  }

  // Nothing has changed when it throws.
  Place place_of(const MetricName& metric) {
    const auto family = families_.find(metric.name);
    if (family == families_.end()) {
      check_series_names(metric.name, metric.shape.type);
      check_limit(metric.name);
      Family fresh{.shape = metric.shape, .series = {}};
      fresh.series.emplace(metric.labels, make_series(metric.shape));
      const auto added = families_.emplace(metric.name, std::move(fresh)).first;
      ++series_;
      return {added, added->second.series.begin()};
    }
    check_shape(metric.name, metric.shape, family->second.shape);
    auto series = family->second.series.find(metric.labels);
    if (series == family->second.series.end()) {
      check_limit(metric.name);
      series = family->second.series.emplace(metric.labels, make_series(metric.shape)).first;
      ++series_;
    }
    return {family, series};
  }

  static Series make_series(const FamilyShape& shape) {
    Series series;
    series.ended.buckets.resize(bucket_count(shape));  // now, because what adds to it must not fail
    return series;
  }

  void check_limit(const std::string& name) const {
    if (series_ < options_.max_series) return;
    throw std::length_error("metric \"" + name + "\": more than max_series " +
                            std::to_string(options_.max_series) + " series");
  }

  static void check_shape(const std::string& name, const FamilyShape& shape,
                          const FamilyShape& first) {
    if (first.type != shape.type)
      refuse_metric(name, "is a " + std::string(name_of(first.type)) + " already");
    if (first.help != shape.help) refuse_metric(name, "has another help text already");
    if (first.labels != shape.labels) refuse_metric(name, "has other labels already");
    if (first.bounds != shape.bounds) refuse_metric(name, "has other bounds already");
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

  void remove(const Place& place, std::list<MetricCell>::iterator cell) {
    const std::lock_guard lock(mutex_);
    Series& series = place.series->second;
    if (place.family->second.shape.type != MetricType::gauge) series.ended.add(*cell);
    series.cells.erase(cell);
    forget_if_over(place);
  }

  void remove(const Place& place, std::list<std::shared_ptr<CallbackCell>>::iterator cell) {
    const std::lock_guard lock(mutex_);
    place.series->second.callbacks.erase(cell);
    forget_if_over(place);
  }

  // What counters and histograms counted is kept; a series of gauges goes with the last of them, and a
  // family with its last series.
  void forget_if_over(const Place& place) {
    const Series& series = place.series->second;
    Family& family = place.family->second;
    if (family.shape.type != MetricType::gauge) return;
    if (!series.cells.empty() || !series.callbacks.empty()) return;
    family.series.erase(place.series);
    --series_;
    if (family.series.empty()) families_.erase(place.family);
  }

  // Without the lock of the table: a callback may take its time, or register something.
  Answers ask_callbacks() {
    Answers answers;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, family] : families_)
        for (const auto& [labels, one] : family.series)
          for (const auto& cell : one.callbacks) answers.emplace(cell, std::nullopt);
    }
    for (auto& [cell, answer] : answers) answer = cell->ask();
    return answers;
  }

  // Empty when there is nothing to say of a series: callbacks alone, none of which answered.
  static std::optional<Totals> sum(const FamilyShape& shape, const Series& one,
                                   const Answers& answers) {
    Totals totals = one.ended;
    bool any = shape.type != MetricType::gauge || !one.cells.empty();
    for (const MetricCell& cell : one.cells) totals.add(cell);
    for (const auto& cell : one.callbacks) {
      const auto answer = answers.find(cell);
      if (answer == answers.end() || !answer->second) continue;
      totals.value += *answer->second;
      any = true;
    }
    return any ? std::optional(std::move(totals)) : std::nullopt;
  }

  const MetricsOptions options_;
  std::mutex mutex_;
  Families families_;
  std::size_t series_ = 0;
};

}  // namespace detail

using detail::MetricType;

MetricsRegistry::MetricsRegistry(MetricsOptions options)
    : table_(std::make_shared<detail::MetricsTable>(options)) {}

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
