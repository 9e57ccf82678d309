#include "metric_family.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>

#include "exposition.hpp"
#include "text.hpp"

namespace twister::detail {
namespace {

constexpr std::size_t max_bounds = 64;

// [a-zA-Z_][a-zA-Z0-9_]*, and colons in the names of metrics.
bool is_name(std::string_view name, bool colons) noexcept {
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');
  };
  if (name.empty() || !allowed(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return allowed(c) || (c >= '0' && c <= '9'); });
}

// Expects them sorted.
void check_labels(std::string_view name, const MetricLabels& labels, bool histogram) {
  std::string_view before;
  for (const auto& [label, value] : labels) {
    if (!is_name(label, false) || label.starts_with("__"))
      refuse_metric(name, "\"" + label + "\" cannot name a label");
    if (histogram && label == "le") refuse_metric(name, "\"le\" is the histogram's own label");
    if (label == before) refuse_metric(name, "label \"" + label + "\" is there twice");
    if (!is_utf8(value)) refuse_metric(name, "the value of label \"" + label + "\" is not UTF-8");
    before = label;
  }
}

void check_bounds(std::string_view name, const std::vector<double>& bounds) {
  if (bounds.empty() || bounds.size() > max_bounds)
    refuse_metric(name, "a histogram has 1 to " + std::to_string(max_bounds) + " bounds");
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (!std::isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1]))
      refuse_metric(name, "bounds have to be finite and to rise");
  }
}

}  // namespace

std::string_view name_of(MetricType type) noexcept {
  switch (type) {
    case MetricType::counter:
      return "counter";
    case MetricType::gauge:
      return "gauge";
    case MetricType::histogram:
      return "histogram";
  }
  return "untyped";
}

void refuse_metric(std::string_view name, const std::string& why) {
  throw std::invalid_argument("metric \"" + std::string(name) + "\": " + why);
}

MetricName::MetricName(std::string_view name_text, std::string_view help, MetricLabels pairs,
                       MetricType type, std::vector<double> bounds)
    : name(name_text) {
  std::sort(pairs.begin(), pairs.end());
  if (!is_name(name, true)) refuse_metric(name, "a name is made of a-z, A-Z, 0-9, _ and :");
  if (name.starts_with("twister_")) refuse_metric(name, "twister_ begins twister's own names");
  if (!is_utf8(help)) refuse_metric(name, "the help text is not UTF-8");
  check_labels(name, pairs, type == MetricType::histogram);
  if (type == MetricType::histogram) check_bounds(name, bounds);
  shape = {.type = type, .help = std::string(help), .labels = {}, .bounds = std::move(bounds)};
  for (const auto& [label, value] : pairs) shape.labels.push_back(label);
  labels = label_text(pairs);
}

}  // namespace twister::detail
