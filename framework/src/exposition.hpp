// src/exposition.hpp - writes Prometheus' text format, version 0.0.4.
//
//   # HELP NAME what it is
//   # TYPE NAME counter
//   NAME{label="value",other="value"} 12
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <twister/metrics.hpp>

namespace twister::detail {

inline constexpr std::string_view exposition_type = "text/plain; version=0.0.4; charset=utf-8";

// `label="value",other="value"`, values escaped; empty without labels.
std::string label_text(const MetricLabels& labels);

// The shortest text that gives the same number; NaN, +Inf and -Inf as Prometheus spells them.
std::string number_text(double value);
inline std::string number_text(std::uint64_t value) {
  return std::to_string(value);
}

// Appends to a text. Names are taken as they are: who registers checks them.
class Exposition {
 public:
  explicit Exposition(std::string& out) : out_(out) {}

  // Begins a family; its samples follow.
  void family(std::string_view name, std::string_view help, std::string_view type);
  template <class Number>
  void sample(std::string_view labels, Number value) {
    line("", labels, "", number_text(value));
  }
  // `counts` are of each bucket alone, one more than there are bounds.
  void histogram(std::string_view labels, std::span<const double> bounds,
                 std::span<const std::uint64_t> counts, double sum);

 private:
  void line(std::string_view suffix, std::string_view labels, std::string_view more_labels,
            std::string_view value);

  std::string& out_;
  std::string name_;
};

}  // namespace twister::detail
