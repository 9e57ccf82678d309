// src/metric_family.hpp - what makes a metric's name good, and what the members of a family share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <twister/metrics.hpp>

namespace twister::detail {

enum class MetricType { counter, gauge, histogram };
std::string_view name_of(MetricType type) noexcept;

// Throws std::invalid_argument: metric "NAME": WHY.
[[noreturn]] void refuse_metric(std::string_view name, const std::string& why);

// All of a family but the values of the labels.
struct FamilyShape {
  MetricType type{};
  std::string help;
  std::vector<std::string> labels;  // their names, sorted
  std::vector<double> bounds;       // of a histogram
};

// What a user registers, checked against Prometheus' rules: throws std::invalid_argument.
struct MetricName {
  MetricName(std::string_view name, std::string_view help, MetricLabels labels, MetricType type,
             std::vector<double> bounds = {});

  std::string name;
  FamilyShape shape;
  std::string labels;  // as they are written, sorted by name
};

}  // namespace twister::detail
